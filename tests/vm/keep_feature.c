/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * keep_feature NAME: a character device /dev/NAME that answers NVMe admin commands as a controller
 * does whose feature Interrupt Coalescing (08h) can be changed. QEMU's has the feature, but refuses
 * to change it.
 *
 * By CUSE: the program under test makes its ioctl on a device of the kernel, and what was set
 * outlives it. Only Get Features and Set Features of 08h are known; all else is answered by Invalid
 * Opcode.
 *
 * keep_feature NAME any: one that says yes to every ioctl, and gives back what it was given.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define MESSAGE_MAX	    (1 << 17)
#define STATUS_BAD_OPCODE   0x4001
#define STATUS_BAD_FIELD    0x4002
#define STATUS_NOT_SAVEABLE 0x410d
#define SAVE		    (1u << 31)

static unsigned int feature; /* dword 11: both fields 0 at first */
static int yes;		     /* to everything */

static int answer(int fd, const struct fuse_in_header *in, int err, const void *data, size_t size)
{
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof(out) + size), .error = err, .unique = in->unique};
	struct iovec v[] = {{&out, sizeof(out)}, {(void *)data, size}};

	return writev(fd, v, 2) < 0 ? -errno : 0;
}

static int answer_init(int fd, const struct fuse_in_header *in, const char *name)
{
	const struct cuse_init_in *init = (const void *)(in + 1);
	struct {
		struct cuse_init_out out;
		char info[64];
	} a = {.out = {.major = init->major,
		       .minor = init->minor,
		       .max_read = 4096,
		       .max_write = 4096}};
	int n = snprintf(a.info, sizeof(a.info), "DEVNAME=%s", name);

	return answer(fd, in, 0, &a, sizeof(a.out) + (size_t)n + 1);
}

/* Return: the status of the command. */
static int admin(struct nvme_admin_cmd *cmd)
{
	if (cmd->opcode != 0x09 && cmd->opcode != 0x0a)
		return STATUS_BAD_OPCODE;
	if ((cmd->cdw10 & 0xff) != 0x08)
		return STATUS_BAD_FIELD;
	if (cmd->opcode == 0x0a) {
		cmd->result = feature;
		return 0;
	}
	if (cmd->cdw10 & SAVE)
		return STATUS_NOT_SAVEABLE;
	feature = cmd->cdw11 & 0xffff;
	return 0;
}

static int say_yes(int fd, const struct fuse_in_header *in, const struct fuse_ioctl_in *i)
{
	struct {
		struct fuse_ioctl_out out;
		char data[4096];
	} a = {0};
	uint32_t size = i->out_size < sizeof(a.data) ? i->out_size : sizeof(a.data);

	memcpy(a.data, i + 1, i->in_size < size ? i->in_size : size);
	return answer(fd, in, 0, &a, sizeof(a.out) + size);
}

static int answer_ioctl(int fd, const struct fuse_in_header *in)
{
	const struct fuse_ioctl_in *i = (const void *)(in + 1);
	struct {
		struct fuse_ioctl_out out;
		struct nvme_admin_cmd cmd;
	} a = {0};

	if (yes)
		return say_yes(fd, in, i);
	if (i->cmd != NVME_IOCTL_ADMIN_CMD || i->in_size != sizeof(a.cmd) ||
	    i->out_size != sizeof(a.cmd))
		return answer(fd, in, -ENOTTY, NULL, 0);
	memcpy(&a.cmd, i + 1, sizeof(a.cmd));
	a.out.result = admin(&a.cmd);
	return answer(fd, in, 0, &a, sizeof(a));
}

static int serve(int fd, const struct fuse_in_header *in, const char *name)
{
	static const struct fuse_open_out open_out;

	switch (in->opcode) {
	case CUSE_INIT:
		return answer_init(fd, in, name);
	case FUSE_OPEN:
		return answer(fd, in, 0, &open_out, sizeof(open_out));
	case FUSE_IOCTL:
		return answer_ioctl(fd, in);
	case FUSE_RELEASE:
	case FUSE_FLUSH:
		return answer(fd, in, 0, NULL, 0);
	case FUSE_INTERRUPT:
		return 0;
	default:
		return answer(fd, in, -ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static _Alignas(8) char buf[MESSAGE_MAX];
	int fd = open("/dev/cuse", O_RDWR | O_CLOEXEC);

	yes = argc == 3 && !strcmp(argv[2], "any");
	if (argc != 2 + yes || fd < 0) {
		fprintf(stderr, "keep_feature: %s\n",
			argc == 2 + yes ? strerror(errno) : "one name is wanted");
		return 1;
	}
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (n < (ssize_t)sizeof(struct fuse_in_header) ||
		    serve(fd, (const void *)buf, argv[1])) {
			fprintf(stderr, "keep_feature: %s\n", strerror(errno));
			return 1;
		}
	}
}
