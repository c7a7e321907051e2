/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The log of the tools. */
#include "config.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static const char *program_name = "dam";
static enum dam_log_level max_level = DAM_LOG_WARN;

void dam_log_open(const char *program, enum dam_log_level level)
{
	program_name = program;
	max_level = level;
}

void dam_log(enum dam_log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (level > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s%s\n", program_name, level == DAM_LOG_WARN ? "warning: " : "", line);
}
