/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the recorder share: which calls change something, and what.
 */
#ifndef BERTH_CRASH_RECORD_H
#define BERTH_CRASH_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DIE(...) (fprintf(stderr, "record: " __VA_ARGS__), fputc('\n', stderr), exit(125))

/* What a call that is under way will have changed. */
struct change {
    const char *call; /* NULL: nothing of interest */
    char path[PATH_MAX], other[PATH_MAX];
    int64_t offset; /* of a write; -1: where the file's position was. Of utime: the seconds */
    int64_t len;
    int fd; /* of a write */
};

/* The directory that is recorded, without a slash at its end. */
void call_begin(const char *directory);
/* The system calls that may change something: the n-th, or -1. */
int call_number(size_t n);
/* What this one will change below the directory, before it is made. */
void call_look(pid_t tid, uint64_t nr, const uint64_t args[6], struct change *change);
/* Once it is made: adds it to the log, and its bytes to the data. */
void call_log(pid_t tid, struct change *change, int64_t result, FILE *log, FILE *data);

#endif
