/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The log of the tools: one line to stderr, with the program's name before it. Rooms below tools/ do not log. */
#ifndef DAM_BASE_LOG_H
#define DAM_BASE_LOG_H

enum dam_log_level { DAM_LOG_ERR, DAM_LOG_WARN, DAM_LOG_INFO, DAM_LOG_DEBUG };

/** dam_log_open() - name the program (kept by reference) and set the most talkative level shown. */
void dam_log_open(const char *program, enum dam_log_level level);

void dam_log(enum dam_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define dam_err(...)  dam_log(DAM_LOG_ERR, __VA_ARGS__)
#define dam_warn(...) dam_log(DAM_LOG_WARN, __VA_ARGS__)
#define dam_info(...) dam_log(DAM_LOG_INFO, __VA_ARGS__)
#define dam_debug(...) dam_log(DAM_LOG_DEBUG, __VA_ARGS__)

#endif
