/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Small /sys trees in a temporary directory, and a hal as text, for the tests of hal/. */
#include "config.h"
#include "tests/hal_tree.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/scratch.h"

#define PATH_LEN  1024
#define WHERE_LEN 256

void hal_tree_open(struct hal_tree *t)
{
	scratch_dir(t->root, sizeof(t->root));
}

void hal_tree_close(struct hal_tree *t)
{
	scratch_remove(t->root);
}

static void full_path(struct hal_tree *t, const char *path, char *out)
{
	int n = snprintf(out, PATH_LEN, "%s%s", t->root, path);
	char *last = strrchr(out, '/');

	assert(n < PATH_LEN);
	(void)n;
	*last = '\0';
	n = access(out, F_OK);
	*last = '/';
	if (!n)
		return;
	for (char *p = out + strlen(t->root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(out, 0700) && errno != EEXIST)
			abort();
		*p = '/';
	}
}

void hal_tree_put(struct hal_tree *t, const char *path, const char *fmt, ...)
{
	char full[PATH_LEN];
	va_list ap;
	FILE *f;

	full_path(t, path, full);
	f = fopen(full, "w");
	if (!f)
		abort();
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fputc('\n', f);
	fclose(f);
}

void hal_tree_link(struct hal_tree *t, const char *path, const char *to)
{
	char full[PATH_LEN];

	full_path(t, path, full);
	unlink(full);
	if (symlink(to, full))
		abort();
}

void hal_tree_put_in(struct hal_tree *t, const char *where, const char *file, const char *text)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "/sys/devices/%s/%s", where, file);
	hal_tree_put(t, path, "%s", text);
}

static void link_class(struct hal_tree *t, const char *class, const char *where)
{
	char path[PATH_LEN], to[PATH_LEN];

	snprintf(path, sizeof(path), "/sys/class/%s/%s", class, strrchr(where, '/') + 1);
	snprintf(to, sizeof(to), "../../devices/%s", where);
	hal_tree_link(t, path, to);
}

void hal_tree_disk(struct hal_tree *t, const char *where, const char *dev)
{
	hal_tree_put_in(t, where, "dev", dev);
	hal_tree_put_in(t, where, "size", "2097152");
	hal_tree_put_in(t, where, "stat", "10 0 80 5 20 0 320 7 3 11 12 1 0 8 0 2 1");
	hal_tree_put_in(t, where, "queue/logical_block_size", "512");
	hal_tree_put_in(t, where, "queue/rotational", "0");
	hal_tree_put_in(t, where, "queue/nr_requests", "256");
	link_class(t, "block", where);
}

void hal_tree_part(struct hal_tree *t, const char *where, const char *dev)
{
	hal_tree_put_in(t, where, "dev", dev);
	hal_tree_put_in(t, where, "partition", "1");
	hal_tree_put_in(t, where, "stat", "0 0 0 0 0 0 0 0 0 0 0");
	link_class(t, "block", where);
}

void hal_tree_pci(struct hal_tree *t, const char *where, int node, const char *cpus)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", node);
	hal_tree_put_in(t, where, "numa_node", text);
	hal_tree_put_in(t, where, "local_cpulist", cpus);
}

void hal_tree_virtio(struct hal_tree *t)
{
	hal_tree_pci(t, "pci0000:00/0000:00:02.0", 1, "2-3");
	hal_tree_disk(t, "pci0000:00/0000:00:02.0/virtio1/block/vda", "254:0");
	hal_tree_part(t, "pci0000:00/0000:00:02.0/virtio1/block/vda/vda1", "254:1");
	hal_tree_pci(t, "pci0000:00/0000:00:03.0", -1, "0-3");
	hal_tree_disk(t, "pci0000:00/0000:00:03.0/virtio2/block/vdb", "254:16");
	hal_tree_put_in(t, "pci0000:00/0000:00:03.0/virtio2/block/vdb", "queue/rotational", "1");
}

