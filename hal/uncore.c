/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Counters of components: Intel's IIO for host bridges, AMD's data fabric for packages, DSA's and IAA's own for the
 * device. Their events take CAP_PERFMON, or perf_event_paranoid at 0 or below.
 */
#include "config.h"
#include "hal/uncore.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/component.h"
#include "hal/internal.h"
#include "hal/sysfs.h"

#define PMUS	     "/sys/bus/event_source/devices"
#define COUNTERS_MAX 1024
#define PORTS	     8 /* of one IIO stack */
#define DIES	     8
#define MIB	     1048576.0

struct counter {
	int component;
	bool write;
	double unit_bytes; /* of one count */
	int fd;
};

struct dam_uncore {
	unsigned int nr;
	struct counter c[COUNTERS_MAX];
};

struct scan {
	struct dam_hal *hal;
	struct dam_uncore *u;
};

/* Open one event of PMU @pmu on @cpu; the component learns the PMU's name in any case. */
static void add(struct scan *s, const char *pmu, const char *terms, unsigned int cpu, const struct counter *what)
{
	struct dam_hal_component *c = &dam_hal_component_table(s->hal)->c[what->component];
	const char *root = dam_hal_root(s->hal);
	int64_t type = dam_sysfs_number(-1, root, PMUS "/%s/type", pmu);
	struct perf_event_attr attr = {.size = sizeof(attr), .type = (uint32_t)type,
				       .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING};
	uint64_t config[3];
	char dir[256];
	int fd;

	if (snprintf(dir, sizeof(dir), PMUS "/%s", pmu) >= (int)sizeof(dir) || type < 0 || type > INT32_MAX ||
	    dam_pmu_encode(root, dir, terms, config))
		return;
	dam_strlcpy(c->counter, pmu, sizeof(c->counter));
	if (root[0] || s->u->nr == COUNTERS_MAX)
		return;
	attr.config = config[0];
	attr.config1 = config[1];
	attr.config2 = config[2];
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return;
	s->u->c[s->u->nr] = *what;
	s->u->c[s->u->nr++].fd = fd;
}

/* The @nth CPU of a PMU's cpumask: one for each die. Return: -1: there is none. */
static int nth_cpu(const char *root, const char *pmu, unsigned int nth)
{
	struct dam_cpuset cpus;
	char text[256];

	if (dam_sysfs_read(text, sizeof(text), root, PMUS "/%s/cpumask", pmu) <= 0 || dam_cpuset_parse(text, &cpus))
		return -1;
	for (unsigned int cpu = 0; cpu < DAM_MAX_CPUS; cpu++)
		if (dam_cpuset_has(&cpus, cpu) && !nth--)
			return (int)cpu;
	return -1;
}

static int component(struct scan *s, const char *prefix, const char *name)
{
	char full[DAM_HAL_NAME];

	snprintf(full, sizeof(full), "%s%.40s", prefix, name);
	return dam_component_find(dam_hal_component_table(s->hal), full);
}

/* "bw_in_port0" counts what devices write to memory; its scale gives MiB. */
static void add_port(struct scan *s, const char *pmu, const char *event, unsigned int cpu, int at)
{
	const char *root = dam_hal_root(s->hal);
	char terms[128], scale[32];
	double mib;

	if (dam_sysfs_read(terms, sizeof(terms), root, PMUS "/%s/events/%s", pmu, event) <= 0 ||
	    dam_sysfs_read(scale, sizeof(scale), root, PMUS "/%s/events/%s.scale", pmu, event) <= 0 ||
	    dam_parse_double(scale, &mib) || mib <= 0)
		return;
	add(s, pmu, terms, cpu, &(struct counter){at, !strncmp(event, "bw_out", 6), mib * MIB, -1});
}

/* uncore_iio_free_running_3 counts stack 3 of each die; uncore_iio_3/die0 names the stack's first bus. */
static void add_iio(struct scan *s, const char *pmu, const char *stack)
{
	const char *root = dam_hal_root(s->hal);

	for (unsigned int die = 0; die < DIES; die++) {
		int cpu = nth_cpu(root, pmu, die), at;
		char bus[32], event[32];

		if (cpu < 0 || dam_sysfs_read(bus, sizeof(bus), root, PMUS "/uncore_iio_%s/die%u", stack, die) <= 0)
			continue;
		at = component(s, "pci", bus);
		for (unsigned int port = 0; at >= 0 && port < 2 * PORTS; port++) {
			snprintf(event, sizeof(event), "bw_%s_port%u", port % 2 ? "out" : "in", port / 2);
			add_port(s, pmu, event, (unsigned int)cpu, at);
		}
	}
}

