/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What /proc says of processes and threads. */
#ifndef DAM_TOOLS_COORD_PROCFS_H
#define DAM_TOOLS_COORD_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/** coord_proc_read() - the beginning of a small /proc file, terminated. Return: its length; -errno.
 */
ssize_t coord_proc_read(const char *path, char *buf, size_t size);

int coord_proc_comm(pid_t pid, pid_t tid, char out[16]);

/** coord_proc_stat() - parent and start time of a process. Return: 0; -ENOENT: gone; another -errno: not now. */
int coord_proc_stat(pid_t pid, pid_t *ppid, uint64_t *start);

/** coord_proc_parent() - of a process, told at the least expense. Return: 0; -ENOENT: gone, or a thread; another -errno. */
int coord_proc_parent(pid_t pid, pid_t *ppid);

/** coord_proc_ended() - has it ended, or is about to? What /proc has of it may be root's then. */
bool coord_proc_ended(pid_t pid);

/** coord_proc_inside() - what thread @tid of process @pid is called in its own pid namespace. Return: that; -ENOENT. */
pid_t coord_proc_inside(pid_t pid, pid_t tid);

/** coord_proc_elsewhere() - does a process live in another pid namespace than we do, in one below ours? */
bool coord_proc_elsewhere(pid_t pid);

/** coord_proc_child() - the child of @parent that this one calls @child. Return: what we call it; -ENOENT: there is none. */
pid_t coord_proc_child(pid_t parent, pid_t child);

/** coord_proc_fits() - is /proc there, and of our own pid namespace? In another's these numbers are strangers'. */
bool coord_proc_fits(void);

/** coord_proc_outermost() - are our numbers those that the kernel itself uses? In a container they are not. */
bool coord_proc_outermost(void);

/**
 * coord_proc_io() - bytes that the kernel has read from and written to storage for a thread
 * @tid: 0: for the whole process, threads that have ended included
 * @out: read, written
 * Return: 0; -ENOENT: gone; -EACCES: not for us; another -errno: not now.
 */
int coord_proc_io(pid_t pid, pid_t tid, uint64_t out[2]);

/**
 * coord_proc_io_kept() - the same for a whole process that is asked about often
 * @fd: -1 at first; opened here, closed by the caller. It stays this process's when the number is another's.
 */
int coord_proc_io_kept(pid_t pid, int *fd, uint64_t out[2]);

/** coord_proc_euid() - the user with whose rights a process runs. Return: 0; -ENOENT. */
int coord_proc_euid(pid_t pid, uid_t *out);

/** coord_proc_leader() - the process that a thread belongs to. Return: its number; -ENOENT. */
pid_t coord_proc_leader(pid_t tid);

/** coord_proc_cputime() - nanoseconds that a thread has run or waited for a processor. Return: 0; -ENOENT. */
int coord_proc_cputime(pid_t pid, pid_t tid, uint64_t *out);

/** coord_proc_clock() - the clock of a process's processor time, to be asked often. Return: 0; -ENOENT. */
int coord_proc_clock(pid_t pid, clockid_t *out);

/** coord_proc_runtime() - nanoseconds that all threads of a clock's process have run, ended ones too. Return: 0; -ENOENT. */
int coord_proc_runtime(clockid_t clock, uint64_t *out);

/** coord_proc_cpu() - the processor that a thread ran on last. Return: it; -ENOENT. */
int coord_proc_cpu(pid_t pid, pid_t tid);

/**
 * coord_proc_ring() - the ring in whose io_uring_enter() a thread waits
 * Return: its descriptor; -ENOENT: it runs, or waits for something else; -EACCES; another -errno: not now.
 */
int coord_proc_ring(pid_t pid, pid_t tid);

/**
 * coord_proc_awaits() - is a thread held in a call that waits for completions, and for as long as it takes?
 *
 * Then something is in flight: one that has nothing to wait for would wait forever. false also where that is not known.
 */
bool coord_proc_awaits(pid_t pid, pid_t tid);

#endif
