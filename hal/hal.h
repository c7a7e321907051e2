/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Engines, pools and the device numbers that lead to them.
 *
 * A target is an engine or a pool; targets share one index space, and an index is never used again while
 * the hal is open. A backend is one const struct in its own file and one line in hal.c's list.
 */
#ifndef DAM_HAL_HAL_H
#define DAM_HAL_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/moderation.h"
#include "hal/topology.h"

#define DAM_HAL_NAME	 64  /* "kind:name", terminated; the same as DAM_NAME_MAX on the wire */
#define DAM_HAL_TARGETS	 512 /* engines and pools together */
#define DAM_HAL_DEVS	 4096 /* device numbers; further ones are left out */
#define DAM_HAL_NONE	 (-1)

struct dam_hal;

/* Which counters an engine has; a counter whose bit is missing is 0 and means nothing. */
enum dam_hal_have {
	DAM_HAVE_BYTES = 1, DAM_HAVE_OPS = 2, DAM_HAVE_BUSY = 4, DAM_HAVE_WAIT = 8, DAM_HAVE_INFLIGHT = 16,
};

/* Monotonic totals since the device appeared, but for inflight, which is an instant value. */
struct dam_hal_counters {
	unsigned int have; /* bits of enum dam_hal_have */
	uint64_t read_bytes, write_bytes;
	uint64_t read_ops, write_ops;
	uint64_t busy_ns;  /* time with at least one operation in flight */
	uint64_t wait_ns;  /* sum over completed operations of their latency (resolution: ms for block) */
	uint32_t inflight; /* operations */
};

enum dam_hal_capacity_source { DAM_CAPACITY_UNKNOWN, DAM_CAPACITY_GIVEN };

struct dam_hal_backend;

struct dam_hal_engine {
	char name[DAM_HAL_NAME];      /* "block:nvme0c0n1" */
	char component[DAM_HAL_NAME]; /* PCI function "0000:21:00.0", or "" */
	struct dam_cpuset local_cpus; /* CPUs next to it; empty: unknown, all are alike */
	uint64_t capacity_bps;	      /* of reads and writes together; 0: unknown */
	enum dam_hal_capacity_source capacity_source;
	uint64_t base_latency_ns; /* what an operation takes on an idle engine of this kind: a first guess */
	uint32_t depth;		  /* operations it takes at once; 0: unknown */
	int pool;		  /* target index of its pool, or DAM_HAL_NONE: fixed */
	char moderator[DAM_MODERATOR_NAME]; /* the device whose moderation serves it; "": none */
	bool simulated;
	bool gone;		  /* -ENODEV was seen */
	const struct dam_hal_backend *backend;
	void *priv;
};

/* Engines that stand in for one another. */
struct dam_hal_pool {
	char name[DAM_HAL_NAME]; /* "block:nvme0n1", the head disk */
	bool cpu_driven;	 /* the engine used follows the CPU; false: something else chooses */
	int engine_of_domain[DAM_MAX_DOMAINS]; /* target index, or DAM_HAL_NONE; valid if cpu_driven */
};

struct dam_hal_target {
	enum { DAM_TARGET_ENGINE, DAM_TARGET_POOL } kind;
	union {
		struct dam_hal_engine engine;
		struct dam_hal_pool pool;
	};
};

enum dam_hal_dev_type { DAM_HAL_DEV_BLOCK = 1, DAM_HAL_DEV_CHAR = 2 }; /* as enum dam_dev_type */

/* A device number that leads to a target: a disk, a partition, a stack with one leaf, a passthrough node. */
struct dam_hal_dev {
	uint64_t dev; /* makedev() */
	enum dam_hal_dev_type type;
	int target;
	uint32_t lba_bytes;
};

