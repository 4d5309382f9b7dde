/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever needs an upstream is done by a program of its own, `berth-fetch`, so that workers carry
 * no client, and so that what was begun goes on when its client leaves. It belongs to nobody: it is
 * no child of who started it.
 *
 * What it says is one line: "OK TEXT", or "NAME RETRY MESSAGE" with the name of an error
 * (base/err.def) and its `retry`.
 */
#ifndef BERTH_CACHE_JOB_H
#define BERTH_CACHE_JOB_H

#include "base/buf.h"
#include "base/err.h"

struct job {
    const char *config;   /* the file; NULL: the usual one */
    const char *verb;     /* what to do: fetch/main.c */
    const char *upstream; /* its title */
    const char *name;     /* of the repository, as here */
    const char *what;     /* a tag or digest; "" where it takes none */
};

/* Starts it and waits for what it says, which is text then, up to timeout_ms: UPSTREAM_TIMEOUT, and
 * it goes on. held is a descriptor that it shall have, too, for the lock on it; -1: none. Else the
 * error that it tells. */
int job_run(const struct job *job, int held, int timeout_ms, struct buf *text, struct err *err);
/* The same without waiting. */
int job_start(const struct job *job, int held, struct err *err);

/* In that program: the descriptor of the lock. */
#define JOB_HELD 3

/* The line, in both programs. */
void job_say_ok(struct buf *line, const char *text);
void job_say(struct buf *line, const struct err *err);
/* 0 with what stands behind OK, or -1 with the error. ERR_INTERNAL: it is no such line. */
int job_read(const struct buf *line, struct buf *text, struct err *err);

#endif
