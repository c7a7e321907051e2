/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Text: numbers from untrusted strings, amounts for people. */
#ifndef DAM_BASE_STR_H
#define DAM_BASE_STR_H

#include <stddef.h>
#include <stdint.h>

/** dam_strlcpy() - copy, cut to fit, always terminate (size > 0). Return: strlen(@src). */
size_t dam_strlcpy(char *dst, const char *src, size_t size);

/**
 * dam_parse_u64() - the whole of @text as an unsigned decimal; blanks around it are allowed
 * Return: 0; -EINVAL when it is not one; -ERANGE when it does not fit.
 */
int dam_parse_u64(const char *text, uint64_t *out);

/** dam_parse_double() - the whole of @text as a finite number with '.', whatever the locale. */
int dam_parse_double(const char *text, double *out);

/**
 * dam_parse_bytes() - an amount of bytes: "8388608", "8M", "1.5G", "64KiB"
 *
 * Suffixes K, M, G, T are powers of 1024, "iB" or "B" may follow.
 * Return: 0; -EINVAL; -ERANGE.
 */
int dam_parse_bytes(const char *text, uint64_t *out);

/** dam_format_bytes() - "8.0 MiB", "512 B"; at most 10 characters. Return: @buf. */
char *dam_format_bytes(double bytes, char *buf, size_t size);

#endif
