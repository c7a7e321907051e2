/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a service manager is told of the coordinator's life. */
#ifndef DAM_TOOLS_COORD_NOTIFY_H
#define DAM_TOOLS_COORD_NOTIFY_H

/**
 * coord_notify() - tell the service manager that started this process, if one did, that the state is @state
 * @state: as sd_notify(3) has it: "READY=1", "STOPPING=1"
 *
 * Return: 0; also where no NOTIFY_SOCKET is set; -errno. Context: any thread. Does not block.
 */
int coord_notify(const char *state);

#endif
