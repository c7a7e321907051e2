/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Scenario files: what is wrong with one is told by line, with what to do. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "tests/suite.h"
#include "tools/sim/scenario.h"

#define TOPO   "topology synthetic node:2 pu:4\n"
#define ENGINE "engine e capacity=1G\n"
#define THREAD "threads t on=e depth=4\n"

static const struct {
	const char *text, *says; /* NULL: it is fine */
} rows[] = {
	{TOPO ENGINE THREAD, NULL},
	{"# a comment\n\n  \t\n" TOPO "engine e capacity=1.5G # more\r\n" THREAD, NULL},
	{TOPO "pool p\nengine e capacity=1G pool=p\nthreads t on=p rate=1M load=flash\n", NULL},
	{"", "no topology"},
	{ENGINE THREAD, "no topology"},
	{TOPO ENGINE, "no threads"},
	{TOPO "frobnicate 3\n", "line 2: 'frobnicate' begins no line; topology,"},
	{"topology\n", "line 1: needs 'synthetic'"},
	{"topology synthetic\n", "line 1: needs 'synthetic'"},
	{"topology synthetic gurke:9\n", "line 1: hwloc does not understand gurke:9"},
	{"topology synthetic node:1000 core:1000 pu:1000\n", "line 1: more than 65536 things"},
	{"topology xml no/such/file\n", "line 1: hwloc does not understand no/such/file"},
	{"topology drawn x\n", "line 1: 'drawn' is no kind"},
	{TOPO TOPO, "line 2: the topology is given already"},
	{TOPO "distance 0.5\n", "line 2: needs one number from 1 to 100"},
	{TOPO "distance 2 3\n", "line 2: needs one number"},
	{TOPO "run seconds=0\n", "line 2: seconds=0: not seconds from 0.1"},
	{TOPO "run seconds\n", "line 2: seconds=: not seconds"},
	{TOPO "run capacity=1G\n", "line 2: 'capacity' is no word of this line; there are seconds, tick, seed"},
	{TOPO "run tick=10 tick=20\n", "line 2: tick is given twice"},
	{TOPO "engine\n", "line 2: a name is missing"},
	{TOPO "engine a=b\n", "line 2: a name is missing"},
	{TOPO "engine e\n" THREAD, "line 2: engine 'e' has no capacity=BYTES"},
	{TOPO "engine e capacity=fast\n", "line 2: capacity=fast: not bytes per second"},
	{TOPO "engine e capacity=1G told=yes\n", "line 2: told=yes: not a word without a value"},
	{TOPO ENGINE ENGINE THREAD, "line 3: 'e' is declared already, in line 2"},
	{TOPO "engine e capacity=1G domain=2\n" THREAD, "line 2: domain=2: the topology has domains 0 to 1"},
	{TOPO "engine e capacity=1G pool=p\n" THREAD, "line 2: pool=p: no line declares this pool"},
	{TOPO "pool p\n" ENGINE THREAD, "line 2: pool 'p' has no engine"},
	{TOPO "pool e\n" ENGINE THREAD, "line 3: 'e' is the name of a pool already"},
	{TOPO "pool p\nengine e capacity=1G pool=p\n" THREAD, "line 4: on=e: an engine of a pool; name the pool"},
	{TOPO ENGINE "threads t depth=4\n", "line 3: threads 't' have no on=POOL"},
	{TOPO ENGINE "threads t on=x depth=4\n", "line 3: on=x: no line declares this pool or engine"},
	{TOPO ENGINE "threads t on=e\n", "line 3: needs one of depth=N"},
	{TOPO ENGINE "threads t on=e depth=4 rate=1M\n", "line 3: needs one of depth=N"},
	{TOPO ENGINE "threads t on=e depth=4 load=ramp\n", "line 3: load and cv are of threads with a rate"},
	{TOPO ENGINE "threads t on=e rate=1M think=3\n", "line 3: think is of threads with a depth"},
	{TOPO ENGINE "threads t on=e rate=1M of=x\n", "line 3: of= is of a trace"},
	{TOPO ENGINE "threads t on=e rate=1M load=sine\n", "line 3: load=sine: not one of steady,"},
	{TOPO ENGINE "threads t on=e rate=1M domain=0-2\n", "line 3: domain: the topology has domains 0 to 1"},
	{TOPO ENGINE "threads t on=e rate=1M domain=x\n", "line 3: domain=x: not domains"},
	{TOPO ENGINE "threads t on=e rate=1M count=150000\nthreads u on=e rate=1M count=150000\n",
	 "line 4: more than 200000 threads"},
	{TOPO ENGINE THREAD "at 5 engine f capacity=1G\n", "line 4: no line declares the engine 'f'"},
	{TOPO ENGINE THREAD "at 5 engine e\n", "line 4: nothing changes"},
	{TOPO ENGINE THREAD "at e capacity=1G\n", "line 4: needs: at SECONDS engine NAME"},
	{TOPO ENGINE THREAD "at -1 engine e capacity=1G\n", "line 4: needs: at SECONDS engine NAME"},
};

START_TEST(test_parse)
{
	struct sim_scenario *s = NULL;
	char why[512] = "";
	int err = sim_scenario_parse("dir/file", rows[_i].text, strlen(rows[_i].text), why, sizeof(why), &s);
	const char *says = rows[_i].says;

	ck_assert_msg(!err == !says, "%s: %s", rows[_i].text, why);
	if (says)
		ck_assert_msg(strstr(why, says) && !strncmp(why, "dir/file", 8), "%s\nis not about: %s", why, says);
	sim_scenario_free(s);
}
END_TEST

START_TEST(test_not_text)
{
	static const char text[] = TOPO "engine e\0capacity=1G\n";
	struct sim_scenario *s = NULL;
	char why[512] = "";

	ck_assert(sim_scenario_parse("file", text, sizeof(text) - 1, why, sizeof(why), &s));
	ck_assert_str_eq(why, "file: not a text file");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_parse");
	TCase *tc = tcase_create("scenario");

	tcase_add_loop_test(tc, test_parse, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_not_text);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
