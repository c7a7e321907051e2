/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The history of moves in SQLite: schema, migration, what is written and read. */
#include "config.h"
#include "tools/common/history.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define BUSY_MS 2000 /* another program writes: never the coordinator's loop that waits */

/*
 * steps[v] makes version v + 1 from version v; the last one makes DAM_HISTORY_VERSION. A file knows its version by
 * PRAGMA user_version. What has been released is never edited: a change is a new step.
 */
static const char *const steps[] = {
	"CREATE TABLE kinds ("
	" program TEXT NOT NULL, thread TEXT NOT NULL, engine TEXT NOT NULL,"
	" from_domain INTEGER NOT NULL, to_domain INTEGER NOT NULL,"
	" good REAL NOT NULL, bad REAL NOT NULL, bias REAL NOT NULL, bias_weight REAL NOT NULL, time REAL NOT NULL,"
	" PRIMARY KEY (program, thread, engine, from_domain, to_domain)) WITHOUT ROWID;"
	"CREATE TABLE moves ("
	" id INTEGER PRIMARY KEY, time REAL NOT NULL,"
	" program TEXT NOT NULL, thread TEXT NOT NULL, engine TEXT NOT NULL,"
	" from_domain INTEGER NOT NULL, to_domain INTEGER NOT NULL,"
	" from_engine TEXT NOT NULL, to_engine TEXT NOT NULL,"
	" trigger TEXT NOT NULL, verdict TEXT NOT NULL, metric TEXT NOT NULL, undone INTEGER NOT NULL,"
	" effect REAL, gain REAL);",
	/* 2: by how much forecasts erred */
	"ALTER TABLE moves ADD COLUMN forecast REAL;"
	"ALTER TABLE moves ADD COLUMN actual REAL;"
	"CREATE INDEX kinds_time ON kinds (time);",
};
_Static_assert(sizeof(steps) / sizeof(steps[0]) == DAM_HISTORY_VERSION, "a step for each version");

enum statement { ADD_MOVE, ADD_KIND, STATEMENTS };

static const char *const statements[STATEMENTS] = {
	[ADD_MOVE] = "INSERT INTO moves (time, program, thread, engine, from_domain, to_domain, from_engine, to_engine,"
		     " trigger, verdict, metric, undone, effect, gain, forecast, actual)"
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
	[ADD_KIND] = "INSERT OR REPLACE INTO kinds (program, thread, engine, from_domain, to_domain,"
		     " good, bad, bias, bias_weight, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
};

struct dam_history {
	sqlite3 *db;
	sqlite3_stmt *stmt[STATEMENTS];
};

