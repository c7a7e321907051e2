/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a client asks its coordinator. */
#ifndef DAM_TESTS_COORD_ASK_H
#define DAM_TESTS_COORD_ASK_H

#include <check.h>
#include <jansson.h>

#include "tests/coord_client.h"
#include "tools/common/control.h"

/** client_ask() - the answer to @cmd, of the move @id where it is about one (else 0). The caller's to free. */
static inline json_t *client_ask(const struct client *c, const char *cmd, uint64_t id)
{
	char error[DAM_CONTROL_ERROR] = "";
	json_t *j = NULL;

	ck_assert_msg(!dam_control_ask_of(c->sock_path, cmd, id, 10000, error, &j), "%s: %s", cmd, error);
	return j;
}

/** client_thread() - what is reported of thread @tid; NULL: nothing. The caller's to free. */
static inline json_t *client_thread(const struct client *c, pid_t tid)
{
	json_t *j = client_ask(c, "threads", 0), *t, *found = NULL;
	size_t i;

	json_array_foreach (json_object_get(j, "threads"), i, t)
		if (json_integer_value(json_object_get(t, "tid")) == tid)
			found = json_incref(t);
	json_decref(j);
	return found;
}

#endif
