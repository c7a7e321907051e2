/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The history file: what is written is read again, an older version too; what is no history is refused and left alone. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tools/common/history.h"
#include "tools/coord/historian.h"

static char dir[64], path[96], error[DAM_HISTORY_ERROR];

static void setup(void)
{
	scratch_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/history.db", dir);
}

static void teardown(void)
{
	scratch_remove(dir);
}

static struct dam_history_move move_to(int to)
{
	struct dam_history_move m = {.time_s = 1e9 + to, .from_engine = "sim:a", .to_engine = "sim:b",
				     .trigger = "overload", .verdict = "worse", .metric = "bytes", .undone = true,
				     .effect = -0.3, .gain = 0.5, .forecast = 1e6, .actual = NAN};

	dam_learn_key(&m.kind, "fio", "worker", "sim", 0, to);
	return m;
}

static struct dam_learn kind_of(const struct dam_history_move *m)
{
	return (struct dam_learn){.key = m->kind, .good = 1, .bad = 2, .bias = -0.1, .bias_weight = 3, .time_s = m->time_s};
}

static unsigned int nr_kinds, nr_moves;
static struct dam_learn last_kind;
static struct dam_history_move last_move;

static void on_kind(const struct dam_learn *l, void *arg)
{
	(void)arg;
	nr_kinds++;
	last_kind = *l;
}

static void on_move(const struct dam_history_move *m, void *arg)
{
	(void)arg;
	nr_moves++;
	last_move = *m;
}

static void read_all(void)
{
	struct dam_history *h;

	nr_kinds = nr_moves = 0;
	ck_assert_int_eq(dam_history_open_read(path, &h, error), 0);
	ck_assert_msg(!dam_history_kinds(h, on_kind, NULL, error), "%s", error);
	ck_assert_msg(!dam_history_moves(h, 100, on_move, NULL, error), "%s", error);
	dam_history_close(h);
}

static void add(struct dam_history *h, int to)
{
	struct dam_history_move m = move_to(to);
	struct dam_learn l = kind_of(&m);

	ck_assert_msg(!dam_history_add(h, &m, &l, error), "%s", error);
}

START_TEST(test_round)
{
	struct dam_history *h;
	struct dam_history_move m = move_to(1);

	ck_assert_msg(!dam_history_open(path, &h, error), "%s", error);
	add(h, 1);
	add(h, 1);
	dam_history_close(h);
	read_all();
	ck_assert_uint_eq(nr_kinds, 1);
	ck_assert_uint_eq(nr_moves, 2);
	ck_assert_mem_eq(&last_kind.key, &m.kind, sizeof(m.kind));
	ck_assert(fabs(last_kind.bias + 0.1) < 1e-12 && fabs(last_kind.bad - 2) < 1e-12);
	ck_assert_str_eq(last_move.verdict, "worse");
	ck_assert_str_eq(last_move.to_engine, "sim:b");
	ck_assert(last_move.undone && fabs(last_move.effect + 0.3) < 1e-12);
	ck_assert(isnan(last_move.actual));
}
END_TEST

/* What is added between begin and commit is there as a whole. */
START_TEST(test_transaction)
{
	struct dam_history *h;

	ck_assert_int_eq(dam_history_open(path, &h, error), 0);
	ck_assert_int_eq(dam_history_begin(h, error), 0);
	add(h, 1);
	dam_history_close(h); /* as if killed */
	read_all();
	ck_assert_uint_eq(nr_moves, 0);
}
END_TEST

START_TEST(test_bounded)
{
	struct dam_history *h;

	ck_assert_int_eq(dam_history_open(path, &h, error), 0);
	ck_assert_int_eq(dam_history_begin(h, error), 0);
	for (int i = 0; i < DAM_HISTORY_MOVES + 100; i++)
		add(h, i);
	ck_assert_int_eq(dam_history_prune(h, error), 0);
	ck_assert_int_eq(dam_history_commit(h, error), 0);
	dam_history_close(h);
	nr_kinds = nr_moves = 0;
	ck_assert_int_eq(dam_history_open_read(path, &h, error), 0);
	ck_assert_int_eq(dam_history_moves(h, 2 * DAM_HISTORY_MOVES, on_move, NULL, error), 0);
	ck_assert_int_eq(dam_history_kinds(h, on_kind, NULL, error), 0);
	dam_history_close(h);
	ck_assert_uint_eq(nr_moves, DAM_HISTORY_MOVES);
	ck_assert_uint_eq(nr_kinds, DAM_HISTORY_KINDS);
	ck_assert_int_eq(last_kind.key.to, DAM_HISTORY_MOVES + 100 - DAM_HISTORY_KINDS);
}
END_TEST

