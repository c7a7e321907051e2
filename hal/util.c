/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* How much of an engine is used, by the best source there is; the names of what engines can do. */
#include "config.h"
#include "hal/hal.h"

#include <math.h>
#include <stddef.h>

static double delta(uint64_t to, uint64_t from)
{
	return to > from ? (double)(to - from) : 0;
}

static double share(double rate, uint64_t capacity)
{
	return capacity ? rate / (double)capacity : 0;
}

static double most(double a, double b, double c)
{
	return fmax(a, fmax(b, c));
}

double dam_hal_load(const struct dam_hal_capacity *c, double read_bps, double write_bps)
{
	if (!c->bps && !c->read_bps && !c->write_bps)
		return NAN;
	return most(share(read_bps + write_bps, c->bps), share(read_bps, c->read_bps), share(write_bps, c->write_bps));
}

static double by_bytes(const struct dam_hal_capacity *c, const struct dam_hal_counters *from,
		       const struct dam_hal_counters *to, double dt_s)
{
	return dam_hal_load(c, delta(to->read_bytes, from->read_bytes) / dt_s,
			    delta(to->write_bytes, from->write_bytes) / dt_s);
}

enum dam_hal_util_source dam_hal_util(const struct dam_hal_engine *eng, const struct dam_hal_counters *from,
				      const struct dam_hal_counters *to, double dt_s, double *out)
{
	unsigned int have = dt_s > 0 ? from->have & to->have : 0;
	const struct dam_hal_capacity *c = &eng->capacity;
	bool occupancy = to->have & DAM_HAVE_INFLIGHT && eng->depth;
	double busy = dt_s > 0 ? delta(to->busy_ns, from->busy_ns) / 1e9 / dt_s : 0;
	double ops = dt_s > 0 ? (delta(to->read_ops, from->read_ops) + delta(to->write_ops, from->write_ops)) / dt_s : 0;
	const struct {
		bool there;
		enum dam_hal_util_source source;
		double value;
	} order[] = {
		{have & DAM_HAVE_BUSY && eng->serial, DAM_UTIL_BUSY, busy},
		{occupancy && eng->queue, DAM_UTIL_OCCUPANCY, share(to->inflight, eng->depth)},
		{have & DAM_HAVE_BYTES && (c->bps || c->read_bps || c->write_bps), DAM_UTIL_BYTES,
		 dt_s > 0 ? by_bytes(c, from, to, dt_s) : 0},
		{have & DAM_HAVE_OPS && c->ops, DAM_UTIL_OPS, share(ops, c->ops)},
		{have & DAM_HAVE_BUSY, DAM_UTIL_BUSY, busy},
		{occupancy, DAM_UTIL_OCCUPANCY, share(to->inflight, eng->depth)},
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i].there) {
			*out = order[i].value;
			return order[i].source;
		}
	*out = NAN;
	return DAM_UTIL_NONE;
}

const char *dam_hal_operation_name(unsigned int i)
{
	/* by bit of enum dam_hal_operation */
	static const char *const names[] = {"read", "write", "send", "receive", "copy", "fill", "compare", "crc", "dif",
					    "xor", "compress", "decompress", "flush"};

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

const char *dam_hal_direction_name(unsigned int i)
{
	/* by bit of enum dam_hal_direction */
	static const char *const names[] = {"to-memory", "from-memory", "within-memory"};

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}
