/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The thread that applies profiles: hands what predict/dim.c decides to the devices' callbacks. */
#include "config.h"
#include "predict/dam_dim.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

/* One registered device. It is queued at most once: until served, the machine stands still. */
struct dam_dim_work {
	struct dam_dim_work *next; /* in whichever list it is */
	struct dam_dim *dim;
	void (*apply)(struct dam_dim *dim, struct dam_dim_profile profile, void *arg);
	void *arg;
	struct dam_dim_worker *worker;
};

struct dam_dim_worker {
	struct dam_dim_work *inbox; /* newest first; pushed without a lock, taken as a whole */
	sem_t wake;		    /* posted once for each push, and to stop */
	pthread_t thread;
	pthread_mutex_t lock; /* protects what follows; nests in nothing, dropped for callbacks */
	pthread_cond_t idle;  /* running has become NULL */
	struct dam_dim_work *queue, *running;
	bool stop;
};

/* The hook of dam_dim_update(). */
static void push(struct dam_dim *dim)
{
	struct dam_dim_work *work = dim->work;
	struct dam_dim_worker *w = work->worker;

	work->next = __atomic_load_n(&w->inbox, __ATOMIC_RELAXED);
	/* Release: take_inbox() sees the machine as it is now. */
	while (!__atomic_compare_exchange_n(&w->inbox, &work->next, work, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	sem_post(&w->wake);
}

/* Append the inbox to the queue, oldest first. Call with the lock held. */
static void take_inbox(struct dam_dim_worker *w)
{
	struct dam_dim_work *work = __atomic_exchange_n(&w->inbox, NULL, __ATOMIC_ACQUIRE);
	struct dam_dim_work *oldest = NULL, **end = &w->queue;

	while (work) {
		struct dam_dim_work *next = work->next;

		work->next = oldest;
		oldest = work;
		work = next;
	}
	while (*end)
		end = &(*end)->next;
	*end = oldest;
}

/* Serve everybody who waits. Call with the lock held; it is dropped meanwhile. */
static void serve(struct dam_dim_worker *w)
{
	struct dam_dim_work *work;

	for (take_inbox(w); (work = w->queue); take_inbox(w)) {
		w->queue = work->next;
		w->running = work;
		pthread_mutex_unlock(&w->lock);
		work->apply(work->dim, dam_dim_current(work->dim), work->arg);
		/* work may be gone: unregistered by its own callback */
		pthread_mutex_lock(&w->lock);
		w->running = NULL;
		pthread_cond_broadcast(&w->idle);
	}
}

static void *run(void *arg)
{
	struct dam_dim_worker *w = arg;
	bool stop;

	do {
		while (sem_wait(&w->wake))
			;
		pthread_mutex_lock(&w->lock);
		serve(w);
		stop = w->stop;
		pthread_mutex_unlock(&w->lock);
	} while (!stop);
	return NULL;
}

/* The program's signals are none of the worker's business. */
static int start_thread(struct dam_dim_worker *w)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pthread_setname_np(w->thread, "dam-dim");
	return -r;
}

static void release(struct dam_dim_worker *w)
{
	pthread_cond_destroy(&w->idle);
	pthread_mutex_destroy(&w->lock);
	sem_destroy(&w->wake);
	free(w);
}

int dam_dim_worker_create(struct dam_dim_worker **out)
{
	struct dam_dim_worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	sem_init(&w->wake, 0, 0);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->idle, NULL);
	r = start_thread(w);
	if (r)
		release(w);
	else
		*out = w;
	return r;
}

void dam_dim_worker_destroy(struct dam_dim_worker *worker)
{
	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	pthread_mutex_unlock(&worker->lock);
	sem_post(&worker->wake);
	pthread_join(worker->thread, NULL);
	release(worker);
}

int dam_dim_register(struct dam_dim_worker *worker, struct dam_dim *dim,
		     void (*apply)(struct dam_dim *dim, struct dam_dim_profile profile, void *arg),
		     void *arg)
{
	struct dam_dim_work *work;

	if (!apply)
		return -EINVAL;
	if (dim->work)
		return -EBUSY;
	work = malloc(sizeof(*work));
	if (!work)
		return -ENOMEM;
	*work = (struct dam_dim_work){.dim = dim, .apply = apply, .arg = arg, .worker = worker};
	dim->work = work;
	dim->schedule = push;
	return 0;
}

void dam_dim_unregister(struct dam_dim *dim)
{
	struct dam_dim_work *work = dim->work, **at;
	struct dam_dim_worker *w;

	if (!work)
		return;
	w = work->worker;
	pthread_mutex_lock(&w->lock);
	take_inbox(w);
	for (at = &w->queue; *at && *at != work; at = &(*at)->next)
		;
	if (*at)
		*at = work->next;
	while (w->running == work && !pthread_equal(pthread_self(), w->thread))
		pthread_cond_wait(&w->idle, &w->lock);
	pthread_mutex_unlock(&w->lock);
	dim->schedule = NULL;
	dim->work = NULL;
	free(work);
}