struct dam_hal_backend {
	const char *name; /* the kind in "kind:name" */
	/* Add this backend's engines, pools and devs by dam_hal_add_*(). 0, also when there are none;
	 * -EINVAL with a line in the hal's error text when the user's description is wrong. */
	int (*scan)(struct dam_hal *hal);
	/* Read one engine. 0; -ENODEV once it is gone; -EAGAIN when the driver has no newer values. */
	int (*sample)(struct dam_hal_engine *eng, struct dam_hal_counters *out);
	/* Re-read what may change at run time (a pool's map). May be empty. */
	void (*refresh)(struct dam_hal *hal);
	/* Account for work that threads report; simulated engines only. May be empty. */
	void (*feed)(struct dam_hal_engine *eng, uint64_t bytes, uint64_t ops, bool write);
	void (*close)(struct dam_hal_engine *eng);
	/* Interrupt moderation of the devices behind the engines; NULL: it offers none. */
	const struct dam_moderation_ops *moderation;
};

struct dam_hal_config {
	const char *root;     /* "" for this machine, else the path of a recorded tree with sys/ below it */
	const char *capacity; /* DAM_CAPACITY or NULL */
	const char *sim;      /* DAM_SIM or NULL */
};

/**
 * dam_hal_open() - load the topology, run every backend's scan
 * @err, @err_size: one line for the user when the result is not 0: which variable, which part, why
 *
 * Return: 0 with @out owned by the caller; -EINVAL: a malformed @cfg; -ENOMEM.
 * A machine without engines is no error.
 */
int dam_hal_open(const struct dam_hal_config *cfg, char *err, size_t err_size, struct dam_hal **out);

/** dam_hal_close() - close every engine. Takes NULL. */
void dam_hal_close(struct dam_hal *hal);

const struct dam_topology *dam_hal_topology(const struct dam_hal *hal);
unsigned int dam_hal_nr_targets(const struct dam_hal *hal);
/** dam_hal_target() - the target with index @i < dam_hal_nr_targets(); its address stays. */
struct dam_hal_target *dam_hal_target(struct dam_hal *hal, unsigned int i);
const struct dam_hal_dev *dam_hal_devs(const struct dam_hal *hal, unsigned int *nr);
/** dam_hal_find() - index of the target called @name, or DAM_HAL_NONE. */
int dam_hal_find(const struct dam_hal *hal, const char *name);

/**
 * dam_hal_sample() - read one engine's counters
 * @eng: an engine of an open hal
 * @out: written on success
 *
 * Return: 0; -ENODEV once the device is gone; -EAGAIN where the driver refreshes its counters more slowly.
 * Context: coordinator thread. Never blocks on the device, never logs, no allocation.
 */
int dam_hal_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out);

/** dam_hal_refresh() - re-read pool maps (iopolicy) and such; about once a second. */
void dam_hal_refresh(struct dam_hal *hal);

/**
 * dam_hal_redirect() - where work that threads report for @target is accounted
 * @target: index, or DAM_HAL_NONE for submissions whose engine is not known
 *
 * With simulated engines declared, their source's work is taken as theirs (hal/sim.c); otherwise @target.
 * Return: a target index or DAM_HAL_NONE.
 */
int dam_hal_redirect(const struct dam_hal *hal, int target);

/** dam_hal_feed() - account for work on a simulated engine; does nothing on others. */
void dam_hal_feed(struct dam_hal_engine *eng, uint64_t bytes, uint64_t ops, bool write);

/* -- for backends -- */

const char *dam_hal_root(const struct dam_hal *hal);
const struct dam_hal_config *dam_hal_config(const struct dam_hal *hal);
/** dam_hal_add_engine() / dam_hal_add_pool() - copy @e / @p in. Return: target index; -ENOSPC; -EEXIST. */
int dam_hal_add_engine(struct dam_hal *hal, const struct dam_hal_engine *e);
int dam_hal_add_pool(struct dam_hal *hal, const struct dam_hal_pool *p);
int dam_hal_add_dev(struct dam_hal *hal, const struct dam_hal_dev *d);
/** dam_hal_set_redirect() - @from: index or DAM_HAL_NONE (unknown engines). */
void dam_hal_set_redirect(struct dam_hal *hal, int from, int to);
/** dam_hal_error() - the line that dam_hal_open() returns to the user. */
void dam_hal_error(struct dam_hal *hal, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
