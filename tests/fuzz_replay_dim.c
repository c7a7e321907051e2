/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Fuzzes dam-replay dim: recordings of any bytes, plain or compressed. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "predict/dam_dim.h"
#include "tests/fuzz_main.h"
#include "tools/replay/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dam_dim_preset *preset = dam_dim_preset(size ? data[size - 1] % 5 : 0);
	char path[64], *argv[] = {"dim", "--profile", (char *)preset->name, path, NULL};
	int fd = memfd_create("fuzz", MFD_CLOEXEC), status;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	status = replay_dim.run(4, argv);
	close(fd);
	if (status != 0 && status != REPLAY_STATUS_FAILED)
		abort();
	return 0;
}

#ifndef DAM_LIBFUZZER
int main(void)
{
	/* What it prints and what it complains about is of no interest here. */
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		return EXIT_FAILURE;
	return dam_fuzz_corpus("replay_dim");
}
#endif
