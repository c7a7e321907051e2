/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* How a driver uses libdam_dim; a pretended ring, in which interrupts cost throughput. */
#include <dam_dim.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What a driver knows of its ring. */
struct ring {
	struct dam_dim dim;
	struct dam_dim_sample counters;
	uint32_t usec; /* how long an interrupt is held back; atomic */
	uint32_t applied; /* profiles so far; atomic */
};

/* In the worker's thread: set the device, then let the machine measure again. */
static void apply(struct dam_dim *dim, struct dam_dim_profile profile, void *arg)
{
	struct ring *ring = arg;

	__atomic_store_n(&ring->usec, profile.usec, __ATOMIC_RELAXED);
	__atomic_add_fetch(&ring->applied, 1, __ATOMIC_RELAXED);
	dam_dim_rearm(dim);
}

/* A round of polling: 1 ms of traffic, the more of it the fewer interrupts there are. */
static void poll_ring(struct ring *ring)
{
	const struct timespec pause = {.tv_nsec = 10000}; /* a ms passes quickly here */
	uint32_t usec = __atomic_load_n(&ring->usec, __ATOMIC_RELAXED);
	uint64_t events = 1000 / (usec + 10), packets = 2000 - 10 * events;

	ring->counters.time_us += 1000;
	ring->counters.events += events;
	ring->counters.packets += packets;
	ring->counters.bytes += packets * 1500;
	ring->counters.comps += packets;
	dam_dim_update(&ring->dim, &ring->counters);
	nanosleep(&pause, NULL);
}

int main(void)
{
	struct ring ring = {.usec = 1};
	struct dam_dim_worker *worker;

	if (dam_dim_worker_create(&worker))
		return EXIT_FAILURE;
	if (dam_dim_init(&ring.dim, dam_dim_preset_find("rx-eqe"), 0) ||
	    dam_dim_register(worker, &ring.dim, apply, &ring)) {
		dam_dim_worker_destroy(worker);
		return EXIT_FAILURE;
	}
	for (int i = 0; i < 2000 || !__atomic_load_n(&ring.applied, __ATOMIC_RELAXED); i++)
		poll_ring(&ring);
	dam_dim_unregister(&ring.dim);
	dam_dim_worker_destroy(worker);
	printf("%u profiles applied; interrupts are held back for %u microseconds\n", ring.applied,
	       ring.usec);
	return EXIT_SUCCESS;
}
