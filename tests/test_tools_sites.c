/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Names of functions: this program's own, and what becomes of files that are damaged or are no such
 * files. */
#include "config.h"

#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tools/common/elf.h"
#include "tools/common/sites.h"

static char self[4096]; /* this program's file */

__attribute__((noinline)) static int known_function(int x)
{
	return x * 7 + (int)strlen(self);
}

/* Where the function stands in the file of this program. */
static uint64_t file_offset_of(const void *code)
{
	unsigned long start, end, offset, found = 0;
	char line[4096], perms[8];
	FILE *f = fopen("/proc/self/maps", "r");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %7s %lx", &start, &end, perms, &offset) == 4 &&
		    (uintptr_t)code >= start && (uintptr_t)code < end)
			found = (uintptr_t)code - start + offset;
	fclose(f);
	return found;
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

START_TEST(test_own_function)
{
	struct dam_elf *e = dam_elf_open(self, inode_of(self));
	uint64_t at = file_offset_of((void *)known_function), offset = 99;

	ck_assert_ptr_nonnull(e);
	ck_assert_int_gt(known_function(1), 0);
	ck_assert_str_eq(dam_elf_function(e, at + 3, &offset), "known_function");
	ck_assert_uint_eq(offset, 3);
	ck_assert_uint_ne(dam_elf_address(e, at), 0);
	ck_assert_uint_eq(dam_elf_address(e, 1ull << 50), 0);
	ck_assert_ptr_null(dam_elf_function(e, 1ull << 50, &offset));
	dam_elf_close(e);
	dam_elf_close(NULL);
}
END_TEST

START_TEST(test_no_such_file)
{
	char fifo[64];

	ck_assert_ptr_null(dam_elf_open("/no/such/file", 0));
	ck_assert_ptr_null(dam_elf_open("/proc/self", 0));
	ck_assert_ptr_null(dam_elf_open("/etc/passwd", 0));
	ck_assert_msg(!dam_elf_open(self, inode_of(self) + 1), "a file that has been replaced");
	scratch_dir(fifo, sizeof(fifo) - sizeof("/fifo"));
	strcat(fifo, "/fifo");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_msg(!dam_elf_open(fifo, 0), "a pipe: must not wait for a writer");
}
END_TEST

static unsigned int next_random(void)
{
	static unsigned int x = 0x12345678;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

/* Bytes changed in the headers and tables of a real file, and files cut short. */
START_TEST(test_damage)
{
	char damaged[64], *file;
	FILE *f = fopen(self, "r");
	size_t size, n = 0;
	Elf64_Ehdr *h;

	scratch_dir(damaged, sizeof(damaged) - sizeof("/elf"));
	strcat(damaged, "/elf");
	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	size = (size_t)ftell(f);
	rewind(f);
	file = malloc(size);
	ck_assert(file && fread(file, 1, size, f) == size);
	fclose(f);
	h = (Elf64_Ehdr *)file;
	for (unsigned int round = 0; round < 300; round++) {
		int fd = open(damaged, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		size_t in[] = {next_random() % 64, h->e_phoff + next_random() % 512,
			       h->e_shoff + next_random() % (h->e_shnum * sizeof(Elf64_Shdr))};
		size_t at = in[next_random() % 3] % size,
		       len = next_random() % 8 ? size : next_random() % size;
		char was = file[at];
		struct dam_elf *e;
		uint64_t offset;

		file[at] = (char)next_random();
		ck_assert_int_eq(write(fd, file, len), (ssize_t)len);
		file[at] = was;
		close(fd);
		e = dam_elf_open(damaged, 0);
		for (uint64_t k = 0; e && k < size; k += 97) {
			const char *name = dam_elf_function(e, k, &offset);

			n += name ? strlen(name) : 0;
		}
		dam_elf_close(e);
	}
	ck_assert_msg(n > 0, "no file was read at all");
	free(file);
}
END_TEST

START_TEST(test_names)
{
	uint64_t at = file_offset_of((void *)known_function);
	json_t *answer = json_pack("{s:[{s:i, s:i, s:[{s:s, s:I, s:I}, {s:n, s:i}, n]}, i]}",
				   "call_sites", "pid", (int)getpid(), "ops", 7, "frames", "module",
				   self, "inode", (json_int_t)inode_of(self), "file_offset",
				   (json_int_t)at + 4, "module", "file_offset", 4711, 3);
	json_t *frames, *f;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(answer);
	dam_sites_name(answer);
	frames =
		json_object_get(json_array_get(json_object_get(answer, "call_sites"), 0), "frames");
	f = json_array_get(frames, 0);
	ck_assert_str_eq(json_string_value(json_object_get(f, "function")), "known_function");
	ck_assert_int_eq(json_integer_value(json_object_get(f, "offset")), 4);
	ck_assert(json_is_null(json_object_get(json_array_get(frames, 1), "function")));
	dam_sites_print(out, 0, answer, 5);
	dam_sites_name(NULL);
	dam_sites_print(out, 0, NULL, 5);
	fclose(out);
	ck_assert_msg(strstr(text, "known_function+0x4") != NULL, "%s", text);
	ck_assert_msg(strstr(text, "no call sites") != NULL, "%s", text);
	free(text);
	json_decref(answer);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sites");
	TCase *tc = tcase_create("names");
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_own_function);
	tcase_add_test(tc, test_no_such_file);
	tcase_add_test(tc, test_damage);
	tcase_add_test(tc, test_names);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
