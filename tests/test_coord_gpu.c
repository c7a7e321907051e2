/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* GPU time of more processes than are looked at in one interval. What hal/ says of the GPU and of them is told here. */
#include "config.h"
#include "tools/coord/coord.h"

#include <check.h>

#include "base/clock.h"
#include "hal/drm_fdinfo.h"
#include "tests/suite.h"

#define MOST 700

static const struct dam_hal_backend drm = {.name = "drm"};
static struct dam_hal_target gpu = {.kind = DAM_TARGET_ENGINE, .engine = {.backend = &drm}};

unsigned int dam_hal_nr_targets(const struct dam_hal *hal)
{
	(void)hal;
	return 1;
}

struct dam_hal_target *dam_hal_target(struct dam_hal *hal, unsigned int i)
{
	(void)hal;
	(void)i;
	return &gpu;
}

const char *dam_hal_root(const struct dam_hal *hal)
{
	(void)hal;
	return "";
}

int dam_drm_process(const char *root, pid_t pid, struct dam_drm_client *out, int max)
{
	(void)root;
	(void)max;
	out[0] = (struct dam_drm_client){.all_ns = (uint64_t)pid};
	return 1;
}

static struct coord_process process[MOST];

static void add(struct coord *c)
{
	struct coord_process *p = &process[c->nr_processes++];

	*p = (struct coord_process){.pid = (pid_t)c->nr_processes, .next = c->processes};
	c->processes = p;
}

static const struct {
	const char *why;
	unsigned int nr, come, intervals; /* processes; that come in each interval; intervals until all were seen */
} rows[] = {
	{"nobody", 0, 0, 1},
	{"a few are all looked at each time", 3, 0, 1},
	{"many in turn, the oldest too", 600, 0, 3},
	{"newcomers do not keep the older ones out", 600, 10, 3},
};

START_TEST(test_turns)
{
	struct coord c = {.nr_processes = 0};
	uint64_t now_ns = 0;

	while (c.nr_processes < rows[_i].nr)
		add(&c);
	for (unsigned int i = 0; i < rows[_i].intervals; i++) {
		coord_gpu_tick(&c, now_ns += DAM_NS_PER_S);
		for (unsigned int k = 0; k < rows[_i].come; k++)
			add(&c);
	}
	for (unsigned int i = 0; i < rows[_i].nr; i++)
		ck_assert_msg(process[i].gpu.engine_ns == i + 1, "%s: process %u of %u", rows[_i].why, i, rows[_i].nr);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gpu");
	TCase *t = tcase_create("gpu");

	tcase_add_loop_test(t, test_turns, 0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(s, t);
	return run_suite(s);
}
