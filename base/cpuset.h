/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Sets of CPUs: a fixed bitmap that fits shared memory, the kernel's list syntax, masks of threads. */
#ifndef DAM_BASE_CPUSET_H
#define DAM_BASE_CPUSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DAM_MAX_CPUS	 2048
#define DAM_CPUSET_WORDS (DAM_MAX_CPUS / 64)

/* Bit i of word i / 64 is CPU i, as in the kernel's own masks on 64-bit machines. */
struct dam_cpuset {
	uint64_t word[DAM_CPUSET_WORDS];
};

static inline void dam_cpuset_set(struct dam_cpuset *s, unsigned int cpu)
{
	if (cpu < DAM_MAX_CPUS)
		s->word[cpu / 64] |= 1ull << (cpu % 64);
}

static inline bool dam_cpuset_has(const struct dam_cpuset *s, unsigned int cpu)
{
	return cpu < DAM_MAX_CPUS && (s->word[cpu / 64] >> (cpu % 64) & 1);
}

unsigned int dam_cpuset_count(const struct dam_cpuset *s);
bool dam_cpuset_empty(const struct dam_cpuset *s);
bool dam_cpuset_equal(const struct dam_cpuset *a, const struct dam_cpuset *b);
/** dam_cpuset_and() - @out = @a ∩ @b; @out may be either. Return: the number of CPUs in @out. */
unsigned int dam_cpuset_and(const struct dam_cpuset *a, const struct dam_cpuset *b,
			    struct dam_cpuset *out);
/** dam_cpuset_subset() - is every CPU of @a in @b? */
bool dam_cpuset_subset(const struct dam_cpuset *a, const struct dam_cpuset *b);

/**
 * dam_cpuset_parse() - the kernel's CPU list: "0-3,8, 10-12:2", a newline may follow
 * @text: untrusted text
 * @out: written only on success; an empty @text gives the empty set
 *
 * Return: 0; -EINVAL on bad syntax; -ERANGE beyond DAM_MAX_CPUS.
 */
int dam_cpuset_parse(const char *text, struct dam_cpuset *out);

/**
 * dam_cpuset_format() - "0-3,8"; cut off, yet terminated, when @size is too small
 * Return: @buf.
 */
char *dam_cpuset_format(const struct dam_cpuset *s, char *buf, size_t size);

/**
 * dam_cpuset_get_thread() / dam_cpuset_set_thread() - the affinity mask of thread @tid (0: the caller)
 *
 * Raw system calls: the interposer's own hooks on the libc functions are not entered.
 * Return: 0; -errno of the system call (-ESRCH: the thread is gone, -EPERM, -EINVAL: no CPU of the
 * set is allowed, or the thread is a PF_NO_SETAFFINITY one).
 */
int dam_cpuset_get_thread(pid_t tid, struct dam_cpuset *out);
int dam_cpuset_set_thread(pid_t tid, const struct dam_cpuset *s);

#endif
