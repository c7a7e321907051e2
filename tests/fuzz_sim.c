/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Any bytes as a scenario, and as a recording of decisions. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz_main.h"
#include "tools/sim/sim.h"

static void as_scenario(const char *data, size_t size)
{
	struct sim_scenario *s = NULL;
	char why[1024] = "";
	int err = sim_scenario_parse("fuzz", data, size, why, sizeof(why), &s);

	if ((err != 0) != (*why != 0) || (err && s))
		abort();
	sim_scenario_free(s);
}

static void as_recording(const void *data, size_t size)
{
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (sim_is_recording(path))
		sim_replay(path, true);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_scenario((const char *)data, size);
	as_recording(data, size);
	return 0;
}

int main(void)
{
	/* What it prints and what it complains about is of no interest here. */
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		return EXIT_FAILURE;
	return dam_fuzz_corpus("sim");
}