/* Beats of 64 bytes at the four I/O moderators of a package, for memory of this package and of others. */
static void add_fabric(struct scan *s, const char *pmu, const char *rest)
{
	static const unsigned int events[] = {0x81f, 0x85f, 0x89f, 0x8df}, umasks[] = {0x7fe, 0xbfe};
	const char *root = dam_hal_root(s->hal);
	char terms[64], package[16];
	int cpu, at;

	(void)rest;
	for (unsigned int nth = 0; nth < DIES && (cpu = nth_cpu(root, pmu, nth)) >= 0; nth++) {
		snprintf(package, sizeof(package), "%d",
			 (int)dam_sysfs_number(-1, root, "/sys/devices/system/cpu/cpu%d/topology/physical_package_id",
					       cpu));
		at = component(s, "package", package);
		for (unsigned int i = 0; at >= 0 && i < 16; i++) {
			/* the mask's last bit tells a write to memory from a read of it */
			snprintf(terms, sizeof(terms), "event=0x%x,umask=0x%x", events[i % 4],
				 umasks[i / 4 % 2] | (i / 8));
			add(s, pmu, terms, (unsigned int)cpu, &(struct counter){at, i < 8, 64, -1});
		}
	}
}

/* Units of 32 bytes that the device read, and that it wrote. */
static void add_idxd(struct scan *s, const char *pmu, const char *number)
{
	const char *root = dam_hal_root(s->hal);
	int cpu = nth_cpu(root, pmu, 0), at;
	char path[DAM_SYSFS_PATH], *end;

	(void)number;
	if (cpu < 0 || dam_sysfs_real(path, root, "/sys/bus/dsa/devices/%s", pmu))
		return;
	end = strrchr(path, '/');
	*end = '\0';
	end = strrchr(path, '/');
	at = end ? component(s, "", end + 1) : DAM_HAL_NONE;
	if (at < 0)
		return;
	add(s, pmu, "event_category=0x1,event=0x1", (unsigned int)cpu, &(struct counter){at, true, 32, -1});
	add(s, pmu, "event_category=0x1,event=0x2", (unsigned int)cpu, &(struct counter){at, false, 32, -1});
}

static const struct {
	const char *prefix; /* of the PMU's name; a number follows */
	void (*add)(struct scan *s, const char *pmu, const char *number);
} kinds[] = {
	{"uncore_iio_free_running_", add_iio},
	{"amd_df", add_fabric},
	{"dsa", add_idxd},
	{"iax", add_idxd},
};

int dam_uncore_open(struct dam_hal *hal, struct dam_uncore **out)
{
	struct scan s = {.hal = hal, .u = calloc(1, sizeof(*s.u))};
	char **list;
	int nr;

	if (!s.u)
		return -ENOMEM;
	nr = dam_sysfs_list(&list, dam_hal_root(hal), PMUS);
	for (int i = 0; i < nr; i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			size_t len = strlen(kinds[k].prefix);

			if (!strncmp(list[i], kinds[k].prefix, len) &&
			    !list[i][len + strspn(list[i] + len, "0123456789")])
				kinds[k].add(&s, list[i], list[i] + len);
		}
	dam_sysfs_list_free(list, nr);
	if (nr >= 0 && s.u->nr) {
		*out = s.u;
		return 0;
	}
	free(s.u);
	return nr < 0 ? nr : 0;
}

void dam_uncore_close(struct dam_uncore *u)
{
	for (unsigned int i = 0; u && i < u->nr; i++)
		close(u->c[i].fd);
	free(u);
}

int dam_uncore_sample(const struct dam_uncore *u, unsigned int i, struct dam_hal_counters *out)
{
	struct dam_hal_counters sum = {.have = 0};

	for (unsigned int k = 0; u && k < u->nr; k++) {
		const struct counter *c = &u->c[k];
		uint64_t v[3]; /* value, time enabled, time running: events take turns where counters are few */
		double bytes;
		ssize_t n;

		if (c->component != (int)i)
			continue;
		n = read(c->fd, v, sizeof(v));
		if (n != sizeof(v))
			return n < 0 ? -errno : -EIO; /* 0: the kernel has given the event up */
		bytes = (double)v[0] * c->unit_bytes * (v[2] ? (double)v[1] / (double)v[2] : 1);
		*(c->write ? &sum.write_bytes : &sum.read_bytes) += (uint64_t)bytes;
		sum.have = DAM_HAVE_BYTES;
	}
	if (!sum.have)
		return -EOPNOTSUPP;
	*out = sum;
	return 0;
}
