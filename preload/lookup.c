/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Symbols by the hash tables of each object's own. dl_iterate_phdr()'s lock is not held while
 * constructors run. */
#include "config.h"
#include "preload/lookup.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "preload/object.h"

struct search {
	const char *name;
	uint32_t hash;
	bool passed; /* this library has come by */
	void *found; /* the first: in front of it, until there is one behind it */
};

struct table {
	const ElfW(Sym) * sym;
	const char *str;
	const uint32_t *gnu_hash;
	const uint16_t *version;
};
#define VERSION_HIDDEN 0x8000 /* not the default one */

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;

	while (*name)
		h = h * 33 + (unsigned char)*name++;
	return h;
}

/* glibc relocates these entries in place, other linkers do not: what lies below the object is an
 * offset. */
static const void *at(const struct dl_phdr_info *info, ElfW(Addr) value)
{
	return (const void *)(value < info->dlpi_addr ? info->dlpi_addr + value : value);
}

static void read_dynamic(const struct dl_phdr_info *info, const ElfW(Dyn) * d, struct table *t)
{
	for (; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			t->sym = at(info, d->d_un.d_ptr);
		else if (d->d_tag == DT_STRTAB)
			t->str = at(info, d->d_un.d_ptr);
		else if (d->d_tag == DT_GNU_HASH)
			t->gnu_hash = at(info, d->d_un.d_ptr);
		else if (d->d_tag == DT_VERSYM)
			t->version = at(info, d->d_un.d_ptr);
	}
}

/* The chain of the bucket that @s->hash falls into; its last entry has an odd hash. */
static const ElfW(Sym) * find_symbol(const struct table *t, const struct search *s)
{
	const uint32_t nr_buckets = t->gnu_hash[0], first = t->gnu_hash[1], words = t->gnu_hash[2];
	const uint32_t *bucket = t->gnu_hash + 4 + words * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
	const uint32_t *chain = bucket + nr_buckets;
	uint32_t i = nr_buckets ? bucket[s->hash % nr_buckets] : 0;

	for (; i >= first && i; i++) {
		const ElfW(Sym) *sym = &t->sym[i];

		if ((chain[i - first] | 1) == (s->hash | 1) && sym->st_shndx != SHN_UNDEF &&
		    (sym->st_info & 15) == STT_FUNC &&
		    !(t->version && t->version[i] & VERSION_HIDDEN) &&
		    !strcmp(t->str + sym->st_name, s->name))
			return sym;
		if (chain[i - first] & 1)
			break;
	}
	return NULL;
}

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;
	struct table t = {0};
	const ElfW(Sym) *sym = NULL;

	(void)size;
	if (info->dlpi_addr == (ElfW(Addr))__ehdr_start) {
		s->passed = true;
		return 0;
	}
	for (unsigned int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			read_dynamic(info,
				     (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
				     &t);
	if (t.sym && t.str && t.gnu_hash)
		sym = find_symbol(&t, s);
	if (sym && (s->passed || !s->found))
		s->found = (void *)(info->dlpi_addr + sym->st_value);
	return sym && s->passed;
}

void *dam_lookup(const char *name)
{
	struct search s = {.name = name, .hash = gnu_hash(name)};

	dl_iterate_phdr(look, &s);
	return s.found;
}
