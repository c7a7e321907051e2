/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Simulated engines and DAM_CAPACITY: what is understood, what is refused and in which words. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/hal.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

static struct hal_tree tree;

static void setup(void)
{
	setenv("HWLOC_SYNTHETIC", "node:3 pu:1", 1);
	hal_tree_open(&tree);
	hal_tree_virtio(&tree);
	hal_tree_multipath(&tree);
}

static void teardown(void)
{
	hal_tree_close(&tree);
}

static int open_sim(const char *sim, const char *capacity, char *err, size_t size,
		    struct dam_hal **out)
{
	struct dam_hal_config cfg = {.root = tree.root, .sim = sim, .capacity = capacity};

	*out = NULL;
	return dam_hal_open(&cfg, err, size, out);
}

/* Descriptions that are wrong, and the whole line that the user reads. */
static const struct {
	const char *sim, *want;
} bad[] = {
	{"engine e0", "DAM_SIM, line 1: engine 'e0' has no capacity=BYTES"},
	{"engine e0 capacity=0",
	 "DAM_SIM, line 1: capacity=0: not an amount of bytes per second above 0, such as 8M"},
	{"engine e0 capacity=",
	 "DAM_SIM, line 1: capacity=: not an amount of bytes per second above 0, such as 8M"},
	{"engine e0 capacity",
	 "DAM_SIM, line 1: capacity=: not an amount of bytes per second above 0, such as 8M"},
	{"engine e0 capacity=-1M",
	 "DAM_SIM, line 1: capacity=-1M: not an amount of bytes per second above 0, such as 8M"},
	{"pool p;engine e0 capacity=1M pool=p domain=3",
	 "DAM_SIM, line 2: domain=3: not the number of a domain of this machine, counted from 0"},
	{"engine e0 capacity=1M domain=x",
	 "DAM_SIM, line 1: domain=x: not the number of a domain of this machine, counted from 0"},
	{"engine e0 capacity=1M latency=0",
	 "DAM_SIM, line 1: latency=0: not microseconds from 1 to 60000000"},
	{"engine e0 capacity=1M depth=1.5",
	 "DAM_SIM, line 1: depth=1.5: not a number of operations from 1 to 1000000"},
	{"engine e0 capacity=1M speed=2", "DAM_SIM, line 1: 'speed' is no word of an engine; there "
					  "are capacity, domain, pool, latency, depth, "
					  "source"},
	{"pool p capacity=1M", "DAM_SIM, line 1: 'capacity' is no word of a pool; there is source"},
	{"engine e0 capacity=1M capacity=2M", "DAM_SIM, line 1: capacity is given twice"},
	{"engine e0 capacity=1M;engine e0 capacity=1M",
	 "DAM_SIM, line 2: 'e0' is declared already, in line 1"},
	{"engine e0 capacity=1M;;pool e0", "DAM_SIM, line 3: 'e0' is declared already, in line 1"},
	{"motor e0 capacity=1M", "DAM_SIM, line 1: 'motor' begins no line; 'engine' and 'pool' do"},
	{"engine ;pool p",
	 "DAM_SIM, line 1: an engine needs a name of letters, digits, '_', '.', '-', '/'"},
	{"engine e:0 capacity=1M",
	 "DAM_SIM, line 1: an engine needs a name of letters, digits, '_', '.', '-', '/'"},
	{"engine eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee capacity=1M",
	 "DAM_SIM, line 1: a name has at most 59 characters"},
	{"engine e0 capacity=1M pool=p", "DAM_SIM, line 1: pool=p: no line declares this pool"},
	{"engine e0 capacity=1M pool=", "DAM_SIM, line 1: pool=: not the name of a pool"},
	{"pool p source=*", "DAM_SIM, line 1: pool 'p' has no engine"},
	{"pool p;engine e0 capacity=1M pool=p source=block:vda",
	 "DAM_SIM, line 2: source=block:vda: belongs to the line of pool 'p'"},
	{"pool p source=block:vdz;engine e0 capacity=1M pool=p",
	 "DAM_SIM, line 1: source=block:vdz: there is no such target"},
	{"engine e0 capacity=1M source=sim:e0",
	 "DAM_SIM, line 1: source=sim:e0: there is no such target"},
	{"pool p;pool q;engine e0 capacity=1M pool=p;engine e1 capacity=1M pool=q",
	 "DAM_SIM, line 2: 'q' and 'p' (line 1) both have source=*"},
	{"/nonexistent.sim", "DAM_SIM: /nonexistent.sim: No such file or directory"},
	{"nonexistent", "DAM_SIM: nonexistent: No such file or directory"},
	{"/", "DAM_SIM: /: not a regular file"},
	{"engine e\x01 capacity=1M\x7f",
	 "DAM_SIM, line 1: an engine needs a name of letters, digits, '_', '.', '-', '/'"},
};