/* Version 1 as it was: forecasts were not kept. */
static const char version_1[] =
	"CREATE TABLE kinds (program TEXT NOT NULL, thread TEXT NOT NULL, engine TEXT NOT NULL,"
	" from_domain INTEGER NOT NULL, to_domain INTEGER NOT NULL,"
	" good REAL NOT NULL, bad REAL NOT NULL, bias REAL NOT NULL, bias_weight REAL NOT NULL, time REAL NOT NULL,"
	" PRIMARY KEY (program, thread, engine, from_domain, to_domain)) WITHOUT ROWID;"
	"CREATE TABLE moves (id INTEGER PRIMARY KEY, time REAL NOT NULL,"
	" program TEXT NOT NULL, thread TEXT NOT NULL, engine TEXT NOT NULL,"
	" from_domain INTEGER NOT NULL, to_domain INTEGER NOT NULL,"
	" from_engine TEXT NOT NULL, to_engine TEXT NOT NULL,"
	" trigger TEXT NOT NULL, verdict TEXT NOT NULL, metric TEXT NOT NULL, undone INTEGER NOT NULL,"
	" effect REAL, gain REAL);"
	"INSERT INTO kinds VALUES ('fio', 'worker', 'sim', 0, 1, 1, 2, -0.1, 3, 5);"
	"INSERT INTO moves VALUES (1, 5, 'fio', 'worker', 'sim', 0, 1, 'sim:a', 'sim:b', 'overload', 'same', 'bytes', 0,"
	" 0.01, 0.5);"
	"PRAGMA user_version = 1;";

static void make_file(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

START_TEST(test_migration)
{
	struct dam_history *h;

	make_file(version_1);
	read_all(); /* older ones can be read as they are */
	ck_assert_uint_eq(nr_kinds, 1);
	ck_assert_uint_eq(nr_moves, 1);
	ck_assert(isnan(last_move.forecast));
	ck_assert_msg(!dam_history_open(path, &h, error), "%s", error);
	add(h, 7);
	dam_history_close(h);
	read_all();
	ck_assert_uint_eq(nr_kinds, 2);
	ck_assert_uint_eq(nr_moves, 2);
	ck_assert(fabs(last_move.forecast - 1e6) < 1e-3);
}
END_TEST

static void make_garbage(void)
{
	FILE *f = fopen(path, "w");

	for (int i = 0; i < 5000; i++)
		fputs("not a database ", f);
	fclose(f);
}

static void make_later(void)
{
	make_file("CREATE TABLE x (y); PRAGMA user_version = 1000;");
}

static void make_foreign(void)
{
	make_file("CREATE TABLE kinds (y); PRAGMA user_version = 0;");
}

/* A good file with a hole in its middle. */
static void make_damaged(void)
{
	static const char holes[8192];
	struct dam_history *h;
	int fd;

	ck_assert_int_eq(dam_history_open(path, &h, error), 0);
	for (int i = 0; i < 200; i++)
		add(h, i);
	dam_history_close(h);
	fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, holes, sizeof(holes), 4096), sizeof(holes));
	close(fd);
}

static void make_directory(void)
{
	mkdir(path, 0700);
}

static void make_nothing(void)
{
	snprintf(path, sizeof(path), "%s/none/history.db", dir);
}

