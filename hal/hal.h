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
#include "hal/track.h"

#define DAM_HAL_NAME	 64  /* "kind:name", terminated; the same as DAM_NAME_MAX on the wire */
#define DAM_HAL_TARGETS	 1024 /* engines and pools together, with those that are gone */
#define DAM_HAL_DEVS	 4096 /* device numbers; further ones are left out */
#define DAM_HAL_COMPONENTS 1024 /* further ones are left out */
#define DAM_HAL_ALIASES	 1024 /* further ones are left out */
#define DAM_HAL_NONE	 (-1)

struct dam_hal;

enum dam_hal_capacity_source {
	DAM_CAPACITY_UNKNOWN,
	DAM_CAPACITY_GIVEN,   /* by the user */
	DAM_CAPACITY_LINK,    /* the speed of its port or bus, which it may not reach */
};

/* What something can move; a part that is 0 is unknown. */
struct dam_hal_capacity {
	uint64_t bps;		      /* bytes/s, reads and writes together */
	uint64_t read_bps, write_bps; /* one direction; reads are DMA to memory, receipts of a port too */
	uint64_t ops;		      /* operations/s */
	enum dam_hal_capacity_source source;
};

/* What an engine can do with data. A row of dam_hal_operations[] names each. */
enum dam_hal_operation {
	DAM_OP_READ = 1, DAM_OP_WRITE = 2, DAM_OP_SEND = 4, DAM_OP_RECEIVE = 8, DAM_OP_COPY = 16, DAM_OP_FILL = 32,
	DAM_OP_COMPARE = 64, DAM_OP_CRC = 128, DAM_OP_DIF = 256, DAM_OP_XOR = 512, DAM_OP_COMPRESS = 1024,
	DAM_OP_DECOMPRESS = 2048, DAM_OP_FLUSH = 4096,
};

enum dam_hal_direction { DAM_DIR_TO_MEMORY = 1, DAM_DIR_FROM_MEMORY = 2, DAM_DIR_WITHIN_MEMORY = 4 };

struct dam_hal_caps {
	unsigned int operations; /* bits of enum dam_hal_operation; 0: not known */
	unsigned int directions; /* bits of enum dam_hal_direction; 0: not known */
	uint64_t max_transfer;	 /* bytes of one operation; 0: not known */
	bool dedicated;		 /* it takes the work of one client only */
};

/* A hardware queue of an engine: it has no counters of its own, and which one is used follows the CPU. */
struct dam_hal_queue {
	unsigned int number;
	struct dam_cpuset cpus; /* that submit to it */
	uint32_t depth;		/* operations it takes at once; 0: unknown */
};

struct dam_hal_backend;

struct dam_hal_engine {
	char name[DAM_HAL_NAME];      /* "block:nvme0c0n1" */
	char component[DAM_HAL_NAME]; /* PCI function "0000:21:00.0", or "" */
	int component_index;	      /* see dam_hal_components(), or DAM_HAL_NONE */
	struct dam_cpuset local_cpus; /* CPUs next to it; empty: unknown, all are alike */
	struct dam_hal_capacity capacity;
	struct dam_hal_caps caps;
	uint64_t base_latency_ns; /* what an operation takes on an idle engine of this kind: a first guess */
	uint32_t depth;		  /* operations it takes at once; 0: unknown */
	int pool;		  /* target index of its pool, or DAM_HAL_NONE: fixed */
	char moderator[DAM_MODERATOR_NAME]; /* the device whose moderation serves it; "": none */
	bool simulated;
	bool gone;		  /* -ENODEV was seen */
	bool serial;		  /* does one thing at a time: its busy time is its utilisation */
	bool queue;		  /* inflight and depth are those of the hardware's own queue */
	struct dam_hal_queue *queues; /* nr_queues of them, malloc()ed, the hal's */
	unsigned int nr_queues;
	const char *queues_by;	  /* what maps CPUs to them: "blk-mq", "xps" */
	struct dam_track track;	  /* what its counters have done so far */
	const struct dam_hal_backend *backend;
	void *priv;
};

enum dam_hal_component_kind {
	DAM_COMPONENT_FUNCTION, DAM_COMPONENT_BRIDGE, DAM_COMPONENT_HOST, DAM_COMPONENT_PACKAGE,
	DAM_COMPONENT_GROUP, /* of work queues that share the engines inside a device */
};

/* Hardware that engines share: it can saturate while none of them does. */
struct dam_hal_component {
	char name[DAM_HAL_NAME]; /* "0000:21:00.0", host bridge "pci0000:20", "package0", "group0.1" */
	enum dam_hal_component_kind kind;
	int parent;		 /* index of what it hangs on, or DAM_HAL_NONE */
	struct dam_hal_capacity capacity;
	char counter[DAM_HAL_NAME]; /* the PMU that counts its traffic; "": none, add its engines up */
};

