/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Random machines for tests of the plan. The loads are set directly: no time passes. */
#ifndef DAM_TESTS_POLICY_RANDOM_H
#define DAM_TESTS_POLICY_RANDOM_H

#include "policy/model.h"

#define RANDOM_ENGINES	  6
#define RANDOM_DOMAINS	  12
#define RANDOM_COMPONENTS 3
#define RANDOM_THREADS	  40
#define RANDOM_BASE_S	  100e-6

enum random_kind {
	RANDOM_PLAIN,	/* engines of one pool that differ in capacity and background, threads of any sort */
	RANDOM_CLOSED,	/* closed loops of one depth on equal engines */
	RANDOM_OPEN,	/* small open threads that would all fit */
	RANDOM_PACKED,	/* few large open threads: they fit, if at all, in few ways */
	RANDOM_SHARED,	/* plain, and components, directions, capabilities, several domains for an engine */
	RANDOM_RESERVED /* the same with reservations and classes */
};

struct random_spec {
	enum random_kind kind;
	unsigned int engines, threads, domains, components;
	unsigned int engine_of_domain[RANDOM_DOMAINS], cpus[RANDOM_DOMAINS];
	float distance[RANDOM_DOMAINS][RANDOM_DOMAINS];
	double component[RANDOM_COMPONENTS];
	bool component_duplex[RANDOM_COMPONENTS];
	struct {
		double read, write, background;
		bool duplex;
		unsigned int above[DAM_POLICY_ABOVE];
		uint64_t capabilities;
		enum dam_policy_class reserved;
	} e[RANDOM_ENGINES];
	struct {
		unsigned int domain;
		bool open, movable;
		double demand, depth, think_s, op, written, cpu;
		uint64_t allowed, needs;
		enum dam_policy_class class;
	} t[RANDOM_THREADS];
};

extern uint64_t random_seed;

double random_uniform(double lo, double hi);
unsigned int random_below(unsigned int n);
void random_shuffle(unsigned int *v, unsigned int n);
void random_machine(struct random_spec *s, enum random_kind kind);

/* The spec as a policy; engines, their domains and threads renamed by @ename and @tname (NULL: as they are). */
struct dam_policy *random_build(const struct random_spec *s, const unsigned int *ename, const unsigned int *tname,
				double scale);
/* What a tick would find before it plans: sums, capacities of mixes, every engine a bottleneck. */
void random_refresh(struct dam_policy *p);
unsigned int random_plan(struct dam_policy *p, struct dam_policy_move *m, unsigned int max);

#endif
