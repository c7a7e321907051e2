/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A fuzzer: /sys trees with damaged entries never crash or hang a scan, a sample, a refresh or a rescan, nor break
 * what they promise.
 *
 * DAM_FUZZ_SECONDS: go on for so long, from a seed that is printed; DAM_FUZZ_SEED: from this one.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hal/hal.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

#define ROUNDS	  200
#define REBUILD	  6 /* rounds that share a tree, so that damage adds up */
#define PATHS_MAX 4096
#define TREES_MAX 32
#define TREES	  3 /* generated ones in a tree */

static unsigned int rnd;
static char root[PATH_MAX]; /* of the tree, without links in it */
static char *paths[PATHS_MAX];
static unsigned int nr_paths;
static char generated[TREES_MAX][300]; /* files that describe trees */
static unsigned int nr_generated;

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
	if (!realpath(t->root, root))
		abort();
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

	scratch_remove(path);
	write_text(path, text, strlen(text));
}

static void do_noise(const char *path)
{
	char noise[9000];
	size_t len = 1 + pick(sizeof(noise));

	for (size_t i = 0; i < len; i++)
		noise[i] = (char)(pick(3) ? "0123456789 ,:-\n"[pick(15)] : (int)pick(256));
	scratch_remove(path);
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
	scratch_remove(path);
}

static void do_directory(const char *path)
{
	scratch_remove(path);
	mkdir(path, 0700);
}

static void do_fifo(const char *path)
{
	scratch_remove(path);
	mkfifo(path, 0600);
}

static void do_link(const char *path)
{
	static const char *const to[] = {".",	      "..",	 "../..",	  "/etc",
					 "/dev/zero", "nowhere", "../../../../.."};
	const char *target =
		pick(4) ? to[pick(sizeof(to) / sizeof(to[0]))] : strrchr(path, '/') + 1;

	scratch_remove(path);
	if (symlink(target, path))
		return;
}

/* A link to another entry: two names for a disk, a slave that is its own master. */
static void do_alias(const char *path)
{
	const char *other = paths[pick(nr_paths)];

	if (strcmp(other, path)) {
		scratch_remove(path);
		if (symlink(other, path))
			return;
	}
}

static void (*const damages[])(const char *path) = {
	do_text,   do_text,	 do_noise, do_cut,  do_cut,
	do_remove, do_directory, do_fifo,  do_link, do_alias,
};

/* Damage stays in the tree: what leads to @path may have become a link to anywhere on this machine. */
static bool is_inside(const char *path)
{
	char dir[PATH_MAX], real[PATH_MAX];
	size_t len = strlen(root);

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	return realpath(dir, real) && !strncmp(real, root, len) && (!real[len] || real[len] == '/');
}

