/* SPDX-License-Identifier: Apache-2.0
 *
 * A look at the file system by a child that can be spared, since a network's file system may hang
 * for ever: who asked is answered in time, and no second child is sent while the first one waits.
 */
#ifndef BERTH_API_ASIDE_H
#define BERTH_API_ASIDE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Of each question one, static. */
struct aside {
    pid_t child; /* that was not waited for to its end; 0: none */
};

/* In the child, which has nothing open but `keep` (-1: nothing): fills the answer. */
typedef void aside_look(const void *context, void *answer);

/* Fills answer, of size bytes (at most what a pipe takes at once, 4096), within a second: 1. 0: it
 * did not come. */
int aside_ask(struct aside *aside, int keep, aside_look *look, const void *context, void *answer,
              size_t size, struct err *err);

#endif
