/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Terms of an event by the format files of its PMU: "event" is "config:0-7,32-37". */
#include "config.h"
#include "hal/uncore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/sysfs.h"

/* Put the low bits of @v into bits @lo…@hi of @config. Return: what is left of @v. */
static uint64_t put_bits(uint64_t *config, unsigned int lo, unsigned int hi, uint64_t v)
{
	for (unsigned int bit = lo; bit <= hi; bit++, v >>= 1)
		*config |= (v & 1) << bit;
	return v;
}

/* "config1:0-31", "config:8-15,24-27" */
static int put_term(const char *format, uint64_t v, uint64_t config[3])
{
	unsigned int word = 0;
	const char *p = format + strlen("config");

	if (strncmp(format, "config", strlen("config")))
		return -EINVAL;
	if (*p == '1' || *p == '2')
		word = (unsigned int)(*p++ - '0');
	if (*p != ':')
		return -EINVAL;
	while (*p == ':' || *p == ',') {
		unsigned int lo, hi;
		int end = 0;

		if (sscanf(p + 1, "%2u%n", &lo, &end) != 1)
			return -EINVAL;
		p += 1 + end;
		hi = lo;
		end = 0;
		if (*p == '-' && sscanf(p + 1, "%2u%n", &hi, &end) == 1)
			p += 1 + end;
		if (hi > 63 || lo > hi)
			return -EINVAL;
		v = put_bits(&config[word], lo, hi, v);
	}
	return v || *p ? -EINVAL : 0;
}

int dam_pmu_encode(const char *root, const char *dir, const char *terms, uint64_t config[3])
{
	memset(config, 0, 3 * sizeof(*config));
	while (*terms) {
		size_t len = strcspn(terms, ",");
		char term[64], format[64], *value, *end;
		uint64_t v;

		if (len >= sizeof(term))
			return -EINVAL;
		snprintf(term, sizeof(term), "%.*s", (int)len, terms);
		terms += len + (terms[len] == ',');
		value = strchr(term, '=');
		if (!value)
			return -EINVAL;
		*value++ = '\0';
		errno = 0;
		v = strtoull(value, &end, 0);
		if (errno || end == value || *end || strchr(term, '/') ||
		    dam_sysfs_read(format, sizeof(format), root, "%s/format/%s", dir, term) <= 0 ||
		    put_term(format, v, config))
			return -EINVAL;
	}
	return 0;
}