static void nvme_class(struct hal_tree *t, const char *pci, const char *name, int node)
{
	char where[WHERE_LEN], text[16];

	snprintf(where, sizeof(where), "%s/nvme/%s", pci, name);
	snprintf(text, sizeof(text), "%d", node);
	hal_tree_put_in(t, where, "numa_node", text);
	hal_tree_put_in(t, where, "state", "live");
	snprintf(text, sizeof(text), "241:%s", name + 4);
	hal_tree_put_in(t, where, "dev", text);
	link_class(t, "nvme", where);
}

void hal_tree_nvme(struct hal_tree *t)
{
	hal_tree_pci(t, "pci0000:20/0000:20:01.0/0000:21:00.0", 0, "0-1");
	nvme_class(t, "pci0000:20/0000:20:01.0/0000:21:00.0", "nvme2", 0);
	hal_tree_disk(t, "pci0000:20/0000:20:01.0/0000:21:00.0/nvme/nvme2/nvme2n1", "259:8");
	hal_tree_disk(t, "pci0000:20/0000:20:01.0/0000:21:00.0/nvme/nvme2/nvme2n2", "259:9");
	hal_tree_put_in(t, "pci0000:20/0000:20:01.0/0000:21:00.0/nvme/nvme2/nvme2n2", "queue/logical_block_size", "4096");
	hal_tree_put_in(t, "pci0000:20/0000:20:01.0/0000:21:00.0/nvme/nvme2/nvme2n1", "mq/0/cpu_list", "0, 1");
	hal_tree_put_in(t, "pci0000:20/0000:20:01.0/0000:21:00.0/nvme/nvme2/nvme2n1", "mq/1/cpu_list", "2, 3");
	hal_tree_put(t, "/sys/class/nvme-generic/ng2n2/dev", "242:2");
	/* one path only: a head, and no choice */
	hal_tree_pci(t, "pci0000:20/0000:20:02.0/0000:22:00.0", 1, "2-3");
	nvme_class(t, "pci0000:20/0000:20:02.0/0000:22:00.0", "nvme3", 1);
	hal_tree_disk(t, "pci0000:20/0000:20:02.0/0000:22:00.0/nvme/nvme3/nvme3c3n1", "0:0");
	hal_tree_disk(t, "virtual/nvme-subsystem/nvme-subsys3/nvme3n1", "259:10");
}

/* As a guest with two NUMA nodes and one controller on each shows it. */
void hal_tree_multipath(struct hal_tree *t)
{
	hal_tree_pci(t, "pci0000:40/0000:40:00.0/0000:41:00.0", 0, "0-1");
	hal_tree_pci(t, "pci0000:80/0000:80:00.0/0000:81:00.0", 1, "2-3");
	nvme_class(t, "pci0000:40/0000:40:00.0/0000:41:00.0", "nvme0", 0);
	nvme_class(t, "pci0000:80/0000:80:00.0/0000:81:00.0", "nvme1", 1);
	hal_tree_disk(t, "pci0000:40/0000:40:00.0/0000:41:00.0/nvme/nvme0/nvme1c0n1", "0:0");
	hal_tree_disk(t, "pci0000:80/0000:80:00.0/0000:81:00.0/nvme/nvme1/nvme1c1n1", "0:0");
	hal_tree_disk(t, "virtual/nvme-subsystem/nvme-subsys1/nvme1n1", "259:1");
	hal_tree_part(t, "virtual/nvme-subsystem/nvme-subsys1/nvme1n1/nvme1n1p1", "259:2");
	hal_tree_part(t, "virtual/nvme-subsystem/nvme-subsys1/nvme1n1/nvme1n1p2", "259:3");
	hal_tree_put_in(t, "virtual/nvme-subsystem/nvme-subsys1", "iopolicy", "numa");
	link_class(t, "nvme-subsystem", "virtual/nvme-subsystem/nvme-subsys1");
	hal_tree_put(t, "/sys/class/nvme-generic/ng1n1/dev", "242:0");
}

static void slave(struct hal_tree *t, const char *stack, const char *where)
{
	char path[PATH_LEN], to[PATH_LEN];

	snprintf(path, sizeof(path), "/sys/devices/virtual/block/%s/slaves/%s", stack,
		 strrchr(where, '/') + 1);
	snprintf(to, sizeof(to), "../../../../%s", where);
	hal_tree_link(t, path, to);
}

