/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What counters do: see the header. */
#include "config.h"
#include "hal/track.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"

#define UNITS_32BIT    (1ull << 32)
#define MS_32BIT_NS    (UNITS_32BIT * DAM_NS_PER_MS) /* times are told in 32 bits of milliseconds */
#define STILL_AFTER_NS DAM_NS_PER_S
#define EXPECT_NS      (300 * DAM_NS_PER_MS) /* an expectation that is not renewed is over */
/* A driver is slow when its counters jump at equal intervals, by far more than one packet, and never between. */
#define GAP_MIN_NS     (400 * DAM_NS_PER_MS)
#define GAP_MAX_NS     (3 * DAM_NS_PER_S)
#define GAP_LOOKS_NS   (100 * DAM_NS_PER_MS) /* samples further apart cannot tell */
#define GAPS_ALIKE     4
#define JUMP_BYTES     65536

static const struct {
	size_t offset;
	unsigned int have;
	uint64_t modulus; /* 0: the track's */
} fields[] = {
	{offsetof(struct dam_hal_counters, read_bytes), DAM_HAVE_BYTES, 0},
	{offsetof(struct dam_hal_counters, write_bytes), DAM_HAVE_BYTES, 0},
	{offsetof(struct dam_hal_counters, read_ops), DAM_HAVE_OPS, UNITS_32BIT},
	{offsetof(struct dam_hal_counters, write_ops), DAM_HAVE_OPS, UNITS_32BIT},
	{offsetof(struct dam_hal_counters, busy_ns), DAM_HAVE_BUSY, MS_32BIT_NS},
	{offsetof(struct dam_hal_counters, wait_ns), DAM_HAVE_WAIT, MS_32BIT_NS},
};

static uint64_t *field(struct dam_hal_counters *c, size_t i)
{
	return (uint64_t *)((char *)c + fields[i].offset);
}

/* A fall by more than half of the range is a wrap; any other a driver that began anew, at an unknown moment. */
static uint64_t advance(struct dam_track *t, uint64_t from, uint64_t to, uint64_t modulus)
{
	if (to >= from)
		return to - from;
	if (from <= modulus && from - to > modulus / 2) {
		t->wraps++;
		return modulus - from + to;
	}
	t->resets++;
	return 0;
}

/* Bring the totals up to @raw. Return: did anything complete? @bytes: how much. */
static bool add(struct dam_track *t, struct dam_hal_counters raw, uint64_t *bytes)
{
	uint64_t modulus = t->modulus ? t->modulus : UNITS_32BIT, done = 0;

	*bytes = 0;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint64_t d = advance(t, *field(&t->raw, i), *field(&raw, i),
				     fields[i].modulus ? fields[i].modulus : modulus);

		if (!(raw.have & t->raw.have & fields[i].have))
			d = 0;
		*field(&t->sum, i) += d;
		if (fields[i].have == DAM_HAVE_BYTES)
			*bytes += d;
		done |= d;
	}
	t->sum.have = raw.have;
	t->sum.untrusted = raw.untrusted;
	t->sum.inflight = raw.inflight;
	t->sum.inflight_bytes = raw.inflight_bytes;
	t->raw = raw;
	return done;
}

static void note_gap(struct dam_track *t, uint64_t now_ns, uint64_t bytes)
{
	uint64_t gap = now_ns - t->moved_ns, old = t->gap_ns;
	bool alike = gap >= GAP_MIN_NS && gap <= GAP_MAX_NS && bytes >= JUMP_BYTES &&
		     now_ns - t->seen_ns <= GAP_LOOKS_NS;

	t->gaps = !alike ? 0 : old && gap > old - old / 4 && gap < old + old / 4 ? t->gaps + 1 : 1;
	t->gap_ns = alike ? gap : 0;
}

static bool saturated(const struct dam_track *t)
{
	/* old InfiniBand counters stop at their last value */
	uint64_t unit = t->modulus ? t->modulus / UNITS_32BIT : 1, last = (UNITS_32BIT - 1) * unit;

	return t->modulus && t->raw.have & DAM_HAVE_BYTES &&
	       (t->raw.read_bytes == last || t->raw.write_bytes == last);
}

static void first(struct dam_track *t, const struct dam_hal_counters *raw, uint64_t now_ns)
{
	t->raw = t->sum = *raw;
	t->seen_ns = t->moved_ns = now_ns;
	t->state = raw->have & (DAM_HAVE_BYTES | DAM_HAVE_OPS | DAM_HAVE_BUSY) ? DAM_COUNTERS_IDLE : DAM_COUNTERS_NONE;
}

static enum dam_counter_state judge(struct dam_track *t, bool moved, uint64_t now_ns)
{
	if (moved) {
		t->work_ns = 0;
		return t->gaps >= GAPS_ALIKE ? DAM_COUNTERS_COARSE : DAM_COUNTERS_MOVING;
	}
	if ((t->raw.have & DAM_HAVE_INFLIGHT && t->raw.inflight) ||
	    (t->expect_ns && now_ns - t->expect_ns < EXPECT_NS))
		t->work_ns = t->work_ns ? t->work_ns : now_ns;
	else
		t->work_ns = 0;
	if (saturated(t) || (t->work_ns && now_ns - t->work_ns >= STILL_AFTER_NS))
		return DAM_COUNTERS_STILL;
	if (t->state == DAM_COUNTERS_COARSE && now_ns - t->moved_ns < 2 * t->gap_ns + t->gap_ns / 2)
		return DAM_COUNTERS_COARSE;
	return DAM_COUNTERS_IDLE;
}

int dam_track_take(struct dam_track *t, const struct dam_hal_counters *raw, uint64_t now_ns,
		   struct dam_hal_counters *out)
{
	uint64_t bytes;
	bool moved;

	if (!t->seen_ns) {
		first(t, raw, now_ns);
		*out = t->sum;
		return 0;
	}
	moved = add(t, *raw, &bytes);
	if (moved && t->lazy)
		note_gap(t, now_ns, bytes);
	if (t->state != DAM_COUNTERS_NONE)
		t->state = judge(t, moved, now_ns);
	if (moved)
		t->moved_ns = now_ns;
	t->seen_ns = now_ns;
	if (t->state == DAM_COUNTERS_COARSE && !moved)
		return -EAGAIN;
	*out = t->sum;
	if (t->state == DAM_COUNTERS_STILL)
		out->have &= ~(unsigned int)(DAM_HAVE_BYTES | DAM_HAVE_OPS | DAM_HAVE_WAIT);
	return 0;
}

void dam_track_expect(struct dam_track *t, uint64_t now_ns)
{
	t->expect_ns = now_ns;
}

const char *dam_counter_state_name(enum dam_counter_state s)
{
	static const char *const names[] = {
		[DAM_COUNTERS_NONE] = "none",	  [DAM_COUNTERS_IDLE] = "idle",	  [DAM_COUNTERS_MOVING] = "moving",
		[DAM_COUNTERS_COARSE] = "coarse", [DAM_COUNTERS_STILL] = "still", [DAM_COUNTERS_GONE] = "gone",
	};

	return names[s];
}
