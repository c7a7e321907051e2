/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What the coordinator costs: its processor time at a tick of 10 ms with 1, 100 and 1,000 threads that all submit in
 * every tick, and with as many that do not. The baseline is an attached process without any thread.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/coord_client.h"

#define LOOK_NS (3 * DAM_NS_PER_S)

/* User and system time of a process in nanoseconds. */
static uint64_t cpu_ns(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%llu", &ns) != 1)
			ns = 0;
		fclose(f);
	}
	return ns;
}

/* Let every thread have submitted once in each millisecond, or sit, for @ns. Return: CPU share of the coordinator. */
static double look(struct client *c, struct dam_slot **slot, bool busy, uint64_t ns)
{
	uint64_t begin = dam_now_ns(), used = cpu_ns(c->coord), now;

	do {
		for (unsigned int i = 0; busy && i < c->nr_threads; i++) {
			dam_count_add(&slot[i]->count[DAM_LOCAL_OTHER].read_bytes, 4096);
			dam_count_add(&slot[i]->count[DAM_LOCAL_OTHER].read_ops, 1);
			dam_count_add(&slot[i]->submissions, 1);
		}
		usleep(2000);
		now = dam_now_ns();
	} while (now - begin < ns);
	return (double)(cpu_ns(c->coord) - used) / (double)(now - begin);
}

static void measure(unsigned int nr)
{
	struct dam_slot **slot = calloc(nr + 1, sizeof(struct dam_slot *));
	struct client c;
	double busy, idle;

	client_open(&c);
	if (!slot || client_start(&c, NULL)) {
		fprintf(stderr, "bench_coord: dam-coord did not start\n");
		exit(1);
	}
	client_attach(&c);
	if (nr)
		client_threads(&c, nr);
	for (unsigned int i = 0; i < nr; i++) {
		slot[i] = dam_ledger_claim(c.ledger, (uint32_t)c.tid[i]);
		dam_slot_publish(slot[i]);
	}
	look(&c, slot, true, DAM_NS_PER_S);
	busy = look(&c, slot, true, LOOK_NS);
	look(&c, slot, false, 4 * DAM_NS_PER_S); /* until the tick has stretched to a second */
	idle = look(&c, slot, false, LOOK_NS);
	printf("%8u %14.2f %% %14.3f %%\n", nr, busy * 100, idle * 100);
	fflush(stdout);
	if (nr)
		client_join(&c);
	client_stop(&c, SIGTERM);
	client_close(&c);
	free(slot);
}

/* Arguments: numbers of threads, instead of the usual ones. */
int main(int argc, char **argv)
{
	static const unsigned int usual[] = {0, 1, 100, 1000};

	printf("dam-coord: share of one CPU, tick 10 ms (aim when idle: <= 0.1 %%)\n");
	printf("%8s %16s %16s\n", "threads", "all submitting", "all idle");
	for (int i = 1; i < argc; i++)
		measure((unsigned int)strtoul(argv[i], NULL, 10));
	for (size_t i = 0; argc == 1 && i < sizeof(usual) / sizeof(usual[0]); i++)
		measure(usual[i]);
	return 0;
}
