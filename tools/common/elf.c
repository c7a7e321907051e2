/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Symbol tables of ELF files. */
#include "config.h"
#include "tools/common/elf.h"

#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TABLE   (512u << 20) /* of symbols, or of their names */
#define MAX_HEADERS 65536
#define OWN_DATA    (BYTE_ORDER == LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB)

struct function {
	uint64_t start, size;
	uint32_t name;
};

struct dam_elf {
	Elf64_Phdr *phdr;
	unsigned int nr_phdr;
	struct function *function; /* by start */
	size_t nr_function;
	char *names; /* terminated */
	size_t names_size;
};

/* @size bytes from @at on. Return: the caller's to free, with a zero behind; NULL: not there. */
static void *read_part(int fd, uint64_t at, uint64_t size, uint64_t max)
{
	char *p = size <= max && at < INT64_MAX - size ? malloc(size + 1) : NULL;

	if (p && pread(fd, p, size, (off_t)at) != (ssize_t)size) {
		free(p);
		return NULL;
	}
	if (p)
		p[size] = '\0';
	return p;
}

static int by_start(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static bool read_functions(struct dam_elf *e, int fd, const Elf64_Shdr *table,
			   const Elf64_Shdr *names)
{
	Elf64_Sym *sym = read_part(fd, table->sh_offset, table->sh_size, MAX_TABLE);
	size_t nr = table->sh_size / sizeof(*sym);

	e->names = read_part(fd, names->sh_offset, names->sh_size, MAX_TABLE);
	e->names_size = names->sh_size;
	e->function = sym ? malloc((nr + 1) * sizeof(*e->function)) : NULL;
	for (size_t i = 0; e->names && e->function && i < nr; i++)
		if (ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC && sym[i].st_shndx != SHN_UNDEF &&
		    sym[i].st_name < e->names_size)
			e->function[e->nr_function++] =
				(struct function){sym[i].st_value, sym[i].st_size, sym[i].st_name};
	free(sym);
	if (e->nr_function)
		qsort(e->function, e->nr_function, sizeof(*e->function), by_start);
	return e->nr_function > 0;
}

/* The full table where it has not been stripped, else that of exported functions. */
static void read_symbols(struct dam_elf *e, int fd, const Elf64_Ehdr *h)
{
	static const uint32_t types[] = {SHT_SYMTAB, SHT_DYNSYM};
	Elf64_Shdr *s = h->e_shentsize == sizeof(*s)
				? read_part(fd, h->e_shoff, h->e_shnum * sizeof(*s),
					    MAX_HEADERS * sizeof(*s))
				: NULL;

	for (size_t t = 0; s && t < sizeof(types) / sizeof(types[0]) && !e->nr_function; t++)
		for (unsigned int i = 0; i < h->e_shnum && !e->nr_function; i++)
			if (s[i].sh_type == types[t] && s[i].sh_link < h->e_shnum &&
			    !read_functions(e, fd, &s[i], &s[s[i].sh_link])) {
				free(e->function);
				free(e->names);
				e->function = NULL;
				e->names = NULL;
			}
	free(s);
}

static struct dam_elf *read_file(int fd)
{
	struct dam_elf *e;
	Elf64_Ehdr h;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != OWN_DATA ||
	    h.e_phentsize != sizeof(Elf64_Phdr))
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->phdr = read_part(fd, h.e_phoff, h.e_phnum * sizeof(Elf64_Phdr),
			    MAX_HEADERS * sizeof(Elf64_Phdr));
	if (e->phdr)
		e->nr_phdr = h.e_phnum;
	read_symbols(e, fd, &h);
	return e;
}

struct dam_elf *dam_elf_open(const char *path, uint64_t inode)
{
	/* whatever lies there now: opening it must not wait, nor do anything */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct dam_elf *e = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (!inode || st.st_ino == inode))
		e = read_file(fd);
	close(fd);
	return e;
}

void dam_elf_close(struct dam_elf *e)
{
	if (!e)
		return;
	free(e->phdr);
	free(e->function);
	free(e->names);
	free(e);
}

uint64_t dam_elf_address(const struct dam_elf *e, uint64_t file_offset)
{
	for (unsigned int i = 0; i < e->nr_phdr; i++) {
		const Elf64_Phdr *p = &e->phdr[i];

		if (p->p_type == PT_LOAD && file_offset >= p->p_offset &&
		    file_offset - p->p_offset < p->p_filesz)
			return file_offset - p->p_offset + p->p_vaddr;
	}
	return 0;
}

const char *dam_elf_function(const struct dam_elf *e, uint64_t file_offset, uint64_t *offset)
{
	uint64_t address = dam_elf_address(e, file_offset);
	size_t low = 0, high = e->nr_function;
	const struct function *f;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (e->function[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (!address || !low)
		return NULL;
	f = &e->function[low - 1];
	/* hand-written assembly may not tell its size */
	if (f->size && address - f->start >= f->size)
		return NULL;
	*offset = address - f->start;
	return e->names + f->name;
}