/* SQLite's word for it; -EIO where it may be different the next time. */
static int failed(struct dam_history *h, char *error)
{
	int code = sqlite3_errcode(h->db);

	dam_strlcpy(error, sqlite3_errmsg(h->db), DAM_HISTORY_ERROR);
	switch (code & 0xff) {
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
	case SQLITE_ERROR: /* a table that is not ours */
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

static int run(struct dam_history *h, const char *sql, char *error)
{
	return sqlite3_exec(h->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(h, error);
}

static int read_version(struct dam_history *h, int *out, char *error)
{
	sqlite3_stmt *s = NULL;
	int err = 0;

	if (sqlite3_prepare_v2(h->db, "PRAGMA user_version", -1, &s, NULL) != SQLITE_OK ||
	    sqlite3_step(s) != SQLITE_ROW)
		err = failed(h, error);
	else
		*out = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	if (!err && (*out < 0 || *out > DAM_HISTORY_VERSION)) {
		snprintf(error, DAM_HISTORY_ERROR, "it is of version %d, and this program knows up to %d", *out,
			 DAM_HISTORY_VERSION);
		err = -EBADMSG;
	}
	return err;
}

/* A step and its number in one transaction: a crash leaves the old version whole. */
static int migrate(struct dam_history *h, int version, char *error)
{
	char pragma[64];
	int err = run(h, "BEGIN IMMEDIATE", error);

	for (; !err && version < DAM_HISTORY_VERSION; version++)
		err = run(h, steps[version], error);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d", DAM_HISTORY_VERSION);
	if (!err)
		err = run(h, pragma, error);
	if (!err)
		err = run(h, "COMMIT", error);
	else
		sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

static int prepare(struct dam_history *h, char *error)
{
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v2(h->db, statements[i], -1, &h->stmt[i], NULL) != SQLITE_OK)
			return failed(h, error);
	return 0;
}

static int open_db(const char *path, int flags, struct dam_history **out, char *error)
{
	struct dam_history *h = calloc(1, sizeof(*h));
	int err = 0;

	if (!h)
		return -ENOMEM;
	if (sqlite3_open_v2(path, &h->db, flags, NULL) != SQLITE_OK) {
		err = h->db ? failed(h, error) : -ENOMEM;
		dam_history_close(h);
		return err;
	}
	sqlite3_busy_timeout(h->db, BUSY_MS);
	*out = h;
	return 0;
}

int dam_history_open(const char *path, struct dam_history **out, char *error)
{
	struct dam_history *h;
	int version = 0, err = open_db(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &h, error);

	if (err)
		return err;
	err = read_version(h, &version, error);
	if (!err)
		err = run(h, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", error);
	if (!err && version < DAM_HISTORY_VERSION)
		err = migrate(h, version, error);
	if (!err)
		err = prepare(h, error);
	if (!err && sqlite3_db_readonly(h->db, "main")) {
		dam_strlcpy(error, "it can only be read", DAM_HISTORY_ERROR);
		err = -EROFS;
	}
	if (err) {
		dam_history_close(h);
		return err;
	}
	*out = h;
	return 0;
}

/* "file:PATH?immutable=1", for a file in a place where SQLite cannot write its own beside it. */
static int immutable_uri(const char *path, char *uri, size_t size)
{
	size_t at = (size_t)snprintf(uri, size, "file:");

	for (; *path && at < size; path++)
		at += (size_t)snprintf(uri + at, size - at, strchr("%?#", *path) ? "%%%02x" : "%c",
				       (unsigned char)*path);
	if (at < size)
		at += (size_t)snprintf(uri + at, size - at, "?immutable=1");
	return at < size ? 0 : -ENAMETOOLONG;
}

static int open_read(const char *path, int flags, struct dam_history **out, char *error)
{
	struct dam_history *h;
	int version = 0, err = open_db(path, SQLITE_OPEN_READONLY | flags, &h, error);

	if (err)
		return err;
	err = read_version(h, &version, error);
	if (err)
		dam_history_close(h);
	else
		*out = h;
	return err;
}

int dam_history_open_read(const char *path, struct dam_history **out, char *error)
{
	char uri[4096];
	int err = open_read(path, 0, out, error);

	if (err && err != -EBADMSG && !immutable_uri(path, uri, sizeof(uri)))
		err = open_read(uri, SQLITE_OPEN_URI, out, error);
	return err;
}

void dam_history_close(struct dam_history *h)
{
	if (!h)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(h->stmt[i]);
	sqlite3_close(h->db);
	free(h);
}

int dam_history_begin(struct dam_history *h, char *error)
{
	return run(h, "BEGIN IMMEDIATE", error);
}

int dam_history_commit(struct dam_history *h, char *error)
{
	int err = run(h, "COMMIT", error);

	if (err)
		sqlite3_exec(h->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

static void bind_text(sqlite3_stmt *s, int i, const char *text)
{
	sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

/* NaN becomes NULL. */
static void bind_real(sqlite3_stmt *s, int i, double v)
{
	if (isfinite(v))
		sqlite3_bind_double(s, i, v);
	else
		sqlite3_bind_null(s, i);
}

/* The five columns that name a kind, from @i on. */
static void bind_key(sqlite3_stmt *s, int i, const struct dam_learn_key *k)
{
	bind_text(s, i, k->program);
	bind_text(s, i + 1, k->thread);
	bind_text(s, i + 2, k->engine);
	sqlite3_bind_int(s, i + 3, k->from);
	sqlite3_bind_int(s, i + 4, k->to);
}

static int step(struct dam_history *h, sqlite3_stmt *s, char *error)
{
	int err = sqlite3_step(s) == SQLITE_DONE ? 0 : failed(h, error);

	sqlite3_reset(s);
	return err;
}

int dam_history_add(struct dam_history *h, const struct dam_history_move *m, const struct dam_learn *kind,
		    char *error)
{
	sqlite3_stmt *s = h->stmt[ADD_MOVE];
	int err;

	bind_real(s, 1, m->time_s);
	bind_key(s, 2, &m->kind);
	bind_text(s, 7, m->from_engine);
	bind_text(s, 8, m->to_engine);
	bind_text(s, 9, m->trigger);
	bind_text(s, 10, m->verdict);
	bind_text(s, 11, m->metric);
	sqlite3_bind_int(s, 12, m->undone);
	bind_real(s, 13, m->effect);
	bind_real(s, 14, m->gain);
	bind_real(s, 15, m->forecast);
	bind_real(s, 16, m->actual);
	err = step(h, s, error);
	if (err || !kind)
		return err;
	s = h->stmt[ADD_KIND];
	bind_key(s, 1, &kind->key);
	bind_real(s, 6, kind->good);
	bind_real(s, 7, kind->bad);
	bind_real(s, 8, kind->bias);
	bind_real(s, 9, kind->bias_weight);
	bind_real(s, 10, kind->time_s);
	return step(h, s, error);
}

#define TEXT(x)	 TEXT_(x)
#define TEXT_(x) #x

int dam_history_prune(struct dam_history *h, char *error)
{
	return run(h,
		   "DELETE FROM moves WHERE id <= (SELECT max(id) FROM moves) - " TEXT(DAM_HISTORY_MOVES) ";"
		   "DELETE FROM kinds WHERE time < (SELECT time FROM kinds ORDER BY time DESC"
		   " LIMIT 1 OFFSET " TEXT(DAM_HISTORY_KINDS) " - 1)",
		   error);
}

static void column_text(sqlite3_stmt *s, int i, char *buf, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	dam_strlcpy(buf, text ? text : "", size);
}

static double column_real(sqlite3_stmt *s, int i)
{
	return sqlite3_column_type(s, i) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(s, i);
}

static void column_key(sqlite3_stmt *s, int i, struct dam_learn_key *k)
{
	char text[3][DAM_LEARN_NAME];

	for (int n = 0; n < 3; n++)
		column_text(s, i + n, text[n], sizeof(text[n]));
	dam_learn_key(k, text[0], text[1], text[2], sqlite3_column_int(s, i + 3), sqlite3_column_int(s, i + 4));
}

/* Return: 1: there is one more; 0; -errno. @s is NULL where it could not be prepared. */
static int next_row(struct dam_history *h, sqlite3_stmt *s, char *error)
{
	int code = s ? sqlite3_step(s) : SQLITE_ERROR;

	return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : failed(h, error);
}

int dam_history_kinds(struct dam_history *h, void (*each)(const struct dam_learn *l, void *arg), void *arg,
		      char *error)
{
	sqlite3_stmt *s = NULL;
	int err;

	sqlite3_prepare_v2(h->db,
			   "SELECT program, thread, engine, from_domain, to_domain, good, bad, bias, bias_weight, time"
			   " FROM kinds ORDER BY time DESC LIMIT " TEXT(DAM_HISTORY_KINDS),
			   -1, &s, NULL);
	while ((err = next_row(h, s, error)) > 0) {
		struct dam_learn l = {0};

		column_key(s, 0, &l.key);
		l.good = column_real(s, 5);
		l.bad = column_real(s, 6);
		l.bias = column_real(s, 7);
		l.bias_weight = column_real(s, 8);
		l.time_s = column_real(s, 9);
		each(&l, arg);
	}
	sqlite3_finalize(s);
	return err;
}

static void read_move(sqlite3_stmt *s, struct dam_history_move *m)
{
	*m = (struct dam_history_move){.time_s = column_real(s, 0)};
	column_key(s, 1, &m->kind);
	column_text(s, 6, m->from_engine, sizeof(m->from_engine));
	column_text(s, 7, m->to_engine, sizeof(m->to_engine));
	column_text(s, 8, m->trigger, sizeof(m->trigger));
	column_text(s, 9, m->verdict, sizeof(m->verdict));
	column_text(s, 10, m->metric, sizeof(m->metric));
	m->undone = sqlite3_column_int(s, 11);
	m->effect = column_real(s, 12);
	m->gain = column_real(s, 13);
	m->forecast = column_real(s, 14);
	m->actual = column_real(s, 15);
}

int dam_history_moves(struct dam_history *h, unsigned int max,
		      void (*each)(const struct dam_history_move *m, void *arg), void *arg, char *error)
{
	int version = 0, err = read_version(h, &version, error);
	sqlite3_stmt *s = NULL;
	char sql[512];

	if (err)
		return err;
	snprintf(sql, sizeof(sql),
		 "SELECT * FROM (SELECT time, program, thread, engine, from_domain, to_domain, from_engine, to_engine,"
		 " trigger, verdict, metric, undone, effect, gain, %s, id FROM moves ORDER BY id DESC LIMIT %u)"
		 " ORDER BY id",
		 version < 2 ? "NULL AS forecast, NULL AS actual" : "forecast, actual", max);
	sqlite3_prepare_v2(h->db, sql, -1, &s, NULL);
	while ((err = next_row(h, s, error)) > 0) {
		struct dam_history_move m;

		read_move(s, &m);
		each(&m, arg);
	}
	sqlite3_finalize(s);
	return err;
}
