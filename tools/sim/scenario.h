/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A scenario: the machine, its engines, the threads and what happens to them, as a file describes it (dam-sim(1)). */
#ifndef DAM_TOOLS_SIM_SCENARIO_H
#define DAM_TOOLS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/topology.h"
#include "policy/policy.h"

#define SIM_ENGINES  1024
#define SIM_POOLS    256
#define SIM_GROUPS   1024
#define SIM_EVENTS   4096
#define SIM_THREADS  200000
#define SIM_NAME     64
#define SIM_FILE_MAX (1u << 20)

struct sim_pool {
	char name[SIM_NAME];
	unsigned int line;
	int engine_of_domain[DAM_MAX_DOMAINS]; /* the nearest of its engines */
};

struct sim_engine {
	char name[SIM_NAME], pool_name[SIM_NAME];
	unsigned int line;
	int pool;	     /* index; -1: fixed */
	unsigned int domain; /* beside it; DAM_NO_DOMAIN: next to every CPU */
	double capacity;     /* bytes/s of reads */
	double write;	     /* bytes/s of writes; 0: as reads */
	double latency_s;    /* of an operation, beyond the transfer of its bytes */
	double guess_s;	     /* what DAM takes that latency for before it has seen any; 0: 100 us */
	unsigned int depth;  /* operations it has in hand at once; 0: any number */
	double penalty;	     /* share of the latency added per unit of distance */
	double jitter;	     /* of the capacity, tick by tick: 0.3 is +-30 % */
	bool told;	     /* DAM is told its capacity, and need not learn it */
	enum dam_policy_class reserved; /* for threads of this class alone */
};

enum sim_shape {
	SIM_STEADY, SIM_BURSTY, SIM_DIURNAL, SIM_PERIODIC, SIM_RAMP, SIM_FLASH, SIM_TRACE,
};

/* A line of threads that are alike. */
struct sim_group {
	char name[SIM_NAME], on[SIM_NAME];
	unsigned int line, count;
	int pool, engine;	/* one of the two; the other -1 */
	uint64_t domains;	/* where they start, one after the other */
	/* closed loop */
	unsigned int depth;	/* operations kept in flight; 0: open loop */
	double think_s;
	/* open loop */
	double rate;		/* bytes/s; what shapes multiply */
	enum sim_shape shape;
	double peak, period_s, duty, on_s, off_s, at_s, over_s, hold_s; /* of shapes */
	double cv, corr_s;	/* noise: coefficient of variation, correlation time */
	char trace[256], of[SIM_NAME];
	double scale, speed;	/* of a trace */
	/* all */
	double op_bytes, writes; /* share of the operations that are writes */
	double start_s, stagger_s, life_s; /* life 0: to the end */
	double cpu_s;		/* processor time of an operation */
	double memory;		/* bytes of memory traffic per byte moved */
	enum dam_policy_class class;
	bool pinned, hidden, unseen; /* somebody else's pin; not known to DAM; in-flight work not seen */
};

struct sim_event {
	double at_s;
	int engine;
	double capacity, write; /* new ones; 0: as before */
	char name[SIM_NAME];
	unsigned int line;
};

struct sim_scenario {
	char path[512];
	struct dam_topology topo;
	double seconds, tick_s;
	uint64_t seed;
	double weight_throughput, weight_latency, threshold, horizon_s;
	double head_room;    /* share of reserved engines that is kept free */
	double migration_s;  /* a moved thread submits nothing for as long */
	double cache_bytes, memory_bps; /* it fills so much cache again, at this speed */
	bool started;	     /* some line has described the machine */
	unsigned int nr_pools, nr_engines, nr_groups, nr_events, nr_threads;
	struct sim_pool *pool;
	struct sim_engine *engine;
	struct sim_group *group;
	struct sim_event *event; /* by time */
};

/**
 * sim_scenario_read() - read a file
 * @err, @size: one line when the result is not 0: file, line, and what to do
 * Return: 0 with @out for sim_scenario_free(); -EINVAL; -ENOMEM.
 */
int sim_scenario_read(const char *path, char *err, size_t size, struct sim_scenario **out);

/** sim_scenario_parse() - the same from @text of @len bytes; @path is for messages, and for files it names. */
int sim_scenario_parse(const char *path, const char *text, size_t len, char *err, size_t size,
		       struct sim_scenario **out);

/** sim_scenario_free() - takes NULL. */
void sim_scenario_free(struct sim_scenario *s);

/** sim_scenario_domains() - a bit for each domain. */
uint64_t sim_scenario_domains(const struct sim_scenario *s);

#endif