START_TEST(test_bad)
{
	struct dam_hal *hal;
	char err[256];

	ck_assert_int_eq(open_sim(bad[_i].sim, NULL, err, sizeof(err), &hal), -EINVAL);
	ck_assert_str_eq(err, bad[_i].want);
	ck_assert_ptr_null(hal);
}
END_TEST

/* Files: the path and the line are named. */
START_TEST(test_file)
{
	struct dam_hal *hal;
	char path[300], want[400], err[400], big[70000];

	snprintf(path, sizeof(path), "%s/a.sim", tree.root);
	hal_tree_put(&tree, "/a.sim",
		     "# two\n\npool p  # all\r\n\tengine e capacity=8M pool=p\nengine");
	ck_assert_int_eq(open_sim(path, NULL, err, sizeof(err), &hal), -EINVAL);
	snprintf(want, sizeof(want),
		 "%s, line 5: an engine needs a name of letters, digits, '_', '.', '-', '/'", path);
	ck_assert_str_eq(err, want);

	hal_tree_put(&tree, "/a.sim", "pool p%c", 0);
	ck_assert_int_eq(open_sim(path, NULL, err, sizeof(err), &hal), -EINVAL);
	snprintf(want, sizeof(want), "DAM_SIM: %s: not a text file", path);
	ck_assert_str_eq(err, want);

	memset(big, '#', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	hal_tree_put(&tree, "/a.sim", "%s", big);
	ck_assert_int_eq(open_sim(path, NULL, err, sizeof(err), &hal), -EINVAL);
	snprintf(want, sizeof(want), "DAM_SIM: %s: larger than 65536 bytes", path);
	ck_assert_str_eq(err, want);

	hal_tree_put(&tree, "/a.sim", "# nothing");
	ck_assert_int_eq(open_sim(path, NULL, err, sizeof(err), &hal), 0);
	dam_hal_close(hal);
}
END_TEST

static int find(struct dam_hal *hal, const char *name)
{
	int i = dam_hal_find(hal, name);

	ck_assert_msg(i >= 0, "%s", name);
	return i;
}

START_TEST(test_example)
{
	struct dam_hal *hal;
	char err[256], text[8192];

	ck_assert_msg(
		!open_sim(DAM_SRCDIR "/examples/two-engines.sim", NULL, err, sizeof(err), &hal),
		"%s", err);
	hal_tree_dump(hal, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text,
				     "pool sim:disks by-cpu 0:sim:left 1:sim:right 2:sim:left\n"
				     "sim:left pci=- cpus=0 pool=sim:disks us=200 depth=32\n"
				     "sim:right pci=- cpus=1 pool=sim:disks us=200 depth=32\n"));
	dam_hal_close(hal);
}
END_TEST

/* Who takes whose work. */
START_TEST(test_redirect)
{
	static const char sim[] = "engine a capacity=1M pool=p domain=2\n"
				  "engine b capacity=1M pool=p\n"
				  "engine c capacity=2M source=block:vda\n"
				  "engine d capacity=2M\n"
				  "pool p\n";
	struct dam_hal *hal;
	char err[256];
	int p, c;

	ck_assert_msg(!open_sim(sim, NULL, err, sizeof(err), &hal), "%s", err);
	p = find(hal, "sim:p");
	c = find(hal, "sim:c");
	ck_assert_int_eq(dam_hal_redirect(hal, find(hal, "block:vda")), c);
	ck_assert_int_eq(dam_hal_redirect(hal, find(hal, "block:vdb")), p);
	ck_assert_int_eq(dam_hal_redirect(hal, find(hal, "block:nvme1n1")), p);
	ck_assert_int_eq(dam_hal_redirect(hal, DAM_HAL_NONE), p);
	ck_assert_int_eq(dam_hal_redirect(hal, p), p);
	ck_assert_int_eq(dam_hal_redirect(hal, find(hal, "sim:d")), find(hal, "sim:d"));
	ck_assert_int_eq(dam_hal_redirect(hal, DAM_HAL_TARGETS), DAM_HAL_NONE);
	/* b has no domain, so it is next to every CPU; beside a it comes second */
	ck_assert_int_eq(dam_hal_target(hal, (unsigned int)p)->pool.engine_of_domain[0],
			 find(hal, "sim:b"));
	ck_assert_int_eq(dam_hal_target(hal, (unsigned int)p)->pool.engine_of_domain[2],
			 find(hal, "sim:a"));
	dam_hal_close(hal);
}
END_TEST

