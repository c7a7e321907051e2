/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* How many interrupts PCI functions have raised: the sums of their lines in /proc/interrupts. */
#include "config.h"
#include "hal/interrupts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/hal.h"
#include "hal/sysfs.h"

#define BUFFER	  65536 /* a line has at most 11 bytes for each CPU, and a name */
#define FILE_MAX  (64 << 20)
#define LINES_MAX 16384

struct line {
	unsigned int number;
	int group;
};

struct dam_interrupts {
	char root[DAM_SYSFS_PATH];
	int fd;
	int nr_groups;
	unsigned int nr_lines;
	struct {
		char function[DAM_HAL_NAME];
		uint64_t count, sum; /* of the last reading, and of the one going on */
	} group[DAM_INTERRUPTS_GROUPS];
	struct line line[LINES_MAX]; /* by number */
	char buf[BUFFER];
};

int dam_interrupts_open(const char *root, struct dam_interrupts **out)
{
	struct dam_interrupts *irqs = calloc(1, sizeof(*irqs));

	if (!irqs)
		return -ENOMEM;
	dam_strlcpy(irqs->root, root, sizeof(irqs->root));
	irqs->fd = dam_sysfs_open(root, "/proc/interrupts");
	if (irqs->fd < 0) {
		int err = irqs->fd;

		free(irqs);
		return err;
	}
	*out = irqs;
	return 0;
}

void dam_interrupts_close(struct dam_interrupts *irqs)
{
	if (!irqs)
		return;
	close(irqs->fd);
	free(irqs);
}

static void add_line(struct dam_interrupts *irqs, uint64_t number, int group)
{
	if (irqs->nr_lines < LINES_MAX && number <= UINT32_MAX)
		irqs->line[irqs->nr_lines++] = (struct line){(unsigned int)number, group};
}

static int by_number(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* MSI has a line for each vector; without MSI there is one, which others may share. */
static void add_lines(struct dam_interrupts *irqs, int group)
{
	const char *function = irqs->group[group].function;
	uint64_t number;
	int64_t legacy;
	char **list;
	int nr = dam_sysfs_list(&list, irqs->root, "/sys/bus/pci/devices/%s/msi_irqs", function);

	for (int i = 0; i < nr; i++)
		if (!dam_parse_u64(list[i], &number))
			add_line(irqs, number, group);
	if (nr <= 0) {
		legacy = dam_sysfs_number(0, irqs->root, "/sys/bus/pci/devices/%s/irq", function);
		if (legacy > 0)
			add_line(irqs, (uint64_t)legacy, group);
	}
	dam_sysfs_list_free(list, nr);
}

void dam_interrupts_refresh(struct dam_interrupts *irqs)
{
	irqs->nr_lines = 0;
	for (int g = 0; g < irqs->nr_groups; g++)
		add_lines(irqs, g);
	qsort(irqs->line, irqs->nr_lines, sizeof(irqs->line[0]), by_number);
}

int dam_interrupts_watch(struct dam_interrupts *irqs, const char *function)
{
	unsigned int before = irqs->nr_lines;

	if (!*function || strchr(function, '/') || strlen(function) >= DAM_HAL_NAME)
		return -ENOENT;
	for (int g = 0; g < irqs->nr_groups; g++)
		if (!strcmp(irqs->group[g].function, function))
			return g;
	if (irqs->nr_groups == DAM_INTERRUPTS_GROUPS)
		return -ENOSPC;
	dam_strlcpy(irqs->group[irqs->nr_groups].function, function, DAM_HAL_NAME);
	irqs->nr_groups++;
	dam_interrupts_refresh(irqs);
	if (irqs->nr_lines > before)
		return irqs->nr_groups - 1;
	irqs->nr_groups--; /* its entry is zero but for the name */
	return -ENOENT;
}

/* "  42:   17   0  PCI-MSI 524288-edge  nvme0q0": the numbers up to the first word. */
static uint64_t sum_columns(const char *p, const char *end)
{
	uint64_t sum = 0;

	for (;;) {
		uint64_t v = 0;

		while (p < end && *p == ' ')
			p++;
		if (p == end || *p < '0' || *p > '9')
			return sum;
		for (; p < end && *p >= '0' && *p <= '9'; p++)
			v = v * 10 + (uint64_t)(*p - '0');
		if (p < end && *p != ' ')
			return sum; /* a word that begins with a digit */
		sum += v;
	}
}

static void take_line(struct dam_interrupts *irqs, const char *p, const char *end)
{
	struct line key = {0}, *l;
	const char *digits;

	while (p < end && *p == ' ')
		p++;
	for (digits = p; p < end && *p >= '0' && *p <= '9' && p - digits < 9; p++)
		key.number = key.number * 10 + (unsigned int)(*p - '0');
	if (p == digits || p == end || *p != ':')
		return; /* the heading, or NMI: and its like */
	l = bsearch(&key, irqs->line, irqs->nr_lines, sizeof(key), by_number);
	if (!l)
		return;
	/* a line that several functions share counts for each */
	while (l > irqs->line && l[-1].number == key.number)
		l--;
	for (; l < irqs->line + irqs->nr_lines && l->number == key.number; l++)
		irqs->group[l->group].sum += sum_columns(p + 1, end);
}

int dam_interrupts_read(struct dam_interrupts *irqs)
{
	size_t held = 0;
	off_t at = 0;
	ssize_t n;

	for (int g = 0; g < irqs->nr_groups; g++)
		irqs->group[g].sum = 0;
	do {
		char *p = irqs->buf, *end, *newline;

		n = pread(irqs->fd, irqs->buf + held, sizeof(irqs->buf) - held, at);
		if (n < 0)
			return -errno;
		at += n;
		end = irqs->buf + held + n;
		while ((newline = memchr(p, '\n', (size_t)(end - p)))) {
			take_line(irqs, p, newline);
			p = newline + 1;
		}
		held = (size_t)(end - p);
		if (held == sizeof(irqs->buf))
			held = 0; /* no line is so long: damage */
		memmove(irqs->buf, p, held);
	} while (n && at < FILE_MAX);
	for (int g = 0; g < irqs->nr_groups; g++)
		irqs->group[g].count = irqs->group[g].sum;
	return 0;
}

uint64_t dam_interrupts_count(const struct dam_interrupts *irqs, int group)
{
	return irqs->group[group].count;
}
