/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* DAM_CAPACITY: what the user says engines and components can do, "block:vda=1G,0000:21:00.0=r:7G/w:5G/ops:1M". */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "hal/component.h"
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

/* What stands before an amount: which part of the capacity it is. */
static const struct {
	const char *prefix;
	size_t offset;
} parts[] = {
	{"r:", offsetof(struct dam_hal_capacity, read_bps)},
	{"w:", offsetof(struct dam_hal_capacity, write_bps)},
	{"ops:", offsetof(struct dam_hal_capacity, ops)},
	{"", offsetof(struct dam_hal_capacity, bps)},
};

/* "1G", "r:7G". Return: 0; -EINVAL. */
static int parse_amount(const char *text, struct dam_hal_capacity *out)
{
	uint64_t v;
	size_t i = 0;

	while (strncmp(text, parts[i].prefix, strlen(parts[i].prefix)))
		i++;
	if (dam_parse_bytes(text + strlen(parts[i].prefix), &v) || !v)
		return -EINVAL;
	memcpy((char *)out + parts[i].offset, &v, sizeof(v));
	return 0;
}

/* "1G", "r:7G/w:5G/ops:1M": the first that is wrong is left in @one. */
static int parse_amounts(char *text, const char **one, struct dam_hal_capacity *out)
{
	char *slash;

	do {
		slash = strchr(text, '/');
		if (slash)
			*slash = '\0';
		*one = text;
		if (parse_amount(text, out))
			return -EINVAL;
		text = slash + 1;
	} while (slash);
	return 0;
}

/* The capacity of the engine or component of that name; NULL: neither. */
static struct dam_hal_capacity *capacity_of(struct dam_hal *hal, const char *name, int *target)
{
	struct dam_components *t = dam_hal_component_table(hal);
	int component = dam_component_find(t, name);

	*target = dam_hal_find(hal, name);
	if (*target != DAM_HAL_NONE && dam_hal_target(hal, (unsigned int)*target)->kind == DAM_TARGET_ENGINE)
		return &dam_hal_target(hal, (unsigned int)*target)->engine.capacity;
	return component == DAM_HAL_NONE ? NULL : &t->c[component].capacity;
}

static int apply_part(struct dam_hal *hal, const char *part, int len)
{
	const char *eq = memrchr(part, '=', (size_t)len), *one;
	int name_len = eq ? (int)(eq - part) : 0, target;
	struct dam_hal_capacity given = {.source = DAM_CAPACITY_GIVEN}, *capacity;
	char amounts[128], name[DAM_HAL_NAME + 1]; /* one too long is cut to what is still no name */

	if (!name_len) {
		dam_hal_error(hal, "DAM_CAPACITY: '%.*s': not of the form ENGINE=BYTES", len, part);
		return -EINVAL;
	}
	snprintf(amounts, sizeof(amounts), "%.*s", len - name_len - 1, eq + 1);
	snprintf(name, sizeof(name), "%.*s", name_len, part);
	if (parse_amounts(amounts, &one, &given)) {
		dam_hal_error(hal,
			      "DAM_CAPACITY: '%.*s': '%s' is no amount of bytes above 0, "
			      "such as 800M or 1.5G",
			      len, part, one);
		return -EINVAL;
	}
	capacity = capacity_of(hal, name, &target);
	if (!capacity)
		return refuse_name(hal, part, len, name_len, target);
	*capacity = given;
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
