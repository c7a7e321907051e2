/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A question to a coordinator: one packet there, JSON in a memfd back. */
#ifndef DAM_TOOLS_CONTROL_H
#define DAM_TOOLS_CONTROL_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#define DAM_CONTROL_TIMEOUT_MS 5000
#define DAM_CONTROL_MAX_BYTES  (256u << 20) /* of an answer */
#define DAM_CONTROL_ERROR      512

/**
 * dam_control_ask() - send a request, wait for the answer
 * @socket_path: the coordinator's socket
 * @command: "status", "engines", "threads", "moves", "report"
 * @run_id: only what this dam-run started; 0: everything
 * @timeout_ms: bound of the whole exchange
 * @error: one complete line for people when the result is not 0, without the program's name
 * @out: a JSON object; the caller drops the reference
 *
 * Only a coordinator of root or of the caller's own user is asked.
 *
 * Return: 0; -ENOENT: no coordinator there (no socket, or left by a dead one); -EPERM: another user's, or
 * it refused; -EPROTO: the answer is not what it should be, or of another version; -ETIMEDOUT; -EAGAIN: it
 * is out of memory or descriptors; -EREMOTEIO: it answered with an error; -errno of socket().
 */
int dam_control_ask(const char *socket_path, const char *command, uint32_t run_id, int timeout_ms,
		    char error[DAM_CONTROL_ERROR], json_t **out);

/** dam_control_ask_of() - the same about one thing: the move, process or thread @id; 0: about all. */
int dam_control_ask_of(const char *socket_path, const char *command, uint64_t id, int timeout_ms,
		       char error[DAM_CONTROL_ERROR], json_t **out);

/**
 * dam_control_pid() - the coordinator there, as we call it
 * Return: its pid; 0: none is there, or it lives outside our pid namespace.
 */
pid_t dam_control_pid(const char *socket_path);

/**
 * dam_control_watch() - process @pid belongs to run @run_id: look for io_uring rings in it and its descendants
 *
 * Again once it has ended and before it is waited for: the coordinator takes a last look.
 * Return: as dam_control_ask().
 */
int dam_control_watch(const char *socket_path, pid_t pid, uint32_t run_id, int timeout_ms);

#endif
