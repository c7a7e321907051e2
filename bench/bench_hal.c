/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What a large machine costs: 8 NUMA nodes, 512 CPUs and 256 disks behind 64 switches. Opening it, looking for new
 * devices, one sample of every engine; and the same number of samples of a disk of this machine, for the kernel's
 * part, which files of a recorded tree do not have.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "hal/hal.h"
#include "tests/hal_tree.h"

#define NODES	8
#define CPUS	512
#define ENGINES 256
#define QUEUES	8
#define ROUNDS	200

static double elapsed_ms(uint64_t from_ns)
{
	return (double)(dam_now_ns() - from_ns) / DAM_NS_PER_MS;
}

/* Four disks behind each switch. */
static void add_disk(struct hal_tree *t, unsigned int i)
{
	unsigned int node = i % NODES, group = i / 4, per_node = CPUS / NODES;
	char port[128], function[192], disk[300], name[32], text[32];

	snprintf(text, sizeof(text), "%u-%u", node * per_node, (node + 1) * per_node - 1);
	snprintf(port, sizeof(port), "pci%04x:00/%04x:00:01.0", group, group);
	snprintf(function, sizeof(function), "%s/%04x:01:%02x.0", port, group, i % 4);
	hal_tree_pci(t, port, (int)node, text);
	hal_tree_pci(t, function, (int)node, text);
	hal_tree_put_in(t, port, "current_link_speed", "32.0 GT/s PCIe");
	hal_tree_put_in(t, port, "current_link_width", "16");
	snprintf(disk, sizeof(disk), "%s/nvme/nvme%u/nvme%un1", function, i, i);
	snprintf(text, sizeof(text), "259:%u", i);
	hal_tree_disk(t, disk, text);
	for (unsigned int q = 0; q < QUEUES; q++) {
		snprintf(name, sizeof(name), "mq/%u/cpu_list", q);
		snprintf(text, sizeof(text), "%u, %u", q, q + CPUS / 2);
		hal_tree_put_in(t, disk, name, text);
	}
}

static struct dam_hal *open_or_die(const char *root)
{
	struct dam_hal_config cfg = {.root = root};
	struct dam_hal *hal;
	char err[256];

	if (dam_hal_open(&cfg, err, sizeof(err), &hal)) {
		fprintf(stderr, "bench_hal: %s\n", err);
		exit(EXIT_FAILURE);
	}
	return hal;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sample ENGINES times in one round, going over all engines, or @only one. */
static void sample(struct dam_hal *hal, int only, const char *what)
{
	struct dam_hal_counters c;
	double ms[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t began = dam_now_ns();

		for (unsigned int i = 0; i < ENGINES; i++) {
			unsigned int at = only < 0 ? i % dam_hal_nr_targets(hal) : (unsigned int)only;

			dam_hal_sample(&dam_hal_target(hal, at)->engine, &c);
		}
		ms[round] = elapsed_ms(began);
	}
	qsort(ms, ROUNDS, sizeof(ms[0]), by_value);
	printf("%-52s %10.3f %10.3f\n", what, ms[ROUNDS / 2], ms[ROUNDS * 9 / 10]);
}

/* A disk of this machine; -1: none. */
static int real_disk(struct dam_hal *hal)
{
	for (unsigned int i = 0; i < dam_hal_nr_targets(hal); i++) {
		const struct dam_hal_target *t = dam_hal_target(hal, i);

		if (t->kind == DAM_TARGET_ENGINE && !strncmp(t->engine.name, "block:", 6))
			return (int)i;
	}
	return -1;
}

static void measure_open(const char *root, const char *what)
{
	double ms[5];
	struct dam_hal *hal;

	for (int i = 0; i < 5; i++) {
		uint64_t began = dam_now_ns();

		hal = open_or_die(root);
		ms[i] = elapsed_ms(began);
		dam_hal_close(hal);
	}
	qsort(ms, 5, sizeof(ms[0]), by_value);
	printf("%-52s %10.3f %10.3f\n", what, ms[2], ms[4]);
}

int main(void)
{
	struct hal_tree tree;
	struct dam_hal *hal;
	uint64_t began;
	double looked;
	int disk;

	hal_tree_open(&tree);
	for (unsigned int i = 0; i < ENGINES; i++)
		add_disk(&tree, i);
	setenv("HWLOC_SYNTHETIC", "node:8 core:32 pu:2", 1);
	printf("hal: 8 nodes, 512 CPUs, 256 engines (aims: open <= 1000 ms, one sample of all <= 1 ms)\n");
	printf("%-52s %10s %10s\n", "", "median ms", "p90 ms");
	measure_open(tree.root, "open");
	hal = open_or_die(tree.root);
	began = dam_now_ns();
	dam_hal_rescan(hal);
	looked = elapsed_ms(began);
	printf("%-52s %10.3f\n", "look for new devices (rescan)", looked);
	began = dam_now_ns();
	dam_hal_stir(hal);
	looked = elapsed_ms(began);
	printf("%-52s %10.3f\n", "has anything changed (stir)", looked);
	sample(hal, -1, "one sample of 256 engines, files of a tree");
	dam_hal_close(hal);
	hal_tree_close(&tree);
	unsetenv("HWLOC_SYNTHETIC");
	hal = open_or_die("");
	disk = real_disk(hal);
	if (disk >= 0)
		sample(hal, disk, "256 samples of a disk of this machine");
	dam_hal_close(hal);
	return 0;
}
