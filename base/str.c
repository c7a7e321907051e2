/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Text: numbers from untrusted strings, amounts for people. */
#include "config.h"
#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

size_t dam_strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src), n = len < size - 1 ? len : size - 1;

	memcpy(dst, src, n);
	dst[n] = '\0';
	return len;
}

static const char *skip_blank(const char *p)
{
	return p + strspn(p, " \t\n");
}

int dam_parse_u64(const char *text, uint64_t *out)
{
	const char *p = skip_blank(text);
	uint64_t v = 0;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return -ERANGE;
	}
	if (*skip_blank(p))
		return -EINVAL;
	*out = v;
	return 0;
}

/* Digits, an optional fraction and exponent. strtod() is not used: it follows the program's locale. */
static int scan_double(const char **text, double *out)
{
	const char *p = *text;
	double v = 0, scale = 1;
	int neg = 0, digits = 0, exp = 0, eneg = 0;

	if (*p == '-' || *p == '+')
		neg = *p++ == '-';
	for (; *p >= '0' && *p <= '9'; p++, digits++)
		v = v * 10 + (*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, digits++)
			v += (*p - '0') * (scale /= 10);
	if (!digits)
		return -EINVAL;
	if ((*p == 'e' || *p == 'E') && p[1 + (p[1] == '-' || p[1] == '+')] >= '0' &&
	    p[1 + (p[1] == '-' || p[1] == '+')] <= '9') {
		p++;
		if (*p == '-' || *p == '+')
			eneg = *p++ == '-';
		for (; *p >= '0' && *p <= '9'; p++)
			exp = exp < 1000 ? exp * 10 + (*p - '0') : exp;
		/* no pow(): the interposer holds this file and links to libc alone */
		for (; exp; exp--)
			v = eneg ? v / 10 : v * 10;
	}
	if (!isfinite(v))
		return -ERANGE;
	*out = neg ? -v : v;
	*text = p;
	return 0;
}

int dam_parse_double(const char *text, double *out)
{
	const char *p = skip_blank(text);
	double v;
	int err = scan_double(&p, &v);

	if (err)
		return err;
	if (*skip_blank(p))
		return -EINVAL;
	*out = v;
	return 0;
}

int dam_parse_bytes(const char *text, uint64_t *out)
{
	static const char suffix[] = "KMGT";
	const char *p = skip_blank(text), *s;
	double v;
	int err = scan_double(&p, &v);

	if (err)
		return err;
	s = *p ? strchr(suffix, *p >= 'a' ? *p - 'a' + 'A' : *p) : NULL;
	if (s) {
		v *= (double)(1ull << (10 * (s - suffix + 1)));
		p++;
		if (*p == 'i' && p[1] == 'B')
			p++;
	}
	if (*p == 'B')
		p++;
	if (*skip_blank(p) || v < 0)
		return -EINVAL;
	if (v >= 18446744073709551615.0)
		return -ERANGE;
	*out = (uint64_t)v;
	return 0;
}

char *dam_format_bytes(double bytes, char *buf, size_t size)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	unsigned int i = 0;

	while (fabs(bytes) >= 1000 && i < 5) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, size, i ? "%.1f %s" : "%.0f %s", bytes, unit[i]);
	return buf;
}
