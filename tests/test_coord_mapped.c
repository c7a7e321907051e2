/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A ring without a descriptor, among very many mappings: it is found, and no tick pays for all of them. */
#include "config.h"

#include <check.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/suite.h"
#include "tools/coord/observe.h"

#define PAGES 20000 /* each second one is a mapping of its own, and so are those between */
#define UNITS 128
#define SLACK 2 /* of one step */

static struct coord_mapped found;
static unsigned int nr_found;

bool coord_peek_distinct(void)
{
	return false;
}

void coord_ring_mapped(struct coord *c, struct coord_watch *w, const struct coord_mapped *m)
{
	(void)c;
	(void)w;
	found = *m;
	nr_found++;
}

/* Return: where the ring is mapped; NULL: there are none here. */
static char *map_ring(void)
{
	struct io_uring_params p = {0};
	int fd = (int)syscall(SYS_io_uring_setup, 8, &p);
	char *at;

	if (fd < 0)
		return NULL;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	ck_assert(at != MAP_FAILED &&
		  mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES) != MAP_FAILED);
	close(fd);
	return at;
}

static void make_mappings(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *all = mmap(NULL, PAGES * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(all != MAP_FAILED);
	for (size_t i = 0; i < PAGES; i += 2)
		ck_assert(!mprotect(all + i * page, page, PROT_READ));
}

START_TEST(test_many)
{
	static struct coord c;
	static struct coord_process p;
	struct coord_watch w = {.pid = getpid(), .proc = &p, .io = {4096, 0}};
	char *ring = map_ring();
	unsigned int ticks = 0;
	bool done = false;

	if (!ring)
		return; /* this kernel has no rings to be found */
	make_mappings();
	p.coverage.kernel_bytes = 4096;
	ck_assert(coord_mapped_begin(&w, DAM_NS_PER_S));
	while (!done) {
		int units = UNITS;

		done = coord_mapped_go_on(&c, &w, &units);
		ck_assert_msg(units >= -SLACK, "%d units too many", -units);
		ck_assert_msg(done || units <= 0, "it stopped early");
		ticks++;
	}
	ck_assert_msg(ticks > 10, "%d mappings in %u ticks", PAGES, ticks);
	ck_assert_uint_eq(nr_found, 1);
	ck_assert_uint_eq(found.ring_at, (uintptr_t)ring);
	ck_assert(!w.mapped.look);
	ck_assert_msg(!coord_mapped_begin(&w, DAM_NS_PER_S), "it begins anew at once");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_mapped");
	TCase *tc = tcase_create("many");

	tcase_add_test(tc, test_many);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
