/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The process's half of the ledger: slots, the target table, reading the masks. No system call, no lock. */
#include "config.h"
#include "shm/ledger.h"

#include <string.h>
#include <urcu/arch.h>

/* Slots looked at before the table is made longer: the search stays short where most slots are taken. */
#define CLAIM_PROBES 64
/* A change of masks takes the coordinator some 50 ns; this many looks take some 50 µs. */
#define MASK_TRIES 1000

bool dam_ledger_valid(const struct dam_ledger *l)
{
	return __atomic_load_n(&l->magic, __ATOMIC_ACQUIRE) == DAM_LEDGER_MAGIC &&
	       l->version == DAM_SHM_VERSION && l->size == sizeof(*l);
}

void dam_ledger_init(struct dam_ledger *l, uint32_t pid)
{
	l->version = DAM_SHM_VERSION;
	l->size = sizeof(*l);
	l->owner_pid = pid;
	/* last: whoever sees the magic sees the rest */
	__atomic_store_n(&l->magic, DAM_LEDGER_MAGIC, __ATOMIC_RELEASE);
}

static bool try_claim(struct dam_slot *s)
{
	uint32_t expected = DAM_SLOT_FREE;

	/* a look first: a failed exchange would take the line from its owner. Acquire: see dam_slot_free() */
	return __atomic_load_n(&s->state, __ATOMIC_RELAXED) == DAM_SLOT_FREE &&
	       __atomic_compare_exchange_n(&s->state, &expected, DAM_SLOT_CLAIMED, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Try @nr slots from @first on, within the first @limit, wrapping. */
static struct dam_slot *claim_among(struct dam_ledger *l, uint32_t first, uint32_t nr,
				    uint32_t limit)
{
	for (uint32_t n = 0; n < nr && n < limit; n++) {
		uint32_t i = (first + n) % limit;

		if (try_claim(&l->slot[i])) {
			__atomic_store_n(&l->next_slot, i + 1, __ATOMIC_RELAXED);
			return &l->slot[i];
		}
	}
	return NULL;
}

/* Take the first slot that was never used. */
static struct dam_slot *claim_beyond(struct dam_ledger *l, uint32_t nr)
{
	for (uint32_t i = nr; i < DAM_LEDGER_SLOTS; i++) {
		if (!try_claim(&l->slot[i]))
			continue;
		/* raise the mark, unless somebody who claimed a later one has been quicker */
		nr = __atomic_load_n(&l->nr_slots, __ATOMIC_RELAXED);
		while (nr <= i && !__atomic_compare_exchange_n(&l->nr_slots, &nr, i + 1, false,
							       __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			;
		return &l->slot[i];
	}
	return NULL;
}

struct dam_slot *dam_ledger_claim(struct dam_ledger *l, uint32_t tid)
{
	uint32_t nr = __atomic_load_n(&l->nr_slots, __ATOMIC_RELAXED);
	uint32_t first = __atomic_load_n(&l->next_slot, __ATOMIC_RELAXED);
	struct dam_slot *s;

	if (nr > DAM_LEDGER_SLOTS)
		nr = DAM_LEDGER_SLOTS;
	s = claim_among(l, first, CLAIM_PROBES, nr);
	if (!s)
		s = claim_beyond(l, nr);
	if (!s)
		s = claim_among(l, first, DAM_LEDGER_SLOTS, DAM_LEDGER_SLOTS);
	if (!s)
		return NULL;
	s->tid = tid;
	s->seq = __atomic_add_fetch(&l->slot_seq, 1, __ATOMIC_RELAXED);
	return s;
}

void dam_slot_publish(struct dam_slot *s)
{
	/* Release: whoever sees it LIVE sees whose it is, and what was written since it was claimed. */
	__atomic_store_n(&s->state, DAM_SLOT_LIVE, __ATOMIC_RELEASE);
}

void dam_slot_end(struct dam_slot *s)
{
	/* Release: whoever sees it ENDED sees the final counts. */
	__atomic_store_n(&s->state, DAM_SLOT_ENDED, __ATOMIC_RELEASE);
}

unsigned int dam_ledger_target(struct dam_ledger *l, uint32_t id)
{
	for (unsigned int i = DAM_LOCAL_FIRST; id && i < DAM_LEDGER_TARGETS; i++) {
		uint32_t there = 0;

		/* Release, and acquire of another thread's: counts on a place are seen with its id. */
		if (__atomic_load_n(&l->target_id[i], __ATOMIC_ACQUIRE) == id ||
		    __atomic_compare_exchange_n(&l->target_id[i], &there, id, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) ||
		    there == id)
			return i;
	}
	return DAM_LOCAL_OTHER;
}

struct dam_site *dam_ledger_site(struct dam_ledger *l, uint64_t key, bool *fresh)
{
	for (unsigned int i = 0; i < DAM_LEDGER_SITES; i++) {
		struct dam_site *s = &l->sites.site[(key + i) % DAM_LEDGER_SITES];
		uint64_t there = 0;

		*fresh = __atomic_compare_exchange_n(&s->key, &there, key, false, __ATOMIC_ACQ_REL,
						     __ATOMIC_ACQUIRE);
		if (*fresh || there == key)
			return s;
	}
	return NULL;
}

void dam_ledger_site_ready(struct dam_site *s)
{
	/* Release: whoever sees it READY sees its frames. */
	__atomic_store_n(&s->state, DAM_ENTRY_READY, __ATOMIC_RELEASE);
}

unsigned int dam_ledger_module(struct dam_ledger *l, const char *path, uint64_t inode)
{
	size_t len = strlen(path);

	if (!len || len >= DAM_MODULE_PATH)
		return DAM_FRAME_NO_MODULE;
	for (unsigned int i = 0; i < DAM_LEDGER_MODULES; i++) {
		struct dam_module *m = &l->sites.module[i];
		uint32_t state = DAM_ENTRY_FREE;

		if (__atomic_compare_exchange_n(&m->state, &state, DAM_ENTRY_TAKEN, false,
						__ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
			m->inode = inode;
			memcpy(m->path, path, len + 1);
			/* Release: whoever sees it READY sees its path. */
			__atomic_store_n(&m->state, DAM_ENTRY_READY, __ATOMIC_RELEASE);
			return i;
		}
		/* one that another thread is writing just now may be the same: it then stands here twice */
		if (state == DAM_ENTRY_READY && m->inode == inode && !strcmp(m->path, path))
			return i;
	}
	return DAM_FRAME_NO_MODULE;
}

static void load_mask(const struct dam_cpuset *from, struct dam_cpuset *to)
{
	for (unsigned int i = 0; i < DAM_CPUSET_WORDS; i++)
		to->word[i] = __atomic_load_n(&from->word[i], __ATOMIC_RELAXED);
}

bool dam_slot_masks(const struct dam_slot *s, struct dam_cpuset *orig, struct dam_cpuset *dam)
{
	struct dam_cpuset first, second;

	for (unsigned int i = 0; i < MASK_TRIES; i++) {
		uint64_t seq = __atomic_load_n(&s->mask_seq, __ATOMIC_ACQUIRE);
		uint64_t moved = __atomic_load_n(&s->moved, __ATOMIC_RELAXED);

		load_mask(&s->orig_mask, &first);
		load_mask(&s->dam_mask, &second);
		/* Pairs with the barrier in dam_slot_set_masks(). */
		cmm_smp_rmb();
		if ((seq & 1) || __atomic_load_n(&s->mask_seq, __ATOMIC_RELAXED) != seq)
			continue;
		if (moved) {
			*orig = first;
			*dam = second;
		}
		return moved != 0;
	}
	return false;
}

/* One look at the places: which of them is @mask? -1: none. */
static int find_place(const struct dam_advice *a, const struct dam_cpuset *mask, unsigned int nr)
{
	struct dam_cpuset place;

	for (unsigned int i = 0; i < nr && i < DAM_ADVICE_PLACES; i++) {
		load_mask(&a->place[i], &place);
		if (!memcmp(&place, mask, sizeof(place)))
			return (int)i;
	}
	return -1;
}

/* Nothing has changed since @seq was read: pairs with dam_advice_set(). */
static bool unchanged(const struct dam_advice *a, uint64_t seq)
{
	cmm_smp_rmb();
	return !(seq & 1) && __atomic_load_n(&a->seq, __ATOMIC_RELAXED) == seq;
}

bool dam_advice_orig(const struct dam_advice *a, const struct dam_cpuset *mask, struct dam_cpuset *orig)
{
	for (unsigned int i = 0; i < MASK_TRIES; i++) {
		uint64_t seq = __atomic_load_n(&a->seq, __ATOMIC_ACQUIRE);
		int place = find_place(a, mask, __atomic_load_n(&a->nr_places, __ATOMIC_RELAXED));
		struct dam_cpuset o;

		load_mask(&a->orig, &o);
		if (!unchanged(a, seq))
			continue;
		if (place < 0)
			return false;
		*orig = o;
		return true;
	}
	return false;
}

int dam_advice_take(struct dam_advice *a, const struct dam_cpuset *have, struct dam_cpuset *orig,
		    struct dam_cpuset *mask)
{
	for (unsigned int i = 0; i < MASK_TRIES; i++) {
		uint64_t seq = __atomic_load_n(&a->seq, __ATOMIC_ACQUIRE);
		uint32_t nr = __atomic_load_n(&a->nr, __ATOMIC_RELAXED);
		uint32_t places = __atomic_load_n(&a->nr_places, __ATOMIC_RELAXED);
		uint64_t next = __atomic_load_n(&a->next, __ATOMIC_RELAXED);
		struct dam_cpuset o, m;
		uint8_t place;
		bool fits;

		if (!seq || !nr || nr > DAM_ADVICE_BIRTHS || places > DAM_ADVICE_PLACES)
			return -1;
		place = __atomic_load_n(&a->birth[next % nr], __ATOMIC_RELAXED);
		if (place >= places)
			return -1;
		load_mask(&a->orig, &o);
		load_mask(&a->place[place], &m);
		fits = !memcmp(&o, have, sizeof(o)) || find_place(a, have, places) >= 0;
		if (!unchanged(a, seq))
			continue;
		if (!fits)
			return -1;
		if (!__atomic_compare_exchange_n(&a->next, &next, next + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		*orig = o;
		*mask = m;
		return place;
	}
	return -1;
}

void dam_advice_placed(struct dam_advice *a, uint32_t tid)
{
	uint64_t i = __atomic_fetch_add(&a->nr_placed, 1, __ATOMIC_RELAXED);

	__atomic_store_n(&a->placed[i % DAM_ADVICE_PLACED], tid, __ATOMIC_RELEASE);
}

bool dam_advice_has(const struct dam_advice *a, uint32_t tid)
{
	for (unsigned int i = 0; i < DAM_ADVICE_PLACED; i++)
		if (__atomic_load_n(&a->placed[i], __ATOMIC_ACQUIRE) == tid)
			return true;
	return false;
}
