/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The coordinator's half of the ledger: creation, the return of slots, the masks that DAM has set. */
#include "config.h"
#include "shm/ledger.h"

#include <string.h>
#include <sys/mman.h>
#include <urcu/arch.h>

#include "shm/segment.h"

int dam_ledger_create(uint32_t pid, int *fd, struct dam_ledger **out)
{
	void *map = NULL;
	int err = dam_segment_create("dam-ledger", sizeof(**out), false, fd, &map);

	if (err)
		return err;
	*out = map;
	dam_ledger_init(*out, pid);
	return 0;
}

void dam_ledger_destroy(struct dam_ledger *l)
{
	if (l)
		munmap(l, sizeof(*l));
}

unsigned int dam_ledger_nr_slots(const struct dam_ledger *l)
{
	uint32_t nr = __atomic_load_n(&l->nr_slots, __ATOMIC_ACQUIRE);

	return nr < DAM_LEDGER_SLOTS ? nr : DAM_LEDGER_SLOTS;
}

void dam_slot_free(struct dam_slot *s)
{
	const size_t first = offsetof(struct dam_slot, tid);
	const size_t again = offsetof(struct dam_slot, mapped_bytes);

	dam_slot_set_masks(s, NULL, NULL);
	memset((char *)s + first, 0, offsetof(struct dam_slot, mask_seq) - first);
	memset((char *)s + again, 0, sizeof(*s) - again);
	/* Release: the next owner finds zeroes; pairs with the exchange in try_claim(). */
	__atomic_store_n(&s->state, DAM_SLOT_FREE, __ATOMIC_RELEASE);
}

static void store_mask(struct dam_cpuset *to, const struct dam_cpuset *from)
{
	for (unsigned int i = 0; i < DAM_CPUSET_WORDS; i++)
		__atomic_store_n(&to->word[i], from->word[i], __ATOMIC_RELAXED);
}

void dam_slot_set_masks(struct dam_slot *s, const struct dam_cpuset *orig,
			const struct dam_cpuset *dam)
{
	/* whatever the process has written there: odd, then even again */
	uint64_t seq = __atomic_load_n(&s->mask_seq, __ATOMIC_RELAXED) | 1;

	/* Odd before the first word, even after the last: pairs with dam_slot_masks(). */
	__atomic_store_n(&s->mask_seq, seq, __ATOMIC_RELAXED);
	cmm_smp_wmb();
	if (orig) {
		store_mask(&s->orig_mask, orig);
		store_mask(&s->dam_mask, dam);
	}
	__atomic_store_n(&s->moved, orig != NULL, __ATOMIC_RELAXED);
	__atomic_store_n(&s->mask_seq, seq + 1, __ATOMIC_RELEASE);
}

void dam_advice_set(struct dam_advice *to, const struct dam_advice *from)
{
	uint64_t seq = __atomic_load_n(&to->seq, __ATOMIC_RELAXED) | 1;

	/* Odd before the first word, even after the last: pairs with read_advice(). */
	__atomic_store_n(&to->seq, seq, __ATOMIC_RELAXED);
	cmm_smp_wmb();
	__atomic_store_n(&to->nr, from->nr, __ATOMIC_RELAXED);
	__atomic_store_n(&to->nr_places, from->nr_places, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < DAM_ADVICE_BIRTHS; i++)
		__atomic_store_n(&to->birth[i], from->birth[i], __ATOMIC_RELAXED);
	store_mask(&to->orig, &from->orig);
	for (unsigned int i = 0; i < from->nr_places && i < DAM_ADVICE_PLACES; i++)
		store_mask(&to->place[i], &from->place[i]);
	__atomic_store_n(&to->seq, seq + 1, __ATOMIC_RELEASE);
}

void dam_count_read(const struct dam_count *c, struct dam_count *out)
{
	out->read_bytes = __atomic_load_n(&c->read_bytes, __ATOMIC_RELAXED);
	out->write_bytes = __atomic_load_n(&c->write_bytes, __ATOMIC_RELAXED);
	out->read_ops = __atomic_load_n(&c->read_ops, __ATOMIC_RELAXED);
	out->write_ops = __atomic_load_n(&c->write_ops, __ATOMIC_RELAXED);
}

static void read_module(const struct dam_ledger *l, uint64_t frame, struct dam_module *out)
{
	uint64_t i = frame >> DAM_FRAME_SHIFT;

	*out = (struct dam_module){0};
	if (i >= DAM_LEDGER_MODULES ||
	    __atomic_load_n(&l->sites.module[i].state, __ATOMIC_ACQUIRE) != DAM_ENTRY_READY)
		return;
	*out = l->sites.module[i];
	out->path[DAM_MODULE_PATH - 1] = '\0';
}

bool dam_ledger_site_read(const struct dam_ledger *l, unsigned int i, struct dam_site *out,
			  struct dam_module module[DAM_SITE_FRAMES])
{
	const struct dam_site *s = &l->sites.site[i];

	if (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) != DAM_ENTRY_READY)
		return false;
	*out = *s;
	out->samples = __atomic_load_n(&s->samples, __ATOMIC_RELAXED);
	out->ops = __atomic_load_n(&s->ops, __ATOMIC_RELAXED);
	out->read_bytes = __atomic_load_n(&s->read_bytes, __ATOMIC_RELAXED);
	out->write_bytes = __atomic_load_n(&s->write_bytes, __ATOMIC_RELAXED);
	if (out->nr_frames > DAM_SITE_FRAMES)
		out->nr_frames = DAM_SITE_FRAMES;
	for (unsigned int f = 0; f < DAM_SITE_FRAMES; f++)
		read_module(l, f < out->nr_frames ? out->frame[f] : ~0ull, &module[f]);
	return true;
}
