/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Rings of watched processes: found, looked at, their newest entries sorted by target. */
#include "config.h"
#include "tools/coord/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/coord/sqe.h"

#define MAX_RINGS   1024 /* of a process */
#define LOOK_UNITS  8
#define SIZES_TAU_S 2.0
#define RATE_TAU_S  0.2
#define MIN_LOOK_S  1e-3
#define UNSTEADY_NS \
	(10 * DAM_NS_PER_S) /* a poll may be in flight for as long without being seen again */
#define MAX_STILL     0.05  /* share of operations that move nothing where latency is told */
#define MAX_OPS_PER_S 1e8   /* a head that says more was written by the program */

static bool known_here(const struct coord_watch *w, int fd)
{
	for (unsigned int i = 0; i < w->nr_rings; i++)
		if (w->ring[i]->fd == fd && !w->ring[i]->ended)
			return true;
	return false;
}

/* By dup() in its process, or inherited by a child: counted where it was seen first. */
static bool known_elsewhere(struct coord *c, uint64_t ino)
{
	for (const struct coord_process *p = c->processes; p; p = p->next)
		for (unsigned int i = 0; p->watch && i < p->watch->nr_rings; i++)
			if (p->watch->ring[i]->shape.ino == ino && !p->watch->ring[i]->ended)
				return true;
	return false;
}

/* How long a new ring can have been there: its process was not, or it was not among the descriptors. 0: not known. */
static double longest_age_s(const struct coord_watch *w, uint64_t now_ns)
{
	if (!w->young)
		return 0;
	if (w->scanned_ns)
		return (double)coord_since(now_ns, w->scanned_ns) / DAM_NS_PER_S;
	return (double)(dam_ticks_now() - w->start) / (double)sysconf(_SC_CLK_TCK);
}

static struct coord_ring *add_ring(struct coord *c, struct coord_watch *w, int fd)
{
	struct coord_ring **more, *r;

	if (!w->proc && !coord_client_get(c, w))
		return NULL;
	more = realloc(w->ring, (w->nr_rings + 1) * sizeof(struct coord_ring *));
	if (!more)
		return NULL;
	w->ring = more;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->fd = fd;
	r->found_ns = dam_now_ns();
	r->begin_s = longest_age_s(w, r->found_ns);
	r->begin_known = !w->scanned_ns;
	w->ring[w->nr_rings++] = r;
	c->observed.rings++;
	return r;
}

void coord_ring_find(struct coord *c, struct coord_watch *w, const char *name)
{
	char link[sizeof(COORD_RING_NAME) + 1];
	int fd = (int)strtol(name, NULL, 10);
	struct stat st;
	ssize_t n;

	n = readlinkat(dirfd(w->dir), name, link, sizeof(link));
	if (n != (ssize_t)sizeof(COORD_RING_NAME) - 1 || memcmp(link, COORD_RING_NAME, (size_t)n))
		return;
	if (known_here(w, fd) || w->nr_rings >= MAX_RINGS || fstatat(dirfd(w->dir), name, &st, 0) ||
	    (coord_peek_distinct() && known_elsewhere(c, st.st_ino)))
		return;
	add_ring(c, w, fd);
}

void coord_ring_mapped(struct coord *c, struct coord_watch *w, const struct coord_mapped *m)
{
	struct coord_ring *r;

	if (w->nr_rings >= MAX_RINGS || (coord_peek_distinct() && known_elsewhere(c, m->ino)))
		return;
	r = add_ring(c, w, -1);
	if (!r)
		return;
	r->mapped = *m;
	r->poll_known = true; /* nothing tells */
}

void coord_ring_drop(struct coord *c, struct coord_watch *w, unsigned int i)
{
	free(w->ring[i]);
	w->ring[i] = w->ring[--w->nr_rings];
	c->observed.rings--;
}

void coord_ring_link(struct coord_watch *w, int fd, pid_t tid, uint64_t now_ns)
{
	for (unsigned int i = 0; i < w->nr_rings; i++) {
		struct coord_ring *r = w->ring[i];
		unsigned int at = 0;

		if (r->fd != fd || r->ended)
			continue;
		/* its own place, or the one that was not confirmed for longest */
		for (unsigned int k = 0; k < COORD_LINKS && r->link[at].tid != tid; k++)
			if (r->link[k].tid == tid || r->link[k].seen_ns < r->link[at].seen_ns)
				at = k;
		r->link[at].tid = tid;
		r->link[at].seen_ns = now_ns;
		return;
	}
}