void hal_tree_stacks(struct hal_tree *t)
{
	static const char vda1[] = "pci0000:00/0000:00:02.0/virtio1/block/vda/vda1";
	static const char vdb[] = "pci0000:00/0000:00:03.0/virtio2/block/vdb";
	static const char p1[] = "virtual/nvme-subsystem/nvme-subsys1/nvme1n1/nvme1n1p1";
	static const char p2[] = "virtual/nvme-subsystem/nvme-subsys1/nvme1n1/nvme1n1p2";

	hal_tree_virtio(t);
	hal_tree_multipath(t);
	hal_tree_disk(t, "virtual/block/dm-0", "252:0"); /* LVM on one PV */
	hal_tree_put(t, "/sys/devices/virtual/block/dm-0/dm/name", "vg-root");
	slave(t, "dm-0", vda1);
	hal_tree_disk(t, "virtual/block/dm-1", "252:1"); /* striped on two */
	slave(t, "dm-1", vda1);
	slave(t, "dm-1", vdb);
	hal_tree_disk(t, "virtual/block/dm-2", "252:2"); /* crypt on LVM */
	slave(t, "dm-2", "virtual/block/dm-0");
	hal_tree_disk(t, "virtual/block/md0", "9:0"); /* two partitions of one pool */
	slave(t, "md0", p1);
	slave(t, "md0", p2);
	hal_tree_disk(t, "virtual/block/md1", "9:1"); /* an engine and a pool */
	slave(t, "md1", vdb);
	slave(t, "md1", p1);
	hal_tree_disk(t, "virtual/block/dm-3", "252:3"); /* a table without disks */
}

void hal_tree_scsi(struct hal_tree *t)
{
	static const char lun[] = "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0";
	char where[WHERE_LEN], to[PATH_LEN];

	hal_tree_pci(t, "pci0000:00/0000:00:1f.2", 0, "0-1");
	snprintf(where, sizeof(where), "%s/block/sda", lun);
	hal_tree_disk(t, where, "8:0");
	hal_tree_put_in(t, where, "queue/rotational", "1");
	hal_tree_put(t, "/sys/class/scsi_generic/sg0/dev", "21:0");
	hal_tree_put(t, "/sys/class/scsi_generic/sg1/dev", "21:1"); /* no disk: an enclosure */
	hal_tree_put(t, "/sys/class/bsg/0:0:0:0/dev", "250:0");
	snprintf(to, sizeof(to), "../../../devices/%s", lun);
	hal_tree_link(t, "/sys/class/scsi_generic/sg0/device", to);
	hal_tree_link(t, "/sys/class/bsg/0:0:0:0/device", to);
}

void hal_tree_memory(struct hal_tree *t)
{
	hal_tree_disk(t, "virtual/block/loop0", "7:0");
	hal_tree_disk(t, "virtual/block/loop1", "7:1");
	hal_tree_put_in(t, "virtual/block/loop1", "size", "0");
	hal_tree_disk(t, "virtual/block/ram0", "1:0");
	hal_tree_disk(t, "virtual/block/zram0", "253:0");
}

void hal_tree_btrfs(struct hal_tree *t)
{
	hal_tree_stacks(t);
	hal_tree_put(t, "/sys/fs/btrfs/features/raid56", "0");
	hal_tree_link(t, "/sys/fs/btrfs/1111/devices/vda1", "../../../../class/block/vda1");
	hal_tree_link(t, "/sys/fs/btrfs/2222/devices/vdb", "../../../../class/block/vdb");
	hal_tree_link(t, "/sys/fs/btrfs/2222/devices/vda", "../../../../class/block/vda");
	hal_tree_put(t, "/proc/self/mountinfo",
		     "22 27 0:21 / /proc rw - proc proc rw\n"
		     "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
		     "30 27 0:40 /sub /mnt\\040a rw shared:1 - btrfs /dev/vda1 rw,subvol=/sub\n"
		     "31 27 0:41 / /mnt/b rw - btrfs /dev/vdb rw\n"
		     "32 27 0:42 / /mnt/c rw - btrfs /dev/mapper/vg-root rw\n"
		     "33 27 0:43 / /mnt/d rw - btrfs /dev/none rw\n"
		     "34 27 0:44 / /mnt/e rw");
}

