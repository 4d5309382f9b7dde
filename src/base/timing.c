/* SPDX-License-Identifier: Apache-2.0
 * L0: what may take time, told to whoever counts it. */
#include "base/timing.h"

#include "base/clock.h"

#include <stddef.h>

static timing_told_fn *tell;
static _Thread_local int depth; /* of file calls; syncs and locks count by themselves */

static int nests(enum timing what)
{
    return what != TIMING_SYNC && what != TIMING_LOCK;
}

void timing_tell(timing_told_fn *told)
{
    tell = told;
}

struct timed timing_begin(enum timing what, const char *name)
{
    struct timed timed = {.what = what, .name = name};

    if (tell && !(nests(what) && depth > 0))
        timed.began = clock_ns();
    depth += nests(what);
    return timed;
}

void timing_end(struct timed *timed)
{
    depth -= nests(timed->what);
    if (timed->began && tell)
        tell(timed->what, timed->name, clock_ns() - timed->began);
}