static struct coord_kind *kind_of(struct coord_ring *r, int target, bool counted)
{
	for (unsigned int i = 0; i < r->nr_kinds; i++)
		if (r->kind[i].target == target && r->kind[i].counted == counted)
			return &r->kind[i];
	if (r->nr_kinds == COORD_KINDS)
		return &r->kind[0];
	r->kind[r->nr_kinds] = (struct coord_kind){.target = target, .counted = counted};
	return &r->kind[r->nr_kinds++];
}

/* The file tells who counts the bytes. Return: false: no DMA. */
static bool sort_file(struct coord *c, struct coord_ring *r, const struct coord_file *f,
		      bool *counted, int *target)
{
	*target = dam_hal_redirect(c->hal, f->target);
	if (*target == DAM_HAL_NONE)
		*target = f->kind == COORD_FILE_BUFFERED ? COORD_BUFFERED : COORD_OTHER;
	else if (f->kind == COORD_FILE_BUFFERED)
		*target = COORD_BUFFERED;
	*counted = f->kind == COORD_FILE_DIRECT || f->kind == COORD_FILE_UNKNOWN;
	if (f->kind == COORD_FILE_UNKNOWN && r->known)
		*target = r->usual;
	r->known |= f->kind != COORD_FILE_UNKNOWN;
	r->usual = *target;
	return f->kind != COORD_FILE_IDLE;
}

static void sample_entry(struct coord *c, struct coord_watch *w, struct coord_ring *r,
			 const struct coord_peek_sqe *e, uint64_t now_ns, unsigned int *work)
{
	struct coord_file file;
	struct coord_kind *k;
	struct coord_sqe s;
	bool counted;
	int target;

	coord_sqe_read(e, r->shape.wide, &s);
	if (s.lasts)
		r->unsteady_until_ns = now_ns + UNSTEADY_NS;
	if (s.moves)
		coord_files_get(&r->files, c->hal, w->pid, r->fd, s.fd, s.fixed, now_ns, work,
				&file);
	if (!s.moves || !sort_file(c, r, &file, &counted, &target)) {
		r->still++;
		return;
	}
	k = kind_of(r, target, counted && !s.command);
	k->ops[s.write]++;
	k->bytes[s.write] += s.sized ? (double)s.bytes : (double)NAN;
	if (k->counted && s.sized) {
		r->size[s.write].n++;
		r->size[s.write].sum += (double)s.bytes;
		r->size[s.write].square_sum += (double)s.bytes * (double)s.bytes;
	}
}

static void forget_sizes(struct coord_ring *r, double dt_s)
{
	double left = exp(-dt_s / SIZES_TAU_S);

	for (int dir = 0; dir < 2; dir++) {
		r->size[dir].n *= left;
		r->size[dir].sum *= left;
		r->size[dir].square_sum *= left;
	}
}

static void sample_entries(struct coord *c, struct coord_watch *w, struct coord_ring *r,
			   const struct coord_peek *p, uint64_t now_ns, unsigned int *work)
{
	if (!p->nr)
		return;
	if (!r->sampled) { /* those of the former settlement */
		r->nr_kinds = 0;
		r->still = 0;
		r->sampled = true;
	}
	for (unsigned int i = 0; i < p->nr; i++)
		sample_entry(c, w, r, &p->sqe[i], now_ns, work);
}

/*
 * What a ring did before the first look: in the time since its process began; or at the rate found since, of one operation in @each_s, or in the longest time
 * that it can have had, if that is less: then it was faster, as disks are with a first burst.
 */
static void measure_begin(struct coord_ring *r, double each_s)
{
	double span = r->begin_known ? r->begin_s : fmin(r->begin_s, r->begin_reaped * each_s);

	r->wait_s += r->begin_unreaped * span;
	r->span_s += span;
	r->reaped += r->begin_reaped;
	r->begin_s = 0;
}

/* Little's law wants the work in flight over time; only where what is in flight is DMA, and all of
 * it completes. */
static void measure_depth(struct coord_ring *r, const struct coord_peek *p, double dt_s,
			  uint64_t now_ns)
{
	/* to the program, what waits for the ring's poller has been submitted */
	double unreaped = (int32_t)((r->owner ? p->tail : p->head) - p->cq_head);
	double depth = (int32_t)(p->head - p->cq_tail), ops = r->still;

	for (unsigned int i = 0; i < r->nr_kinds; i++)
		ops += r->kind[i].ops[0] + r->kind[i].ops[1];
	r->steady = now_ns >= r->unsteady_until_ns && p->overflow == r->overflow && depth >= 0 &&
		    unreaped <= r->shape.cq_entries && r->still <= MAX_STILL * ops && ops > 0;
	if (!r->steady)
		return;
	r->nr_depths++;
	r->nr_idle += unreaped <= 0;
	r->depth_sum += depth;
	r->depth_peak = fmax(r->depth_peak, depth);
	r->wait_s += unreaped * dt_s;
	r->wait_square += unreaped * unreaped;
	r->span_s += dt_s;
	r->reaped += p->cq_head - r->cq_head;
	if (r->begin_s > 0 && p->cq_head != r->cq_head)
		measure_begin(r, dt_s / (p->cq_head - r->cq_head));
}

