/* SPDX-License-Identifier: Apache-2.0
 *
 * What may take time below, told to whoever counts it: file calls, syncs, and waits for locks.
 * While nobody listens it costs nothing. Of calls that are made of others, the outermost is told.
 */
#ifndef BERTH_BASE_TIMING_H
#define BERTH_BASE_TIMING_H

#include <stdint.h>

enum timing {
    TIMING_READ, /* a whole file */
    TIMING_REPLACE,
    TIMING_STAT,
    TIMING_LIST,
    TIMING_MOVE,
    TIMING_REMOVE,
    TIMING_OPEN_READ,
    TIMING_OPEN_WRITE,
    TIMING_SYNC,
    TIMING_LOCK, /* named: the file's path, or a part of it */
};

/* name may be NULL. By any thread. */
typedef void timing_told_fn(enum timing what, const char *name, int64_t nanoseconds);
/* NULL: nobody. Before there are threads. */
void timing_tell(timing_told_fn *told);

struct timed {
    enum timing what;
    const char *name;
    int64_t began;
};
struct timed timing_begin(enum timing what, const char *name);
void timing_end(struct timed *timed);
/* From here to the end of the block. */
#define TIMED(what, name)                                                                          \
    __attribute__((cleanup(timing_end), unused)) struct timed timed_ = timing_begin(what, name)

#endif
