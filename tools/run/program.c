/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Which programs the library cannot enter, told from the file. */
#include "config.h"
#include "tools/run/run.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_HEADERS 128

/* As execvp(): the first executable in $PATH, unless the name has a slash. */
static int open_program(const char *name)
{
	const char *p = getenv("PATH");
	char path[PATH_MAX];

	if (strchr(name, '/'))
		return open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	for (p = p ? p : "/bin:/usr/bin"; *p; p += strcspn(p, ":"), p += *p == ':') {
		int n = (int)strcspn(p, ":");

		snprintf(path, sizeof(path), "%.*s/%s", n ? n : 1, n ? p : ".", name);
		if (access(path, X_OK) == 0)
			return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	return -1;
}

static bool has_interpreter(int fd, const Elf64_Ehdr *h)
{
	Elf64_Phdr ph;

	for (unsigned int i = 0; i < h->e_phnum && i < MAX_HEADERS; i++) {
		off_t at = (off_t)(h->e_phoff + (uint64_t)i * sizeof(ph));

		if (pread(fd, &ph, sizeof(ph), at) != (ssize_t)sizeof(ph))
			return true; /* not understood: say nothing */
		if (ph.p_type == PT_INTERP)
			return true;
	}
	return false;
}

static bool changes_user(const struct stat *st)
{
	return ((st->st_mode & S_ISUID) && st->st_uid != geteuid()) ||
	       ((st->st_mode & S_ISGID) && (st->st_mode & S_IXGRP) && st->st_gid != getegid());
}

/* Root has all of them anyway. */
static bool has_capabilities(int fd)
{
	return getuid() && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static const char *note_of(int fd)
{
	Elf64_Ehdr h;
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (changes_user(&st))
		return "it is a setuid or setgid program, which loads no library for its caller";
	if (has_capabilities(fd))
		return "its file has capabilities, and such a program loads no library for its caller";
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) || memcmp(h.e_ident, ELFMAG, SELFMAG))
		return NULL; /* a script: its interpreter decides */
	if (h.e_ident[EI_CLASS] != ELFCLASS64)
		return "it is a 32-bit program, and the library is a 64-bit one";
	if (!has_interpreter(fd, &h))
		return "it is statically linked, so that no library can be preloaded";
	return NULL;
}

const char *run_program_note(const char *name)
{
	int fd = open_program(name);
	const char *note;

	if (fd < 0)
		return NULL;
	note = note_of(fd);
	close(fd);
	return note;
}