static void begin(struct coord_watch *w, struct coord_ring *r, const struct coord_peek *p)
{
	/* what a ring did before we were there is no news */
	r->settled = r->judged = w->young ? coord_mapped_head(w, r) : p->head;
	r->head = r->settled;
	r->overflow = p->overflow;
	r->begin_reaped = p->cq_head;
	r->begin_unreaped = (int32_t)(p->head - p->cq_head);
}

/* Kernels with IORING_SETUP_SQ_REWIND do not move the head: completions without submissions. */
static bool rewinds(const struct coord_peek *p)
{
	return !p->head && p->cq_tail;
}

static void take_look(struct coord *c, struct coord_watch *w, struct coord_ring *r,
		      const struct coord_peek *p, uint64_t now_ns, unsigned int *work)
{
	double dt = (double)coord_since(now_ns, r->looked_ns ? r->looked_ns : w->born_ns) /
		    DAM_NS_PER_S;
	uint32_t moved;

	if (!r->looked_ns)
		begin(w, r, p);
	moved = p->head - r->head;
	if (moved > MAX_OPS_PER_S * (dt + 1)) {
		r->settled = r->judged = p->head;
		moved = 0;
	}
	forget_sizes(r, dt);
	sample_entries(c, w, r, p, now_ns, work);
	if (r->looked_ns && dt > 0)
		measure_depth(r, p, dt, now_ns);
	r->ops += moved;
	r->mean_rate =
		r->ops * DAM_NS_PER_S / (double)(coord_since(now_ns, r->found_ns) + DAM_NS_PER_MS);
	r->peak_rate = fmax(r->peak_rate, moved / fmax(dt, MIN_LOOK_S));
	if (dt > 0)
		r->rate += (moved / dt - r->rate) * (r->rate > 0 ? 1 - exp(-dt / RATE_TAU_S) : 1);
	r->advanced |= moved > 0;
	r->head = p->head;
	r->cq_head = p->cq_head;
	r->overflow = p->overflow;
	r->looked_ns = now_ns;
}

static void go_blind(struct coord_watch *w, struct coord_ring *r, const char *why)
{
	r->state = COORD_RING_BLIND;
	r->why = w->proc->coverage.blind = why;
}

/* An SQPOLL ring's entries are taken by a kernel thread, which bears the name of the thread that
 * made it. */
static void find_poller(const struct coord *c, struct coord_watch *w, struct coord_ring *r, unsigned int *work)
{
	struct coord_task *t;
	long tid;

	*work += 4;
	if (coord_fdinfo_value(w->pid, r->fd, "SqThread", &tid))
		return;
	if (tid > 0 && !c->outermost) {
		r->owner = w->pid; /* the number is the kernel's; as for the poller's bytes */
	} else if (tid > 0) {
		t = coord_task_find(w, (pid_t)tid);
		if (!t)
			return; /* after the next pass over its threads */
		r->owner = t->owner;
	}
	r->poll_known = true;
}

unsigned int coord_ring_look(struct coord *c, struct coord_watch *w, struct coord_ring *r,
			     uint64_t now_ns)
{
	static struct coord_peek p;
	unsigned int work = LOOK_UNITS;
	int err;

	/* a tick may be long, and so may the look: whatever was done since this moment may not be in it */
	now_ns = dam_now_ns();
	err = r->fd < 0 ? coord_peek_mapped(w->pid, &r->mapped, &r->shape, r->head, &p)
			: coord_peek(w->proc->pidfd, r->fd, &r->shape, r->head, &p);
	c->observed.peeks++;
	if (err == -EBADF && r->fd >= 0)
		coord_mapped_closed(w, r);
	if (err == -EBADF || err == -ESRCH)
		r->ended = true;
	else if (err == -EPERM)
		go_blind(w, r,
			 "not permitted: the process is not dumpable, or ptrace is restricted");
	else if (err == -EOPNOTSUPP && r->fd < 0)
		go_blind(w, r, "its descriptor is closed (REGISTER_RING_FDS), and this kernel hides its memory");
	else if (err == -EOPNOTSUPP)
		go_blind(w, r, "its memory is the program's own (NO_MMAP)");
	else if (!err && rewinds(&p))
		go_blind(w, r, "its submission queue has no head (SQ_REWIND)");
	if (err || r->state == COORD_RING_BLIND)
		return work;
	if (!r->poll_known)
		find_poller(c, w, r, &work);
	take_look(c, w, r, &p, now_ns, &work);
	return work;
}
