/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The writer of the history: a bounded queue, and the thread that empties it. */
#include "config.h"
#include "tools/coord/historian.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/str.h"

#define QUEUE	 256
#define PRUNE	 64 /* batches between two of them */
#define PATIENCE 1  /* s, at the end */

struct entry {
	struct dam_history_move move;
	struct dam_learn kind;
	bool has_kind;
};

struct historian {
	const char *path; /* NULL: off */
	struct dam_history *file; /* the writer's, once it runs; NULL: none, or failed */
	pthread_t writer;
	bool running;
	pthread_mutex_t lock; /* of all below; nests in nothing, never held while the disk is asked */
	pthread_cond_t wake, done; /* to the writer; from it, on the monotonic clock */
	struct entry queue[QUEUE];
	unsigned int first, nr;
	bool end, ended, failed;
	char why[DAM_HISTORY_ERROR];
	uint64_t written, dropped;
};

/* For good: a disk that is full or broken now would cost a line each time. */
static void fail(struct historian *h, const char *why)
{
	dam_warn("AFFINITY_HISTORY=%s: %s; what is learned lasts until the end of this coordinator", h->path, why);
	pthread_mutex_lock(&h->lock);
	h->failed = true;
	dam_strlcpy(h->why, why, sizeof(h->why));
	pthread_mutex_unlock(&h->lock);
}

/* Write @nr entries of @batch in one transaction. */
static int write_batch(struct historian *h, const struct entry *batch, unsigned int nr, bool prune, char *error)
{
	int err = dam_history_begin(h->file, error);

	if (err)
		return err;
	for (unsigned int i = 0; !err && i < nr; i++)
		err = dam_history_add(h->file, &batch[i].move, batch[i].has_kind ? &batch[i].kind : NULL, error);
	if (!err && prune)
		err = dam_history_prune(h->file, error);
	return err ? err : dam_history_commit(h->file, error);
}

/* Wait for entries and take them. Return: how many; 0: the end. */
static unsigned int take(struct historian *h, struct entry *batch)
{
	unsigned int nr;

	pthread_mutex_lock(&h->lock);
	while (!h->nr && !h->end)
		pthread_cond_wait(&h->wake, &h->lock);
	nr = h->nr;
	for (unsigned int i = 0; i < nr; i++)
		batch[i] = h->queue[(h->first + i) % QUEUE];
	h->first = (h->first + nr) % QUEUE;
	h->nr = 0;
	pthread_mutex_unlock(&h->lock);
	return nr;
}

static void *writer(void *arg)
{
	struct historian *h = arg;
	struct entry *batch = calloc(QUEUE, sizeof(*batch));
	char error[DAM_HISTORY_ERROR] = "no memory";
	unsigned int nr, batches = 0;

	while (batch && (nr = take(h, batch))) {
		if (write_batch(h, batch, nr, batches++ % PRUNE == 0, error))
			break;
		pthread_mutex_lock(&h->lock);
		h->written += nr;
		pthread_mutex_unlock(&h->lock);
	}
	if (!batch || nr)
		fail(h, error);
	free(batch);
	dam_history_close(h->file);
	pthread_mutex_lock(&h->lock);
	h->ended = true;
	pthread_cond_signal(&h->done);
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* The writer leaves all signals to the loop. */
static int start_writer(struct historian *h)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&h->writer, NULL, writer, h);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (err)
		return -err;
	pthread_setname_np(h->writer, "dam-history");
	h->running = true;
	return 0;
}

static void restore(const struct dam_learn *l, void *arg)
{
	dam_learn_restore(arg, l);
}

static void open_file(struct historian *h, struct dam_learn_table *learned)
{
	char error[DAM_HISTORY_ERROR] = "";
	struct dam_history *reader;
	int err = dam_history_open(h->path, &h->file, error);

	if (!err)
		err = dam_history_kinds(h->file, restore, learned, error);
	if (err == -EROFS && !dam_history_open_read(h->path, &reader, error)) {
		/* it still teaches */
		if (!dam_history_kinds(reader, restore, learned, error))
			dam_strlcpy(error, "it can only be read", sizeof(error));
		dam_history_close(reader);
	}
	if (!err)
		err = start_writer(h);
	if (!err)
		return;
	dam_history_close(h->file);
	h->file = NULL;
	fail(h, *error ? error : strerror(-err));
}

int historian_open(const char *path, struct dam_learn_table *learned, struct historian **out)
{
	struct historian *h = calloc(1, sizeof(*h));
	pthread_condattr_t monotonic;

	if (!h)
		return -ENOMEM;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->wake, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&h->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (path && strcmp(path, "off"))
		h->path = path;
	if (h->path)
		open_file(h, learned);
	*out = h;
	return 0;
}

void historian_add(struct historian *h, const struct dam_history_move *m, const struct dam_learn *kind)
{
	pthread_mutex_lock(&h->lock);
	if (!h->running || h->failed || h->nr == QUEUE) {
		h->dropped += h->path != NULL;
	} else {
		struct entry *e = &h->queue[(h->first + h->nr++) % QUEUE];

		e->move = *m;
		e->has_kind = kind != NULL;
		if (kind)
			e->kind = *kind;
		pthread_cond_signal(&h->wake);
	}
	pthread_mutex_unlock(&h->lock);
}

void historian_view(struct historian *h, struct historian_view *out)
{
	pthread_mutex_lock(&h->lock);
	*out = (struct historian_view){.path = h->path, .written = h->written, .dropped = h->dropped};
	out->state = !h->path ? "off" : h->failed ? "failed" : "on";
	memcpy(out->why, h->why, sizeof(out->why));
	pthread_mutex_unlock(&h->lock);
}

void historian_close(struct historian *h)
{
	struct timespec until;
	bool ended;

	if (!h)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE;
	pthread_mutex_lock(&h->lock);
	h->end = true;
	pthread_cond_signal(&h->wake);
	while (h->running && !h->ended && !pthread_cond_timedwait(&h->done, &h->lock, &until))
		;
	ended = h->ended;
	pthread_mutex_unlock(&h->lock);
	if (h->running && !ended)
		return; /* a disk hangs: the writer may still use all this */
	if (h->running)
		pthread_join(h->writer, NULL);
	pthread_cond_destroy(&h->done);
	pthread_cond_destroy(&h->wake);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
