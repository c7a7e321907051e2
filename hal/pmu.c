/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Traffic to memory: the list of events, libpfm4, the trial. A new event is a row. */
#include "config.h"
#include "hal/pmu.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/perf.h"
#include "base/str.h"

#define LINE 64 /* bytes of one count: what a fill moves, on all of these */

/*
 * What came from memory because of this thread, prefetches included where the machine tells them;
 * then what missed the last cache. libpfm4 knows the names of the machine's own PMU only, so the
 * first that it knows is of the right family.
 */
static const char *const table[] = {
	/* Intel: reads into the core that memory answered */
	"spr::OCR:READS_TO_CORE_DRAM",
	"icx::OCR:READS_TO_CORE_DRAM",
	"clx::OFFCORE_RESPONSE_0:ANY_DATA:L3_MISS:SNP_ANY",
	"skx::OFFCORE_RESPONSE_0:ANY_DATA:L3_MISS:SNP_ANY",
	"bdw_ep::OFFCORE_RESPONSE_0:ANY_DATA:L3_MISS:SNP_ANY",
	"hsw_ep::OFFCORE_RESPONSE_0:ANY_DATA:L3_MISS:SNP_ANY",
	"ivb_ep::OFFCORE_RESPONSE_0:ANY_DATA:L3_MISS:SNP_ANY",
	"snb_ep::OFFCORE_RESPONSE_0:ANY_DATA:LLC_MISS_LOCAL",
	"skl::OFFCORE_RESPONSE_0:ANY_REQUEST:L3_MISS:SNP_ANY",
	/* AMD: fills of the data cache from memory, near and far */
	"amd64_fam19h_zen4::ANY_DATA_CACHE_FILLS_FROM_SYSTEM:DRAM_IO_NEAR:DRAM_IO_FAR",
	"amd64_fam19h_zen3::ANY_DATA_CACHE_FILLS_FROM_SYSTEM:MEM_IO_LCL:MEM_IO_RMT",
	"amd64_fam17h_zen2::DATA_CACHE_REFILLS_FROM_SYSTEM:LS_MABRESP_LCL_DRAM:LS_MABRESP_RMT_DRAM",
	/* Arm: reads that missed the last cache, or what the cluster's own cache had filled */
	"arm_v2::LL_CACHE_MISS_RD",
	"arm_v1::LL_CACHE_MISS_RD",
	"arm_n2::LL_CACHE_MISS_RD",
	"arm_n1::LL_CACHE_MISS_RD",
	"arm_ac76::L2D_CACHE_REFILL",
	"arm_ac72::L2D_CACHE_REFILL",
	"arm_ac57::L2D_CACHE_REFILL",
	"arm_ac53::L2D_CACHE_REFILL",
	/* Intel: demand misses of the last cache */
	"icl::LONGEST_LAT_CACHE:MISS",
	"tmt::LONGEST_LAT_CACHE:MISS",
};
/* whatever the kernel takes for a miss of the last cache */
#define GENERIC "perf::PERF_COUNT_HW_CACHE_MISSES"

const char *dam_pmu_list(unsigned int i)
{
	const unsigned int nr = sizeof(table) / sizeof(table[0]);

	return i < nr ? table[i] : i == nr ? GENERIC : NULL;
}

#ifdef HAVE_PERFMON_PFMLIB_PERF_EVENT_H
#include <perfmon/pfmlib_perf_event.h>

struct pfm {
	void *lib; /* NULL: not here */
	__typeof__(&pfm_get_os_event_encoding) encode;
	__typeof__(&pfm_strerror) text;
};

