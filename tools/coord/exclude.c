/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Programs that are left alone from the first (DAM_EXCLUDE): by the process's name, or by the path of what it executes. */
#include "config.h"
#include "tools/coord/coord.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEPARATORS ", \t"

/* The kernel cuts names; so is what they are compared with. */
static bool is_name(const struct coord_process *p, const char *word, size_t len)
{
	const size_t most = sizeof(p->comm) - 1;

	return strnlen(p->comm, most) == (len < most ? len : most) && !strncmp(p->comm, word, len < most ? len : most);
}

static bool is_path(const struct coord_process *p, const char *word, size_t len)
{
	char link[32], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)p->pid);
	n = readlink(link, path, sizeof(path));
	return n == (ssize_t)len && !memcmp(path, word, len);
}

bool coord_listed(const struct coord *c, const struct coord_process *p)
{
	const char *word = dam_knob_text(&c->knobs, DAM_KNOB_EXCLUDE);

	while (word && *(word += strspn(word, SEPARATORS))) {
		size_t len = strcspn(word, SEPARATORS);

		if (*word == '/' ? is_path(p, word, len) : is_name(p, word, len))
			return true;
		word += len;
	}
	return false;
}
