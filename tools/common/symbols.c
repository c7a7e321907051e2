/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Call sites: the names of functions. */
#include "config.h"
#include "tools/common/sites.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/elf.h"

#define MAX_FILES 256 /* read for one answer */

/* The files that were read, found or not. */
struct files {
	struct {
		json_int_t pid, inode;
		const char *path; /* the answer's */
		struct dam_elf *elf;
	} file[MAX_FILES];
	unsigned int nr;
	char *(*demangle)(const char *name, char *buf, size_t *size,
			  int *status); /* NULL: no C++ here */
};

/* As the process sees it, which may live in a root of its own; as we do, once it has ended. */
static struct dam_elf *open_file(json_int_t pid, const char *path, json_int_t inode)
{
	char inside[PATH_MAX];
	struct dam_elf *e;

	snprintf(inside, sizeof(inside), "/proc/%lld/root%s", (long long)pid, path);
	e = dam_elf_open(inside, (uint64_t)inode);
	return e ? e : dam_elf_open(path, (uint64_t)inode);
}

static const struct dam_elf *find_file(struct files *files, json_int_t pid, const char *path,
				       json_int_t inode)
{
	for (unsigned int i = 0; i < files->nr; i++)
		if (files->file[i].pid == pid && files->file[i].inode == inode &&
		    !strcmp(files->file[i].path, path))
			return files->file[i].elf;
	if (files->nr == MAX_FILES)
		return NULL;
	files->file[files->nr].pid = pid;
	files->file[files->nr].inode = inode;
	files->file[files->nr].path = path;
	files->file[files->nr].elf = open_file(pid, path, inode);
	return files->file[files->nr++].elf;
}

static json_t *function_text(const struct files *files, const char *name)
{
	char *plain = NULL;
	json_t *j;

	if (files->demangle && !strncmp(name, "_Z", 2))
		plain = files->demangle(name, NULL, NULL, NULL);
	j = json_string(plain ? plain : name);
	free(plain);
	return j ? j : json_null();
}

static void name_frame(struct files *files, json_int_t pid, json_t *frame)
{
	const char *path = json_string_value(json_object_get(frame, "module")), *name;
	json_int_t at = json_integer_value(json_object_get(frame, "file_offset"));
	json_int_t inode = json_integer_value(json_object_get(frame, "inode"));
	const struct dam_elf *e = path && *path == '/' ? find_file(files, pid, path, inode) : NULL;
	uint64_t offset = 0, address;

	/* a return address: the call stands before it */
	name = e && at > 0 ? dam_elf_function(e, (uint64_t)at - 1, &offset) : NULL;
	address = e && at > 0 ? dam_elf_address(e, (uint64_t)at - 1) : 0;
	json_object_set_new(frame, "function", name ? function_text(files, name) : json_null());
	json_object_set_new(frame, "offset",
			    name ? json_integer((json_int_t)offset + 1) : json_null());
	json_object_set_new(frame, "address",
			    address ? json_integer((json_int_t)address + 1) : json_null());
}

void dam_sites_name(json_t *answer)
{
	struct files *files = calloc(1, sizeof(*files));
	void *cxx = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
	json_t *site, *frame;
	size_t i, k;

	if (!files)
		return;
	if (cxx)
		files->demangle = (char *(*)(const char *, char *, size_t *, int *))dlsym(
			cxx, "__cxa_demangle");
	json_array_foreach (json_object_get(answer, "call_sites"), i, site)
		json_array_foreach (json_object_get(site, "frames"), k, frame)
			if (json_is_object(frame))
				name_frame(files, json_integer_value(json_object_get(site, "pid")),
					   frame);
	for (i = 0; i < files->nr; i++)
		dam_elf_close(files->file[i].elf);
	free(files);
	if (cxx)
		dlclose(cxx);
}
