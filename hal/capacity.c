/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* DAM_CAPACITY: what the user says engines can do, "block:vda=1G,block:nvme0c0n1=800M". */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "hal/internal.h"

#define LIST_MAX 400

/* "block:vda, block:vdb", cut to fit with "…" at its end. */
static void list_engines(struct dam_hal *hal, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < dam_hal_nr_targets(hal); i++) {
		const struct dam_hal_target *t = dam_hal_target(hal, i);

		if (t->kind != DAM_TARGET_ENGINE)
			continue;
		if (at + strlen(t->engine.name) + sizeof(", , …") > size) {
			snprintf(buf + at, size - at, ", …");
			return;
		}
		at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? ", " : "", t->engine.name);
	}
	if (!at)
		snprintf(buf, size, "none");
}

static int refuse_name(struct dam_hal *hal, const char *part, int len, int name_len, int target)
{
	char engines[LIST_MAX];

	list_engines(hal, engines, sizeof(engines));
	dam_hal_error(
		hal, "DAM_CAPACITY: '%.*s': '%.*s' is %s; engines: %s", len, part, name_len, part,
		target == DAM_HAL_NONE ? "no engine" : "a pool, name its engines instead", engines);
	return -EINVAL;
}

static int apply_part(struct dam_hal *hal, const char *part, int len)
{
	const char *eq = memrchr(part, '=', (size_t)len);
	int name_len = eq ? (int)(eq - part) : 0, target;
	struct dam_hal_target *t;
	char amount[32];
	uint64_t bps = 0;

	if (!name_len) {
		dam_hal_error(hal, "DAM_CAPACITY: '%.*s': not of the form ENGINE=BYTES", len, part);
		return -EINVAL;
	}
	snprintf(amount, sizeof(amount), "%.*s", len - name_len - 1, eq + 1);
	if (dam_parse_bytes(amount, &bps) || !bps) {
		dam_hal_error(hal,
			      "DAM_CAPACITY: '%.*s': '%s' is no amount of bytes above 0, "
			      "such as 800M or 1.5G",
			      len, part, amount);
		return -EINVAL;
	}
	target = dam_hal_find_n(hal, part, (size_t)name_len);
	t = target == DAM_HAL_NONE ? NULL : dam_hal_target(hal, (unsigned int)target);
	if (!t || t->kind != DAM_TARGET_ENGINE)
		return refuse_name(hal, part, len, name_len, target);
	t->engine.capacity_bps = bps;
	t->engine.capacity_source = DAM_CAPACITY_GIVEN;
	return 0;
}

int dam_hal_apply_capacity(struct dam_hal *hal)
{
	const char *p = dam_hal_config(hal)->capacity;
	int err = 0;

	while (p && !err) {
		const char *comma = strchrnul(p, ',');

		p += strspn(p, " \t\n");
		err = apply_part(hal, p, comma > p ? (int)(comma - p) : 0);
		p = *comma ? comma + 1 : NULL;
	}
	return err;
}
