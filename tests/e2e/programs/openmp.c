/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* OpenMP: a runtime that reads masks and pins its own threads. Prints what it believes of the machine. */
#define _GNU_SOURCE
#include <omp.h>
#include <sched.h>
#include <stdio.h>

int main(void)
{
	int threads = 0, cpus = 0;
	long sum = 0;

#pragma omp parallel for reduction(+ : sum)
	for (long i = 0; i < 1000000; i++)
		sum += i * i % 7;
#pragma omp parallel reduction(+ : cpus)
	{
		cpu_set_t mine;

		if (!sched_getaffinity(0, sizeof(mine), &mine))
			cpus += CPU_COUNT(&mine);
#pragma omp single
		threads = omp_get_num_threads();
	}
	printf("%ld, %d processors, %d threads on %d processors, %d places, bound %d\n", sum, omp_get_num_procs(),
	       threads, cpus, omp_get_num_places(), (int)omp_get_proc_bind());
	return 0;
}