static void damage(unsigned int n)
{
	while (n--) {
		const char *path = paths[pick(nr_paths)];
		void (*const how)(const char *path) = damages[pick(sizeof(damages) / sizeof(damages[0]))];

		if (is_inside(path))
			how(path);
	}
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

static void check_engine(struct dam_hal *hal, const struct dam_hal_engine *e)
{
	size_t kind = strlen(e->backend->name);
	unsigned int nr_components;

	dam_hal_components(hal, &nr_components);
	ck_assert(!strncmp(e->name, e->backend->name, kind) && e->name[kind] == ':' && e->name[kind + 1]);
	ck_assert(memchr(e->name, '\0', sizeof(e->name)) && memchr(e->component, '\0', sizeof(e->component)));
	ck_assert(e->base_latency_ns > 0);
	ck_assert(e->pool == DAM_HAL_NONE || (e->pool < (int)dam_hal_nr_targets(hal) && e->pool >= 0));
	ck_assert(e->component_index < (int)nr_components);
	ck_assert(!e->nr_queues || e->queues_by);
	for (unsigned int i = 0; i < e->nr_queues; i++)
		ck_assert_uint_le(e->queues[i].number, UINT16_MAX);
}

/* What hal.h promises, whatever the tree holds. */
static void check_hal(struct dam_hal *hal)
{
	const struct dam_hal_component *list;
	const struct dam_hal_dev *dev;
	struct dam_hal_counters c;
	unsigned int nr;
	double util;

	for (unsigned int i = 0; i < dam_hal_nr_targets(hal); i++) {
		struct dam_hal_target *t = dam_hal_target(hal, i);

		if (t->kind == DAM_TARGET_POOL) {
			check_pool(hal, (int)i, &t->pool);
			continue;
		}
		check_engine(hal, &t->engine);
		dam_hal_sample(&t->engine, &c);
		if (!dam_hal_sample(&t->engine, &c))
			dam_hal_util(&t->engine, &c, &c, 1, &util);
	}
	list = dam_hal_components(hal, &nr);
	for (unsigned int i = 0; i < nr; i++) {
		ck_assert(list[i].name[0] && list[i].parent < (int)nr && list[i].parent != (int)i);
		ck_assert_int_eq(dam_hal_component_sample(hal, i, &c), -EOPNOTSUPP); /* a tree has no PMU to open */
	}
	dev = dam_hal_devs(hal, &nr);
	for (unsigned int i = 0; i < nr; i++)
		ck_assert(dev[i].dev && dev[i].target >= 0 &&
			  dev[i].target < (int)dam_hal_nr_targets(hal) && dev[i].lba_bytes <= 65536 &&
			  (dev[i].lba_bytes >= 512 || (!dev[i].lba_bytes && dev[i].type == DAM_HAL_DEV_CHAR)));
}

/* Have generate.sh describe its machines, once: a file each. */
static void generate(struct hal_tree *t)
{
	static const char script[] = DAM_SRCDIR "/tests/trees/generate.sh";
	char command[1024], name[64];
	FILE *f = popen(DAM_SRCDIR "/tests/trees/generate.sh --list | tr ' ' '\\n'", "r");

	ck_assert_ptr_nonnull(f);
	while (nr_generated < TREES_MAX && fgets(name, sizeof(name), f)) {
		char *file = generated[nr_generated++];

		name[strcspn(name, "\n")] = '\0';
		snprintf(file, sizeof(generated[0]), "%.200s/%s", t->root, name);
		snprintf(command, sizeof(command), "%s %s >%s", script, name, file);
		ck_assert_int_eq(system(command), 0);
	}
	pclose(f);
	ck_assert_uint_gt(nr_generated, 10);
}

static void build(struct hal_tree *t)
{
	hal_tree_nvme(t);
	hal_tree_btrfs(t);
	hal_tree_scsi(t);
	hal_tree_memory(t);
	for (int i = 0; i < TREES; i++)
		hal_tree_load(t, generated[pick(nr_generated)]);
	list_paths(t);
}

/* Open, look, damage, look again. Return: the number of targets. */
static unsigned int round_of(struct hal_tree *t, unsigned int round)
{
	struct dam_hal_config cfg = {.root = t->root};
	struct dam_hal *hal;
	unsigned int nr;
	char err[256];

	if (pick(2)) /* else the topology comes from the tree, too */
		setenv("HWLOC_SYNTHETIC", "node:2 pu:2", 1);
	else
		unsetenv("HWLOC_SYNTHETIC");
	damage(1 + pick(8));
	ck_assert_msg(!dam_hal_open(&cfg, err, sizeof(err), &hal), "round %u: %s", round, err);
	nr = dam_hal_nr_targets(hal);
	check_hal(hal);
	damage(1 + pick(4));
	dam_hal_refresh(hal);
	check_hal(hal);
	damage(1 + pick(4));
	dam_hal_stir(hal);
	ck_assert_int_ge(dam_hal_rescan(hal), 0);
	check_hal(hal);
	dam_hal_close(hal);
	return nr;
}

START_TEST(test_rounds)
{
	const char *seconds = getenv("DAM_FUZZ_SECONDS"), *given = getenv("DAM_FUZZ_SEED");
	unsigned int least = DAM_HAL_TARGETS, most = 0;
	time_t end = time(NULL) + (seconds ? atoi(seconds) : 0);
	unsigned int seed = given ? (unsigned int)atoi(given) : seconds ? (unsigned int)end : 1;
	struct hal_tree descriptions, t;

	printf("seed %u\n", seed);
	fflush(stdout); /* a failure ends this process at once */
	hal_tree_open(&descriptions);
	generate(&descriptions);
	for (unsigned int round = 0; seconds ? time(NULL) < end || round % REBUILD : round < ROUNDS; round++) {
		unsigned int nr;

		rnd = seed + round;
		if (round % REBUILD == 0) {
			hal_tree_open(&t);
			build(&t);
		}
		nr = round_of(&t, round);
		least = nr < least ? nr : least;
		most = nr > most ? nr : most;
		if (round % REBUILD == REBUILD - 1)
			hal_tree_close(&t);
	}
	hal_tree_close(&descriptions);
	/* it did damage, and not all of it fatal */
	ck_assert_uint_lt(least, most);
	ck_assert_uint_ge(most, 12);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_damage");
	TCase *tc = tcase_create("rounds");

	tcase_set_timeout(tc, 300 + (getenv("DAM_FUZZ_SECONDS") ? atoi(getenv("DAM_FUZZ_SECONDS")) : 0));
	tcase_add_test(tc, test_rounds);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
