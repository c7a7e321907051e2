/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A fuzzer: /sys trees with damaged entries never crash or hang a scan, a sample or a refresh, nor
 * break what they promise. */
#include "config.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/hal.h"
#include "tests/hal_tree.h"

#define ROUNDS	  300
#define REBUILD	  6 /* rounds that share a tree, so that damage adds up */
#define PATHS_MAX 1024

static unsigned int rnd;
static char *paths[PATHS_MAX];
static unsigned int nr_paths;

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand_r(&rnd) % n;
}

static int remember(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	/* not the upper directories: nothing would be left to damage */
	if (ftw->level > 3 && nr_paths < PATHS_MAX)
		paths[nr_paths++] = strdup(path);
	return 0;
}

static void list_paths(struct hal_tree *t)
{
	while (nr_paths)
		free(paths[--nr_paths]);
	nftw(t->root, remember, 16, FTW_PHYS);
}

static void write_text(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return;
	fwrite(text, 1, len, f);
	fclose(f);
}

/* -- damages: @path is a file, a link or a directory -- */

static void do_text(const char *path)
{
	static const char *const texts[] = {
		"",
		"\n",
		"-1",
		"-9223372036854775808",
		"99999999999999999999999",
		"0",
		"x",
		"0:0",
		"4294967296:1",
		"18446744073709551615",
		"1 2 3",
		"\xff\xfe\n",
		"0-99999999",
		"0-1,",
		"numa\nnuma",
		"1e9",
		"0x10",
		"1 0 18446744073709551615 5 20 0 18446744073709551615 7 99999999999 11 12",
	};
	const char *text = texts[pick(sizeof(texts) / sizeof(texts[0]))];

	hal_tree_remove(path);
	write_text(path, text, strlen(text));
}

static void do_noise(const char *path)
{
	char noise[9000];
	size_t len = 1 + pick(sizeof(noise));

	for (size_t i = 0; i < len; i++)
		noise[i] = (char)(pick(3) ? "0123456789 ,:-\n"[pick(15)] : (int)pick(256));
	hal_tree_remove(path);
	write_text(path, noise, len);
}

static void do_cut(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISREG(st.st_mode) && st.st_size &&
	    truncate(path, pick((unsigned int)st.st_size)))
		abort();
}

static void do_remove(const char *path)
{
	hal_tree_remove(path);
}

static void do_directory(const char *path)
{
	hal_tree_remove(path);
	mkdir(path, 0700);
}

static void do_fifo(const char *path)
{
	hal_tree_remove(path);
	mkfifo(path, 0600);
}

static void do_link(const char *path)
{
	static const char *const to[] = {".",	      "..",	 "../..",	  "/etc",
					 "/dev/zero", "nowhere", "../../../../.."};
	const char *target =
		pick(4) ? to[pick(sizeof(to) / sizeof(to[0]))] : strrchr(path, '/') + 1;

	hal_tree_remove(path);
	if (symlink(target, path))
		return;
}

/* A link to another entry: two names for a disk, a slave that is its own master. */
static void do_alias(const char *path)
{
	const char *other = paths[pick(nr_paths)];

	if (strcmp(other, path)) {
		hal_tree_remove(path);
		if (symlink(other, path))
			return;
	}
}

static void (*const damages[])(const char *path) = {
	do_text,   do_text,	 do_noise, do_cut,  do_cut,
	do_remove, do_directory, do_fifo,  do_link, do_alias,
};

static void damage(unsigned int n)
{
	while (n--)
		damages[pick(sizeof(damages) / sizeof(damages[0]))](paths[pick(nr_paths)]);
}

static void check_pool(struct dam_hal *hal, int index, const struct dam_hal_pool *p)
{
	for (unsigned int d = 0; d < dam_hal_topology(hal)->nr_domains; d++) {
		int e = p->engine_of_domain[d];

		ck_assert_int_ge(e, DAM_HAL_NONE);
		ck_assert_int_lt(e, (int)dam_hal_nr_targets(hal));
		if (e != DAM_HAL_NONE)
			ck_assert_int_eq(dam_hal_target(hal, (unsigned int)e)->engine.pool, index);
	}
}

/* What hal.h promises, whatever the tree holds. */
static void check_hal(struct dam_hal *hal)
{
	const struct dam_hal_dev *dev;
	struct dam_hal_counters c;
	unsigned int nr;

	for (unsigned int i = 0; i < dam_hal_nr_targets(hal); i++) {
		struct dam_hal_target *t = dam_hal_target(hal, i);

		if (t->kind == DAM_TARGET_POOL) {
			check_pool(hal, (int)i, &t->pool);
			continue;
		}
		ck_assert(!strncmp(t->engine.name, "block:", 6) && t->engine.name[6]);
		ck_assert(t->engine.base_latency_ns > 0);
		ck_assert(t->engine.pool == DAM_HAL_NONE ||
			  (t->engine.pool < (int)dam_hal_nr_targets(hal) && t->engine.pool >= 0));
		dam_hal_sample(&t->engine, &c);
	}
	dev = dam_hal_devs(hal, &nr);
	for (unsigned int i = 0; i < nr; i++)
		ck_assert(dev[i].dev && dev[i].target >= 0 &&
			  dev[i].target < (int)dam_hal_nr_targets(hal) && dev[i].lba_bytes >= 512 &&
			  dev[i].lba_bytes <= 65536);
}

static void build(struct hal_tree *t)
{
	hal_tree_nvme(t);
	hal_tree_btrfs(t);
	hal_tree_scsi(t);
	hal_tree_memory(t);
	list_paths(t);
}

START_TEST(test_rounds)
{
	struct dam_hal_config cfg;
	struct hal_tree t;
	struct dam_hal *hal;
	unsigned int least = DAM_HAL_TARGETS, most = 0;
	char err[256];

	setenv("HWLOC_SYNTHETIC", "node:2 pu:2", 1);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		rnd = (unsigned int)_i * ROUNDS + round;
		if (round % REBUILD == 0) {
			hal_tree_open(&t);
			build(&t);
		}
		damage(1 + pick(8));
		cfg = (struct dam_hal_config){.root = t.root};
		ck_assert_msg(!dam_hal_open(&cfg, err, sizeof(err), &hal), "round %u: %s", round,
			      err);
		least = dam_hal_nr_targets(hal) < least ? dam_hal_nr_targets(hal) : least;
		most = dam_hal_nr_targets(hal) > most ? dam_hal_nr_targets(hal) : most;
		check_hal(hal);
		damage(1 + pick(4));
		dam_hal_refresh(hal);
		check_hal(hal);
		dam_hal_close(hal);
		if (round % REBUILD == REBUILD - 1)
			hal_tree_close(&t);
	}
	/* it did damage, and not all of it fatal */
	ck_assert_uint_lt(least, most);
	ck_assert_uint_ge(most, 8);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_damage");
	TCase *tc = tcase_create("rounds");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_rounds, 1, 2);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