static void open_pfm(struct pfm *p)
{
	__typeof__(&pfm_initialize) init;

	p->lib = dlopen("libpfm.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!p->lib)
		return;
	init = (__typeof__(init))dlsym(p->lib, "pfm_initialize");
	p->encode = (__typeof__(p->encode))dlsym(p->lib, "pfm_get_os_event_encoding");
	p->text = (__typeof__(p->text))dlsym(p->lib, "pfm_strerror");
	if (init && p->encode && p->text && init() == PFM_SUCCESS)
		return;
	dlclose(p->lib);
	p->lib = NULL;
}

/* Return: NULL; else why not. */
static const char *encode(const struct pfm *p, const char *event, struct dam_pmu_event *out)
{
	struct perf_event_attr attr = {.size = sizeof(attr)};
	pfm_perf_encode_arg_t arg = {.attr = &attr, .size = sizeof(arg)};
	int err;

	if (!p->lib)
		return "libpfm4 is not installed";
	err = p->encode(event, PFM_PLM3, PFM_OS_PERF_EVENT, &arg);
	if (err != PFM_SUCCESS)
		return p->text(err);
	out->type = attr.type;
	out->config = attr.config;
	out->config1 = attr.config1;
	out->config2 = attr.config2;
	return NULL;
}
#else
struct pfm {
	void *lib;
};

static void open_pfm(struct pfm *p)
{
	(void)p;
}

static const char *encode(const struct pfm *p, const char *event, struct dam_pmu_event *out)
{
	(void)p, (void)event, (void)out;
	return "built without libpfm4";
}
#endif

/* Goes through memory that no cache holds: it has just been mapped, and is written and read once
 * over. */
static void use_memory(void)
{
	const size_t size = 16u << 20;
	volatile char *m =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < size; i += LINE)
			m[i] = (char)(m[i] + 1);
	munmap((void *)m, size);
}

/* Emulated counters may open and never move. Return: NULL; else why not. */
static const char *try_event(const struct dam_pmu_event *e)
{
	uint64_t count = 0;
	int fd = (int)dam_perf_open(e->type, e->config, e->config1, e->config2);
	bool read_it;

	if (fd == -EACCES || fd == -EPERM)
		return "the kernel does not allow it (kernel.perf_event_paranoid)";
	if (fd < 0)
		return fd == -ENOENT || fd == -EOPNOTSUPP || fd == -ENODEV
			       ? "this machine has no such counter"
			       : strerror(-fd);
	use_memory();
	read_it = read(fd, &count, sizeof(count)) == sizeof(count);
	close(fd);
	return read_it && count ? NULL : "it opens, but counts nothing";
}

static bool fail(const char *event, const char *reason, char *why, size_t size)
{
	snprintf(why, size, "%s: %s", event, reason);
	return false;
}

static bool try_name(const struct pfm *p, const char *event, struct dam_pmu_event *out, char *why, size_t size)
{
	struct dam_pmu_event e = {.bytes_per_count = LINE};
	const char *reason = encode(p, event, &e);

	if (!reason)
		reason = try_event(&e);
	if (reason)
		return fail(event, reason, why, size);
	dam_strlcpy(e.name, event, sizeof(e.name));
	*out = e;
	return true;
}

/* The generic one needs no library to encode it. */
static bool try_generic(struct dam_pmu_event *out, char *why, size_t size)
{
	struct dam_pmu_event e = {
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CACHE_MISSES,
		.bytes_per_count = LINE,
		.name = GENERIC,
	};
	const char *reason = try_event(&e);

	if (reason)
		return fail(GENERIC, reason, why, size);
	*out = e;
	return true;
}

int dam_pmu_choose(const char *wanted, struct dam_pmu_event *out, char *why, size_t size)
{
	struct pfm p = {.lib = NULL};
	bool found;

	open_pfm(&p);
	found = wanted && try_name(&p, wanted, out, why, size);
	for (unsigned int i = 0; !wanted && !found && i < sizeof(table) / sizeof(table[0]); i++)
		found = try_name(&p, table[i], out, why, size);
	if (!wanted && !found)
		found = try_generic(out, why, size);
	if (p.lib)
		dlclose(p.lib);
	return found ? 0 : -ENOENT;
}