/* root may write everything: be nobody */
static void make_read_only(void)
{
	struct dam_history *h;

	ck_assert_int_eq(dam_history_open(path, &h, error), 0);
	add(h, 1);
	dam_history_close(h);
	ck_assert_int_eq(chmod(path, 0444), 0);
	ck_assert_int_eq(chmod(dir, 0555), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
}

static void make_full(void)
{
	const struct rlimit small = {16384, 16384};

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
}

static const struct {
	const char *why;
	void (*make)(void);
	unsigned int learned; /* kinds that it teaches all the same */
} bad[] = {
	{"not a database", make_garbage, 0},
	{"of a later version", make_later, 0},
	{"somebody else's tables", make_foreign, 0},
	{"damaged", make_damaged, 0},
	{"a directory", make_directory, 0},
	{"no such directory", make_nothing, 0},
	{"read only", make_read_only, 1},
	{"the disk is full", make_full, 0},
};

static unsigned int lines_of(const char *name, char *first, size_t size)
{
	FILE *f = fopen(name, "r");
	unsigned int nr = 0;
	char line[1024];

	while (fgets(line, sizeof(line), f))
		if (!nr++)
			snprintf(first, size, "%s", line);
	fclose(f);
	return nr;
}

/* One warning, and nothing else: what is learned is learned, the file stays what it was. */
START_TEST(test_bad_file)
{
	struct dam_learn_table *t = dam_learn_create(100);
	struct historian *h;
	struct historian_view v;
	struct stat before = {0}, after = {0};
	char log[96], line[1024] = "";
	int kept = dup(2), fd;

	snprintf(log, sizeof(log), "%s/log", dir);
	fd = open(log, O_CREAT | O_RDWR, 0644);
	bad[_i].make();
	stat(path, &before);
	dup2(fd, 2);
	ck_assert_int_eq(historian_open(path, t, &h), 0);
	for (int i = 0; i < 300; i++) {
		struct dam_history_move m = move_to(i);
		struct dam_learn l = kind_of(&m);

		historian_add(h, &m, &l);
	}
	do { /* a full disk is met when it is written to */
		historian_view(h, &v);
		usleep(1000);
	} while (!strcmp(v.state, "on"));
	historian_close(h);
	dup2(kept, 2);
	stat(path, &after);
	ck_assert_uint_eq(lines_of(log, line, sizeof(line)), 1);
	fprintf(stderr, "%s: %s", bad[_i].why, line);
	ck_assert_ptr_nonnull(strstr(line, "AFFINITY_HISTORY="));
	ck_assert_str_eq(v.state, "failed");
	ck_assert_uint_gt(v.dropped, 0);
	ck_assert_int_eq(!!dam_learn_each(t, 0), bad[_i].learned);
	if (bad[_i].make != make_full)
		ck_assert_int_eq(before.st_size, after.st_size);
	dam_learn_destroy(t);
	if (seteuid(0) == 0 || geteuid() != 65534)
		chmod(dir, 0755);
}
END_TEST

/* A coordinator after the other. */
START_TEST(test_restart)
{
	struct dam_learn_table *t = dam_learn_create(100);
	struct dam_history_move m = move_to(1);
	struct historian *h;
	struct historian_view v;

	ck_assert_int_eq(historian_open(path, t, &h), 0);
	for (int i = 0; i < 3; i++)
		dam_learn_result(t, &m.kind, DAM_OUTCOME_WORSE, NAN, 1e9);
	historian_add(h, &m, dam_learn_find(t, &m.kind));
	historian_close(h);
	dam_learn_destroy(t);
	t = dam_learn_create(100);
	ck_assert_int_eq(historian_open(path, t, &h), 0);
	historian_view(h, &v);
	ck_assert_str_eq(v.state, "on");
	ck_assert(dam_learn_favour(t, &m.kind, 1e9) < 0);
	historian_close(h);
	dam_learn_destroy(t);
}
END_TEST

START_TEST(test_off)
{
	struct dam_learn_table *t = dam_learn_create(1);
	struct dam_history_move m = move_to(1);
	struct historian *h;
	struct historian_view v;

	ck_assert_int_eq(historian_open(_i ? "off" : NULL, t, &h), 0);
	historian_add(h, &m, NULL);
	historian_view(h, &v);
	ck_assert_str_eq(v.state, "off");
	ck_assert_uint_eq(v.dropped, 0);
	historian_close(h);
	dam_learn_destroy(t);
}
END_TEST

#define NR(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *s = suite_create("tools_history");
	TCase *tc = tcase_create("history");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_round);
	tcase_add_test(tc, test_transaction);
	tcase_add_test(tc, test_bounded);
	tcase_add_test(tc, test_migration);
	tcase_add_loop_test(tc, test_bad_file, 0, NR(bad));
	tcase_add_test(tc, test_restart);
	tcase_add_loop_test(tc, test_off, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
