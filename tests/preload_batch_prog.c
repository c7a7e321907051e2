/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Hands batches of reads to libaio that are alike up to some point, or can be read up to some point. Prints what went to
 * the device: "tid read_bytes read_ops write_bytes write_ops". Usage: FILE
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK 4096u
#define PAGE  4096u
#define BATCH 8

static io_context_t context;
static int direct, buffered;
static unsigned long long bytes[2], ops[2];
static char *buf;
/* Each the last of what can be read. */
static struct iocb *blocks, **list;

static void need(int ok, const char *what)
{
	if (!ok) {
		dprintf(2, "%s: %s\n", what, strerror(errno));
		_exit(3);
	}
}

/* Two pages, of which the second cannot be read. Return: the end of the first. */
static char *brink(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(p != MAP_FAILED && !mprotect(p + PAGE, PAGE, PROT_NONE), "memory");
	return p + PAGE;
}

/* What is done to a batch of reads of the device, from block 5 on; where it leaves room, the kernel takes all. */
static int alike(void)
{
	return BATCH;
}

static int other_file(void)
{
	for (int i = 5; i < BATCH; i++)
		blocks[i].aio_fildes = buffered;
	return BATCH;
}

static int writes(void)
{
	for (int i = 5; i < BATCH; i++)
		io_prep_pwrite(&blocks[i], direct, buf, BLOCK, 0);
	return BATCH;
}

static int no_block(void)
{
	list[5] = (struct iocb *)(void *)(blocks + BATCH);
	return 5;
}

static int half_a_block(void)
{
	list[5] = (struct iocb *)(void *)((char *)(blocks + BATCH) - 40);
	return 5;
}

static int no_list(void)
{
	for (int i = 0; i < 5; i++)
		list[i + 3] = list[i];
	list += 3;
	return 5;
}

static int (*const steps[])(void) = {alike, other_file, writes, no_block, half_a_block, no_list};

static void submit(int (*change)(void))
{
	struct io_event event[BATCH];
	struct iocb **whole = list;
	int taken;

	for (int i = 0; i < BATCH; i++)
		io_prep_pread(list[i] = &blocks[i], direct, buf, BLOCK, 0);
	taken = change();
	need(io_submit(context, BATCH, list) == taken, "io_submit");
	need(io_getevents(context, taken, taken, event, NULL) == taken, "completion");
	for (int i = 0; i < taken; i++) {
		const int write = list[i]->aio_lio_opcode == IO_CMD_PWRITE;

		bytes[write] += list[i]->aio_fildes == direct ? BLOCK : 0;
		ops[write] += list[i]->aio_fildes == direct;
	}
	list = whole;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	direct = open(argv[1], O_RDWR | O_DIRECT);
	buffered = open(argv[1], O_RDWR);
	need(direct >= 0 && buffered >= 0, argv[1]);
	need(!posix_memalign((void **)&buf, BLOCK, BLOCK) && !io_setup(2 * BATCH, &context), "setup");
	blocks = (struct iocb *)(void *)brink() - BATCH;
	list = (struct iocb **)(void *)brink() - BATCH;
	for (int round = 0; round < 40; round++)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			submit(steps[i]);
	printf("%d %llu %llu %llu %llu\n", gettid(), bytes[0], ops[0], bytes[1], ops[1]);
	return 0;
}
