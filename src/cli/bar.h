/* SPDX-License-Identifier: Apache-2.0
 *
 * A progress bar on standard error, where that is a terminal and the work takes longer than a
 * second: how much is done, how fast, and how long it will still take.
 */
#ifndef BERTH_CLI_BAR_H
#define BERTH_CLI_BAR_H

#include "base/progress.h"

#include <stdbool.h>

enum bar_unit { BAR_BYTES, BAR_ITEMS };

struct bar {
    struct progress progress; /* to hand to the work */
    enum bar_unit unit;
    bool shown;
    int width;        /* columns of the terminal; 0: none */
    int64_t start_ms; /* of what is under way */
    int64_t drawn_ms;
    const char *what;
};

/* If quiet, or where standard error is no terminal, the bar stays away. */
void bar_start(struct bar *bar, enum bar_unit unit, bool quiet);
/* Takes it off the terminal. */
void bar_end(struct bar *bar);

#endif
