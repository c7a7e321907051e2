/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Sets of CPUs: arithmetic, text, and the masks of threads. */
#include "config.h"
#include "base/cpuset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

unsigned int dam_cpuset_count(const struct dam_cpuset *s)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < DAM_CPUSET_WORDS; i++)
		n += (unsigned int)__builtin_popcountll(s->word[i]);
	return n;
}

bool dam_cpuset_empty(const struct dam_cpuset *s)
{
	for (unsigned int i = 0; i < DAM_CPUSET_WORDS; i++)
		if (s->word[i])
			return false;
	return true;
}

bool dam_cpuset_equal(const struct dam_cpuset *a, const struct dam_cpuset *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

unsigned int dam_cpuset_and(const struct dam_cpuset *a, const struct dam_cpuset *b,
			    struct dam_cpuset *out)
{
	for (unsigned int i = 0; i < DAM_CPUSET_WORDS; i++)
		out->word[i] = a->word[i] & b->word[i];
	return dam_cpuset_count(out);
}

bool dam_cpuset_subset(const struct dam_cpuset *a, const struct dam_cpuset *b)
{
	for (unsigned int i = 0; i < DAM_CPUSET_WORDS; i++)
		if (a->word[i] & ~b->word[i])
			return false;
	return true;
}

/* One decimal number; at most DAM_MAX_CPUS is told apart, larger ones saturate there. */
static int parse_cpu(const char **p, unsigned int *out)
{
	unsigned int v = 0;

	if (**p < '0' || **p > '9')
		return -EINVAL;
	for (; **p >= '0' && **p <= '9'; (*p)++)
		v = v < DAM_MAX_CPUS ? v * 10 + (unsigned int)(**p - '0') : v;
	*out = v;
	return 0;
}

static int parse_range(const char **p, struct dam_cpuset *s)
{
	unsigned int lo, hi, step = 1;

	if (parse_cpu(p, &lo))
		return -EINVAL;
	hi = lo;
	if (**p == '-' && ((*p)++, parse_cpu(p, &hi)))
		return -EINVAL;
	if (**p == ':' && ((*p)++, parse_cpu(p, &step)))
		return -EINVAL;
	if (hi < lo || step == 0)
		return -EINVAL;
	if (hi >= DAM_MAX_CPUS)
		return -ERANGE;
	for (; lo <= hi; lo += step)
		dam_cpuset_set(s, lo);
	return 0;
}

int dam_cpuset_parse(const char *text, struct dam_cpuset *out)
{
	struct dam_cpuset s = {{0}};
	const char *p = text + strspn(text, " \t\n");
	int err;

	while (*p) {
		err = parse_range(&p, &s);
		if (err)
			return err;
		p += strspn(p, " \t\n");
		if (*p == ',')
			p += 1 + strspn(p + 1, " \t");
		else if (*p)
			return -EINVAL;
	}
	*out = s;
	return 0;
}

char *dam_cpuset_format(const struct dam_cpuset *s, char *buf, size_t size)
{
	size_t at = 0;

	if (size)
		buf[0] = '\0';
	for (unsigned int i = 0; i < DAM_MAX_CPUS && at < size; i++) {
		unsigned int last = i;
		int n;

		if (!dam_cpuset_has(s, i))
			continue;
		while (dam_cpuset_has(s, last + 1))
			last++;
		n = snprintf(buf + at, size - at, last > i ? "%s%u-%u" : "%s%u", at ? "," : "", i,
			     last);
		at += n > 0 ? (size_t)n : 0;
		i = last;
	}
	return buf;
}

int dam_cpuset_get_thread(pid_t tid, struct dam_cpuset *out)
{
	struct dam_cpuset s = {{0}};

	if (syscall(SYS_sched_getaffinity, tid, sizeof(s), &s) < 0)
		return -errno;
	*out = s;
	return 0;
}

int dam_cpuset_set_thread(pid_t tid, const struct dam_cpuset *s)
{
	return syscall(SYS_sched_setaffinity, tid, sizeof(*s), s) < 0 ? -errno : 0;
}
