/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Power of domains: packages and their limits, depth of sleep, strength of unlike CPUs. */
#include "config.h"
#include "hal/power.h"

#include <stdio.h>
#include <string.h>

#include "hal/sysfs.h"

#define CPU	    "/sys/devices/system/cpu/cpu%u"
#define RAPL	    "/sys/class/powercap/intel-rapl:%u"
#define MODEL	    "/sys/kernel/debug/energy_model/cpu%u"
#define PACKAGES    64
#define STATES	    16	  /* of sleep */
#define PACKAGE_W   150.0 /* of a package whose limit is not told */
#define IDLE_SHARE  0.3	  /* of a package's limit is drawn when it is awake and idle: servers, roughly */
#define RAPL_NAME "package-%u"

static unsigned int package_of(const char *root, unsigned int cpu)
{
	int64_t p = dam_sysfs_number(0, root, CPU "/topology/physical_package_id", cpu);

	return p >= 0 && p < PACKAGES ? (unsigned int)p : 0;
}

/* The sustained limit of the package, by powercap; W. */
static double limit_w(const char *root, unsigned int package)
{
	for (unsigned int i = 0; i < PACKAGES; i++) {
		char name[32], want[32];
		int64_t uw;

		if (dam_sysfs_read(name, sizeof(name), root, RAPL "/name", i) <= 0)
			break;
		snprintf(want, sizeof(want), RAPL_NAME, package);
		if (strcmp(name, want))
			continue;
		uw = dam_sysfs_number(0, root, RAPL "/constraint_0_power_limit_uw", i);
		if (uw > 0)
			return (double)uw / 1e6;
	}
	return PACKAGE_W;
}

static double deepest_s(const char *root, unsigned int cpu)
{
	int64_t most = 0;

	for (unsigned int i = 0; i < STATES; i++) {
		int64_t us = dam_sysfs_number(-1, root, CPU "/cpuidle/state%u/latency", cpu, i);

		if (us < 0)
			break;
		if (us > most && !dam_sysfs_number(0, root, CPU "/cpuidle/state%u/disable", cpu, i))
			most = us;
	}
	return (double)most / 1e6;
}

/* What a CPU draws at most, in any unit: by the energy model, else by its clock; above 0. */
static double strength(const char *root, unsigned int cpu)
{
	char **states;
	int nr = dam_sysfs_list(&states, root, MODEL, cpu);
	int64_t most = 0;

	for (int i = 0; i < nr; i++) {
		int64_t mw = dam_sysfs_number(0, root, MODEL "/%s/power", cpu, states[i]);

		most = mw > most ? mw : most;
	}
	if (nr > 0)
		dam_sysfs_list_free(states, nr);
	if (most <= 0)
		most = dam_sysfs_number(1, root, CPU "/cpufreq/cpuinfo_max_freq", cpu);
	return most > 0 ? (double)most : 1;
}

static unsigned int first_cpu(const struct dam_domain *d)
{
	unsigned int cpu = 0;

	while (cpu < DAM_MAX_CPUS - 1 && !dam_cpuset_has(&d->cpus, cpu))
		cpu++;
	return cpu;
}

void dam_hal_power(const char *root, const struct dam_topology *topo, unsigned int d, struct dam_hal_power *out)
{
	unsigned int cpu = first_cpu(&topo->domain[d]);
	double own = 0, all = 0, limit;

	*out = (struct dam_hal_power){.package = package_of(root, cpu), .wake_s = deepest_s(root, cpu)};
	for (unsigned int i = 0; i < topo->nr_domains; i++) {
		unsigned int one = first_cpu(&topo->domain[i]);
		double part = dam_cpuset_count(&topo->domain[i].cpus) * strength(root, one);

		if (package_of(root, one) != out->package)
			continue;
		all += part;
		own += i == d ? part : 0;
	}
	limit = limit_w(root, out->package) * own / all;
	out->idle_w = limit * IDLE_SHARE;
	out->dynamic_w = limit * (1 - IDLE_SHARE);
}