START_TEST(test_feed)
{
	struct dam_hal_counters c;
	struct dam_hal_engine *e;
	struct dam_hal *hal;
	char err[256];

	ck_assert_int_eq(
		open_sim("engine e capacity=1M depth=4 latency=50", NULL, err, sizeof(err), &hal),
		0);
	/* without a source, work stays where it is */
	ck_assert_int_eq(dam_hal_redirect(hal, DAM_HAL_NONE), DAM_HAL_NONE);
	ck_assert_int_eq(dam_hal_redirect(hal, 0), 0);
	e = &dam_hal_target(hal, (unsigned int)find(hal, "sim:e"))->engine;
	ck_assert(e->simulated && e->depth == 4 && e->base_latency_ns == 50000);
	ck_assert(e->capacity.bps == 1048576 && e->capacity.source == DAM_CAPACITY_GIVEN);
	dam_hal_feed(e, 4096, 1, false);
	dam_hal_feed(e, 8192, 2, true);
	dam_hal_feed(e, 4096, 1, false);
	ck_assert_int_eq(dam_hal_sample(e, &c), 0);
	ck_assert_uint_eq(c.have, DAM_HAVE_BYTES | DAM_HAVE_OPS);
	ck_assert(c.read_bytes == 8192 && c.read_ops == 2 && c.write_bytes == 8192 &&
		  c.write_ops == 2);
	/* a real engine takes none */
	e = &dam_hal_target(hal, (unsigned int)find(hal, "block:vda"))->engine;
	dam_hal_feed(e, 4096, 1, false);
	ck_assert_int_eq(dam_hal_sample(e, &c), 0);
	ck_assert_uint_eq(c.read_bytes, 80 * 512);
	dam_hal_close(hal);
}
END_TEST

/* As many lines as a description may have, and one more. */
START_TEST(test_many)
{
	struct dam_hal *hal;
	char sim[20000] = "", err[256];
	size_t at = 0;

	for (int i = 0; i < 255; i++)
		at += (size_t)snprintf(sim + at, sizeof(sim) - at, "engine e%d capacity=1\n", i);
	ck_assert_int_eq(open_sim(sim, NULL, err, sizeof(err), &hal), 0);
	find(hal, "sim:e254");
	dam_hal_close(hal);
	snprintf(sim + at, sizeof(sim) - at, "engine f capacity=1\n");
	ck_assert_int_eq(open_sim(sim, NULL, err, sizeof(err), &hal), -EINVAL);
	ck_assert_str_eq(err, "DAM_SIM, line 256: more than 255 engines and pools");
}
END_TEST

#define ENGINES "engines: block:nvme1c0n1, block:nvme1c1n1, block:vda, block:vdb"

static const struct {
	const char *capacity, *want; /* NULL: accepted, vda has 1.5 GiB/s */
} capacities[] = {
	{"block:vda=1.5G", NULL},
	{"block:vdb=1, block:vda=1536M", NULL},
	{"block:vda=1G,block:vda=1.5G", NULL}, /* the last one wins */
	{"block:vdz=1G", "DAM_CAPACITY: 'block:vdz=1G': 'block:vdz' is no engine; " ENGINES},
	{"block:nvme1n1=1G",
	 "DAM_CAPACITY: 'block:nvme1n1=1G': 'block:nvme1n1' is a pool, name its engines "
	 "instead; " ENGINES},
	{"block:vda=fast", "DAM_CAPACITY: 'block:vda=fast': 'fast' is no amount of bytes above 0, "
			   "such as 800M or 1.5G"},
	{"block:vda=0",
	 "DAM_CAPACITY: 'block:vda=0': '0' is no amount of bytes above 0, such as 800M or 1.5G"},
	{"block:vda=",
	 "DAM_CAPACITY: 'block:vda=': '' is no amount of bytes above 0, such as 800M or 1.5G"},
	{"block:vda=1G,", "DAM_CAPACITY: '': not of the form ENGINE=BYTES"},
	{"1G", "DAM_CAPACITY: '1G': not of the form ENGINE=BYTES"},
	{"=1G", "DAM_CAPACITY: '=1G': not of the form ENGINE=BYTES"},
	{"a\nb=1G", "DAM_CAPACITY: 'a?b=1G': 'a?b' is no engine; " ENGINES},
};