/* -- a tree from a file -- */

static void die(const char *file, unsigned int line, const char *why)
{
	fprintf(stderr, "%s:%u: %s\n", file, line, why);
	exit(EXIT_FAILURE);
}

/* Turn "\\n" into a new line. */
static void unescape(char *text)
{
	for (char *p = text; (p = strstr(p, "\\n")); p++) {
		*p = '\n';
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
	}
}

/* Return: false when @line is neither a file nor a link. */
static bool load_entry(struct hal_tree *t, const char *section, char *line)
{
	char *file = strstr(line, " ="), *link = strstr(line, " -> "), path[PATH_LEN];
	char *end = link && (!file || link < file) ? link : file;

	if (!end)
		return false;
	*end = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", section, line) >= (int)sizeof(path))
		return false;
	if (end == link) {
		hal_tree_link(t, path, end + 4);
		return true;
	}
	end += 2 + strspn(end + 2, " ");
	unescape(end);
	hal_tree_put(t, path, "%s", end);
	return true;
}

void hal_tree_load(struct hal_tree *t, const char *file)
{
	char line[8192], section[PATH_LEN - 256] = "";
	FILE *f = fopen(file, "r");

	if (!f)
		die(file, 0, "cannot be read");
	for (unsigned int nr = 1; fgets(line, sizeof(line), f); nr++) {
		line[strcspn(line, "\n")] = '\0';
		if (!line[0] || line[0] == '#')
			continue;
		if (line[0] == '[' ? sscanf(line, "[%767[^]]]", section) != 1 : !load_entry(t, section, line))
			die(file, nr, "not a section, a file or a link");
	}
	fclose(f);
}

/* -- a hal as text -- */

static const char *name_of(struct dam_hal *hal, int target)
{
	const struct dam_hal_target *t;

	if (target < 0)
		return "-";
	t = dam_hal_target(hal, (unsigned int)target);
	return t->kind == DAM_TARGET_ENGINE ? t->engine.name : t->pool.name;
}

static void print_engine(FILE *f, struct dam_hal *hal, const struct dam_hal_engine *e)
{
	char cpus[256];

	fprintf(f, "%s pci=%s cpus=%s pool=%s us=%u depth=%u\n", e->name,
		e->component[0] ? e->component : "-",
		dam_cpuset_empty(&e->local_cpus)
			? "?"
			: dam_cpuset_format(&e->local_cpus, cpus, sizeof(cpus)),
		name_of(hal, e->pool), (unsigned int)(e->base_latency_ns / 1000), e->depth);
}

static void print_pool(FILE *f, struct dam_hal *hal, const struct dam_hal_pool *p)
{
	fprintf(f, "pool %s %s", p->name, p->cpu_driven ? "by-cpu" : "not-by-cpu");
	for (unsigned int d = 0; p->cpu_driven && d < dam_hal_topology(hal)->nr_domains; d++)
		fprintf(f, " %u:%s", d, name_of(hal, p->engine_of_domain[d]));
	fputc('\n', f);
}

char *hal_tree_dump(struct dam_hal *hal, char *buf, size_t size)
{
	FILE *f = fmemopen(buf, size, "w");
	const struct dam_hal_dev *dev;
	unsigned int nr;

	for (unsigned int i = 0; i < dam_hal_nr_targets(hal); i++) {
		const struct dam_hal_target *t = dam_hal_target(hal, i);

		if (t->kind == DAM_TARGET_ENGINE)
			print_engine(f, hal, &t->engine);
		else
			print_pool(f, hal, &t->pool);
	}
	dev = dam_hal_devs(hal, &nr);
	for (unsigned int i = 0; i < nr; i++)
		fprintf(f, "%s %u:%u %s %u\n", dev[i].type == DAM_HAL_DEV_BLOCK ? "b" : "c",
			major(dev[i].dev), minor(dev[i].dev), name_of(hal, dev[i].target),
			dev[i].lba_bytes);
	fputc('\0', f);
	fclose(f);
	return buf;
}