/* Engines that stand in for one another. */
struct dam_hal_pool {
	char name[DAM_HAL_NAME]; /* "block:nvme0n1", the head disk */
	bool gone;		 /* its device has disappeared */
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

/* Another name that leads to a target: a stack with one leaf, a VLAN of a port. */
struct dam_hal_alias {
	char name[DAM_HAL_NAME]; /* "block:dm-0" */
	int target;
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
	/* Directories in which its devices appear, ended by NULL; NULL: none come or go, or another backend looks. */
	const char *const *watch;
	bool lazy; /* some of its drivers refresh their counters about once a second */
};

struct dam_hal_config {
	const char *root;     /* "" for this machine, else the path of a recorded tree with sys/ below it */
	const char *capacity; /* DAM_CAPACITY or NULL */
	const char *locality; /* DAM_LOCALITY or NULL */
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
/** dam_hal_aliases() - further names of targets. */
const struct dam_hal_alias *dam_hal_aliases(const struct dam_hal *hal, unsigned int *nr);
/** dam_hal_components() - what engines share; an index stays. */
const struct dam_hal_component *dam_hal_components(const struct dam_hal *hal, unsigned int *nr);
/** dam_hal_component_sample() - the counters of its own. Return: 0; -EOPNOTSUPP: it has none; -errno. */
int dam_hal_component_sample(struct dam_hal *hal, unsigned int i, struct dam_hal_counters *out);
/** dam_hal_find() - index of the target called @name, or to which that name leads, or DAM_HAL_NONE. */
int dam_hal_find(const struct dam_hal *hal, const char *name);

/**
 * dam_hal_sample() - read one engine's counters
 * @eng: an engine of an open hal
 * @out: written on success
 *
 * Counters that wrap or begin anew go on from where they were (hal/track.h). Those that stand still although there
 * is work lose their bit in @out->have.
 *
 * Return: 0; -ENODEV once the device is gone; -EAGAIN where the driver refreshes its counters more slowly.
 * Context: coordinator thread. Never blocks on the device, never logs, no allocation.
 */
int dam_hal_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out);

enum dam_hal_util_source { DAM_UTIL_NONE, DAM_UTIL_BUSY, DAM_UTIL_OCCUPANCY, DAM_UTIL_BYTES, DAM_UTIL_OPS };

/**
 * dam_hal_util() - utilisation between two samples, from the best source that the engine has
 * @dt_s: seconds between them; 0: there is one sample only, @to
 * @out: 0..1, and above; NaN when the result is DAM_UTIL_NONE
 *
 * The order: busy time of engines that do one thing at a time; occupancy of hardware queues; bytes, operations by
 * capacity; then what is only a bound: occupancy of software queues from below, busy time from above.
 */
enum dam_hal_util_source dam_hal_util(const struct dam_hal_engine *eng, const struct dam_hal_counters *from,
				      const struct dam_hal_counters *to, double dt_s, double *out);

/** dam_hal_load() - rates by capacity: the fullest of both directions and their sum; NaN: nothing is known. */
double dam_hal_load(const struct dam_hal_capacity *c, double read_bps, double write_bps);

/** dam_hal_operation_name() / dam_hal_direction_name() - of bit @i, "read", "to-memory"; NULL after the last. */
const char *dam_hal_operation_name(unsigned int i);
const char *dam_hal_direction_name(unsigned int i);

/**
 * dam_hal_rescan() - look for devices that have come or gone
 *
 * New ones get new indices, also where a name comes back; gone ones are marked, and keep theirs. Device numbers
 * are found anew. Takes as long as dam_hal_open() but for the topology, which stays as it is.
 * Return: 1 when something has changed; 0; -ENOMEM: only a part has been looked at.
 */
int dam_hal_rescan(struct dam_hal *hal);

/**
 * dam_hal_stir() - has anything appeared or disappeared where backends look?
 *
 * Cheap enough for once a second: it compares the names in a few directories.
 * Return: true when dam_hal_rescan() is due.
 */
bool dam_hal_stir(struct dam_hal *hal);

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
/**
 * dam_hal_place() - where an engine is: fills its component, its parents, local_cpus
 * @path: resolved device directory without the root; its name must be set
 *
 * DAM_LOCALITY goes before what the device tells.
 */
void dam_hal_place(struct dam_hal *hal, const char *path, struct dam_hal_engine *e);
/**
 * dam_hal_add_engine() / dam_hal_add_pool() - copy @e / @p in
 *
 * One that an earlier scan has found keeps its index and state: @e is closed, its pool and place are taken over.
 * Return: target index; -ENOSPC, -EEXIST (twice in one scan), -EINVAL (no name): an engine has been closed.
 */
int dam_hal_add_engine(struct dam_hal *hal, const struct dam_hal_engine *e);
int dam_hal_add_pool(struct dam_hal *hal, const struct dam_hal_pool *p);
int dam_hal_add_dev(struct dam_hal *hal, const struct dam_hal_dev *d);
/** dam_hal_add_alias() - @name leads to @target; a name that is known, or no room: nothing happens. */
void dam_hal_add_alias(struct dam_hal *hal, const char *name, int target);
/** dam_hal_set_redirect() - @from: index or DAM_HAL_NONE (unknown engines). */
void dam_hal_set_redirect(struct dam_hal *hal, int from, int to);
/** dam_hal_error() - the line that dam_hal_open() returns to the user. */
void dam_hal_error(struct dam_hal *hal, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