START_TEST(test_capacity)
{
	struct dam_hal *hal;
	char err[512];
	int ret = open_sim(NULL, capacities[_i].capacity, err, sizeof(err), &hal);

	if (capacities[_i].want) {
		ck_assert_int_eq(ret, -EINVAL);
		ck_assert_str_eq(err, capacities[_i].want);
		return;
	}
	ck_assert_msg(!ret, "%s", err);
	ck_assert_uint_eq(
		dam_hal_target(hal, (unsigned int)find(hal, "block:vda"))->engine.capacity.bps,
		1610612736);
	dam_hal_close(hal);
}
END_TEST

/* An engine's name with more behind it is no engine's. */
START_TEST(test_long_name)
{
	char name[DAM_HAL_NAME], sim[128], capacity[128], err[512];
	struct dam_hal *hal;

	memset(name, 'e', sizeof(name));
	memcpy(name, "sim:", 4);
	name[sizeof(name) - 1] = '\0';
	snprintf(sim, sizeof(sim), "engine %s capacity=1M", name + 4);
	snprintf(capacity, sizeof(capacity), "%s=1G", name);
	ck_assert_int_eq(open_sim(sim, capacity, err, sizeof(err), &hal), 0);
	dam_hal_close(hal);
	snprintf(capacity, sizeof(capacity), "%se=1G", name);
	ck_assert_int_eq(open_sim(sim, capacity, err, sizeof(err), &hal), -EINVAL);
	ck_assert_msg(strstr(err, "is no engine; "), "%s", err);
}
END_TEST

/* Any room for the line will do, none included. */
START_TEST(test_short_error)
{
	struct dam_hal *hal;
	char err[8];

	ck_assert_int_eq(open_sim(NULL, "x=1", err, sizeof(err), &hal), -EINVAL);
	ck_assert_str_eq(err, "DAM_CAP");
	ck_assert_int_eq(open_sim(NULL, "x=1", NULL, 0, &hal), -EINVAL);
}
END_TEST

START_TEST(test_unset)
{
	struct dam_hal *hal;
	char err[8];

	ck_assert_int_eq(open_sim("", "", err, sizeof(err), &hal), 0);
	ck_assert_uint_eq(
		dam_hal_target(hal, (unsigned int)find(hal, "block:vda"))->engine.capacity.bps, 0);
	dam_hal_close(hal);
}
END_TEST

/* No description, however damaged, does more than be refused. */
START_TEST(test_damage)
{
	static const char seed[] =
		"pool p source=*\nengine a capacity=8M domain=0 pool=p latency=200 depth=32\n"
		"engine b capacity=1.5G domain=1 pool=p # x\n";
	static const char alphabet[] = "\n\t =;#*:/.-019KMGabcdefginloprstuy\x01\xff";
	struct dam_hal *hal;
	char sim[sizeof(seed)], err[256];
	unsigned int rnd = 1;

	for (int round = 0; round < 500; round++) {
		memcpy(sim, seed, sizeof(seed));
		for (int n = 0; n < 1 + round % 5; n++)
			sim[(unsigned int)rand_r(&rnd) % (sizeof(seed) - 1)] =
				alphabet[(unsigned int)rand_r(&rnd) % (sizeof(alphabet) - 1)];
		if (open_sim(sim, NULL, err, sizeof(err), &hal)) {
			ck_assert_msg(err[0] && !strchr(err, '\n'), "%s", sim);
			ck_assert_ptr_null(hal);
		}
		dam_hal_close(hal);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_sim");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_bad, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, test_file);
	tcase_add_test(tc, test_example);
	tcase_add_test(tc, test_redirect);
	tcase_add_test(tc, test_feed);
	tcase_add_test(tc, test_many);
	tcase_add_loop_test(tc, test_capacity, 0,
			    (int)(sizeof(capacities) / sizeof(capacities[0])));
	tcase_add_test(tc, test_long_name);
	tcase_add_test(tc, test_short_error);
	tcase_add_test(tc, test_unset);
	tcase_add_test(tc, test_damage);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
