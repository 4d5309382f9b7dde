/* SPDX-License-Identifier: Apache-2.0
 *
 * A process whose system calls are watched: how they are filtered out, and what is read of it.
 */
#ifndef BERTH_CRASH_TRACEE_H
#define BERTH_CRASH_TRACEE_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACEE_CALLS_MAX 125
#define TRACEE_FILTER_SIZE (TRACEE_CALLS_MAX + 3)

/* A filter that meets these system calls, TRACEE_CALLS_MAX at most, with `action` (SECCOMP_RET_*)
 * and lets all others pass. It is in `rows`, of TRACEE_FILTER_SIZE. */
struct sock_fprog tracee_filter(const int *calls, size_t n, uint32_t action,
                                struct sock_filter *rows);

/* Reads from its memory, writes to it; the bytes, or -1. */
ssize_t tracee_peek(pid_t pid, uint64_t address, void *to, size_t len);
ssize_t tracee_poke(pid_t pid, uint64_t address, const void *from, size_t len);
/* The text there, cut to fit; "" where there is none. */
void tracee_text(pid_t pid, uint64_t address, char *to, size_t size);
/* What the kernel says of the file that a descriptor of its, or AT_FDCWD, is open on: a path, with
 * " (deleted)" behind it if it has gone, or what is no path. "" if it is not open. */
void tracee_file(pid_t pid, int fd, char *to, size_t size);

#endif
