/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Observation from outside: rings that no hook sees, and who uses them.
 *
 * watches.c says which processes are looked at, watch.c when; rings.c looks at their rings, tasks.c at
 * their threads, of which exits.c hears the end; settle.c gives what rings did to threads. In all pairs [0] is reads, [1] is
 * writes.
 */
#ifndef DAM_TOOLS_COORD_OBSERVE_H
#define DAM_TOOLS_COORD_OBSERVE_H

#include <dirent.h>

#include "tools/coord/coord.h"
#include "tools/coord/files.h"
#include "tools/coord/peek.h"

#define COORD_RING_NAME "anon_inode:[io_uring]" /* in /proc, as a descriptor's and as a mapping's */
#define COORD_KINDS 6
#define COORD_LINKS 8
#define COORD_CLOSED 8
#define COORD_USERS 64 /* of one ring; at least COORD_LINKS */

/* Of two readings of the clock the later one may have been taken first: by the caller, at the
 * tick's beginning. */
static inline uint64_t coord_since(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* Operations on one target. Shares of operations are given, so these are not whole numbers. */
struct coord_kind {
	int target;   /* hal index, COORD_OTHER, COORD_BUFFERED */
	bool counted; /* the kernel counts their bytes for the thread */
	double ops[2], bytes[2];
};

/* Sizes of operations: how well their mean is known. Forgets. */
struct coord_sizes {
	double n, sum, square_sum;
};

enum coord_ring_state {
	COORD_RING_NEW,	     /* not known yet whether a hook sees it */
	COORD_RING_OBSERVED, /* none does */
	COORD_RING_HOOKED,   /* the library counts it: looked at now and then */
	COORD_RING_BLIND,    /* cannot be observed */
};

struct coord_ring {
	int fd; /* -1: it has none any more, but */
	struct coord_mapped mapped;
	enum coord_ring_state state;
	const char *why; /* BLIND: static text */
	struct coord_shape shape;
	struct coord_files files;
	uint32_t head, cq_head, overflow; /* as last seen */
	uint32_t settled; /* the head up to which threads have been given their operations */
	uint32_t judged;  /* the head when the state was decided last */
	double unclaimed; /* of what it did until then: operations that no hook has counted; 0: the last ones were */
	uint64_t found_ns, looked_ns; /* looked_ns 0: never */
	bool advanced;		      /* since the last settlement */
	bool taken;		      /* while states are decided: the hooks counted it */
	bool ended;
	double rate, mean_rate,
		peak_rate; /* operations per second: lately, since it was found, at most */
	double ops;	   /* since then */
	/* sampled since the last settlement; the former samples while there are none */
	struct coord_kind kind[COORD_KINDS];
	unsigned int nr_kinds;
	double still; /* sampled entries that move nothing */
	bool sampled;
	bool known; /* where some of its entries go */
	int usual;  /* there; of entries whose file cannot be found out just now */
	struct coord_sizes size[2];
	/* in flight since the last settlement */
	uint64_t unsteady_until_ns;
	bool steady;			 /* at the last look it was as Little's law wants it */
	unsigned int nr_depths, nr_idle; /* looks; with nothing in flight */
	double depth_sum, depth_peak;	 /* sq.head - cq.tail */
	double wait_square;		 /* sum of (sq.head - cq.head)^2 */
	double wait_s, span_s,
		reaped; /* sum of (sq.head - cq.head) * time, that time, completions taken */
	/* of the time before the first look: how long that can have been, in flight at its end, completions taken */
	double begin_s, begin_unreaped, begin_reaped;
	bool begin_known; /* it was about as long */
	/* whose */
	bool poll_known;
	pid_t owner; /* of an SQPOLL ring; 0: none */
	struct {
		pid_t tid;
		uint64_t seen_ns; /* waiting in this ring */
	} link[COORD_LINKS];
};

/* A thread as /proc lists it. */
struct coord_task {
	pid_t tid;
	pid_t owner; /* of a kernel thread that works for a ring; else its own tid */
	char comm[16]; /* as it was met; or, if the kernel told, at its end */
	unsigned int pass;
	uint64_t ended_ns; /* 0: lives */
	uint64_t io[2];	   /* as last read */
	bool told;	   /* it has ended, or is about to: the kernel has sent */
	uint64_t last[2];  /* what its count was then */
	uint64_t read_ns;
	double rate[2];	    /* of that, per second, lately */
	uint64_t hooked[2]; /* bytes that hooks had counted on devices by then */
	double kernel[2],
		given[2], /* bytes since we know it: by the kernel's count; of its rings */
		left[2];  /* of the former at the last settlement, that its rings did not account for */
	double ops_sum,
		implied_sum; /* operations lately: of its rings; that the kernel's bytes would be */
	double window[2];    /* the kernel's since the last settlement */
	unsigned int moved_pass; /* that found any last */
	double unsampled_s; /* that bytes of a direction have waited for an entry of it to be seen */
	double ops_window;
	double ahead,
		ahead_given; /* operations in `kernel` that heads do not tell of yet; in `given` */
	/* what it is given in this settlement */
	struct coord_kind work[COORD_KINDS];
	unsigned int nr_work;
	bool linked;  /* seen in some ring */
	bool unsized; /* of some of it the samples do not tell the size */
	struct coord_sizes size[2];
	double depth, depth_peak; /* NaN: unknown */
	pid_t sq_tid;		  /* of its SQPOLL thread; 0: none */
	uint64_t placed_ns;
	struct coord_thread *thread; /* NULL: not managed */
	/* a kernel thread that was pinned along with its owner */
	bool follows;
	struct dam_cpuset orig, dam;
	int mask_entry; /* if it follows */
};

struct coord_mapped_look;

struct coord_watch {
	pid_t pid;
	uint64_t start;
	uint32_t run_id;
	bool young;	   /* it began under our eyes: all it did counts, not only what comes */
	const char *blind; /* why its descriptors cannot be read; static text */
	bool nameless;	   /* threads of its work for other ones, and we cannot tell for which */
	bool stirs;	   /* the kernel has counted I/O of it under our eyes */
	struct coord_process *proc; /* NULL: no ring, no ledger */
	struct coord_watch *next; /* in its bucket */
	struct coord_watch *before, *after; /* among all */
	uint64_t born_ns, due_ns, scan_ns, slow_scan_ns, judged_ns, settled_ns, round_ns;
	uint64_t scanned_ns; /* when its descriptors had been looked through last; 0: never */
	clockid_t clock;   /* of its processor time, */
	uint64_t run_ns;   /* which was this when it was asked last, */
	uint64_t scan_run_ns; /* and this before its descriptors were looked through; 0: look again */
	uint64_t quiet_ns; /* how long to leave it alone while it has no rings */
	enum { WATCH_IDLE, WATCH_FDS, WATCH_MAPS, WATCH_RINGS, WATCH_TASKS } phase;
	DIR *dir;	     /* of the phase */
	unsigned int cursor; /* of the phase */
	unsigned int pass, moved_pass; /* over its threads; the last that found bytes moved */
	int io_fd;	/* of the process's io in /proc: what it says is never another process's; -1: none */
	uint64_t io[2]; /* of the whole process, as last read */
	bool still;	/* no ring moved in the last round */
	bool dead_known;
	uint64_t dead[2]; /* bytes of threads that have ended, as far as given out */
	bool want_links;
	bool newcomer;	   /* nobody has seen yet whether it carries a mask that was handed down */
	bool ending;	   /* the process has ended */
	bool unread;	   /* and the kernel's count at its end could not be read */
	uint64_t ring_ops; /* the hooks' count when states were decided last, */
	double ahead;	   /* and how many of it no ring's head had come to */
	struct {
		uint64_t due_ns, wait_ns;
		uint64_t bytes; /* that the kernel had counted by then */
		struct coord_mapped_look *look; /* NULL: none is on its way */
		struct {
			uint64_t ino;
			uint32_t head;
		} closed[COORD_CLOSED]; /* rings whose descriptor was closed lately */
		unsigned int nr_closed;
	} mapped;
	struct coord_ring **ring;
	unsigned int nr_rings;
	struct coord_task *task;
	unsigned int nr_tasks, task_hint;
};

/* family.c */
/** coord_family_tick() - watch new children of watched processes, if it is time to look. */
void coord_family_tick(struct coord *c, uint64_t now_ns);
/** coord_family_settle() - once, if @w is not brand new: a mask that was handed down to it is given back. */
void coord_family_settle(struct coord *c, struct coord_watch *w, uint64_t now_ns);
void coord_family_open(struct coord *c);
void coord_family_close(struct coord *c);

/* followers.c */
/** coord_followers_drop() - a kernel thread is gone, or no longer ours: forget what was done to its
 * mask. */
void coord_followers_drop(struct coord *c, struct coord_task *t);

/* watches.c */
/** coord_watch_drop() - it is looked at no more: forget all that was seen. */
void coord_watch_drop(struct coord *c, struct coord_watch *w);

/* rings.c */
/** coord_ring_find() - is descriptor @fd, named @name, a ring that is not known yet? Then it is
 * from now on. */
void coord_ring_find(struct coord *c, struct coord_watch *w, const char *name);
/** coord_ring_look() - peek, sample. Return: units of work. */
unsigned int coord_ring_look(struct coord *c, struct coord_watch *w, struct coord_ring *r,
			     uint64_t now_ns);
void coord_ring_drop(struct coord *c, struct coord_watch *w, unsigned int i);
/** coord_ring_link() - thread @tid was seen waiting in the ring behind @fd. */
void coord_ring_link(struct coord_watch *w, int fd, pid_t tid, uint64_t now_ns);

/** coord_ring_mapped() - a ring without a descriptor: if it is not known yet, it is from now on. */
void coord_ring_mapped(struct coord *c, struct coord_watch *w, const struct coord_mapped *m);

/* reach.c */
/** coord_reach_check() - can the hooks of a process that does I/O tell us of it? If not, its coverage says so. */
void coord_reach_check(struct coord *c, struct coord_watch *w);

/* mapped.c */
/** coord_mapped_begin() - look for rings without a descriptor, if it is time, and there may be one. Return: it has begun. */
bool coord_mapped_begin(struct coord_watch *w, uint64_t now_ns);
/** coord_mapped_go_on() - for as long as there are @units. Return: it has ended. */
bool coord_mapped_go_on(struct coord *c, struct coord_watch *w, int *units);
/** coord_mapped_end() - whether it has come to its end or not. */
void coord_mapped_end(struct coord_watch *w);
/** coord_mapped_closed() - the descriptor of @r is closed; the ring itself may live on. */
void coord_mapped_closed(struct coord_watch *w, const struct coord_ring *r);
/** coord_mapped_head() - the head up to which @r was followed before its descriptor was closed; 0: it was not. */
uint32_t coord_mapped_head(const struct coord_watch *w, const struct coord_ring *r);

/* tasks.c */
/** coord_task_read() - one entry of /proc/PID/task. Return: units of work. */
unsigned int coord_task_read(struct coord *c, struct coord_watch *w, const char *name,
			     uint64_t now_ns);
/** coord_task_told() - the kernel says that thread @tid, named @comm, has ended, and its count of bytes then. */
void coord_task_told(struct coord *c, struct coord_watch *w, pid_t tid, const char *comm, const uint64_t io[2]);
/** coord_tasks_ended() - all have been read: what threads that are gone did last. */
void coord_tasks_ended(struct coord *c, struct coord_watch *w, uint64_t now_ns);
/** coord_tasks_drop() - forget tasks that ended a while ago: rings may close after them; @all:
 * every one. */
void coord_tasks_drop(struct coord *c, struct coord_watch *w, uint64_t now_ns, bool all);
struct coord_task *coord_task_find(struct coord_watch *w, pid_t tid);

/* exits.c */
#ifdef HAVE_LIBMNL
/** coord_exits_tick() - while there are rings, listen for threads that end; hear what was sent, within a tick's bounds. */
void coord_exits_tick(struct coord *c, uint64_t now_ns);
/** coord_exits_take() - hear it now: a thread that is not in /proc any more has been told of before. */
void coord_exits_take(struct coord *c);
void coord_exits_close(struct coord *c);
#else
static inline void coord_exits_tick(struct coord *c, uint64_t now_ns)
{
	(void)c;
	(void)now_ns;
}
static inline void coord_exits_take(struct coord *c)
{
	(void)c;
}
static inline void coord_exits_close(struct coord *c)
{
	(void)c;
}
#endif

/* judge.c */
/** coord_judge() - decide which rings the hooks count, when it is time. @last: the process has
 * ended. */
void coord_judge(struct coord *c, struct coord_watch *w, uint64_t now_ns, bool last);

/* users.c */
struct coord_user {
	struct coord_task *task;
	double weight;
};

/** coord_users() - who uses @r, and in which shares, which add up to 1. Return: how many. */
unsigned int coord_users(struct coord_watch *w, const struct coord_ring *r, uint64_t now_ns,
			 struct coord_user u[COORD_USERS]);
/** coord_users_note() - before a round of coord_users(): which threads were seen in rings. */
void coord_users_note(struct coord_watch *w, uint64_t now_ns);
/** coord_ring_last_link() - when was anybody seen in it last? 0: never. */
uint64_t coord_ring_last_link(const struct coord_ring *r);

/* settle.c */
/** coord_ring_puzzles() - nobody has been seen in it as yet, and it is not too late for that. */
bool coord_ring_puzzles(const struct coord_watch *w, const struct coord_ring *r, uint64_t now_ns);
/** coord_settle() - give threads what their rings have done since the last time. */
void coord_settle(struct coord *c, struct coord_watch *w, uint64_t now_ns);

#endif
