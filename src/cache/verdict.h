/* SPDX-License-Identifier: Apache-2.0
 *
 * What a pull of a manifest would come to, without making it: for who wonders why.
 */
#ifndef BERTH_CACHE_VERDICT_H
#define BERTH_CACHE_VERDICT_H

#include "cache/upstream.h"
#include "oci/reference.h"
#include "store/store.h"

enum verdict_next {
    VERDICT_OURS,     /* nobody is asked: the repository is nobody's but ours */
    VERDICT_EXCLUDED, /* nor here: `only` and `except` */
    VERDICT_HERE,     /* nobody is asked: it cannot have changed, or was looked at a moment ago */
    VERDICT_UNKNOWN,  /* the upstream said a moment ago that there is none */
    VERDICT_PAUSED,   /* the upstream is left alone */
    VERDICT_ASKED,    /* the upstream is asked */
};

struct cache_verdict {
    enum verdict_next next;
    struct name name;     /* by which it is here */
    struct origin origin; /* unless it is ours */
    bool has;             /* there is something here */
    struct digest digest; /* if so */
    int64_t age;          /* seconds since the upstream was asked about it; -1: never */
    int64_t pause;        /* seconds that it is left alone still */
    struct buf why;       /* if so: what it said */
};

/* name is as somebody wrote it. Free verdict->why afterwards. */
int verdict_of(const struct store *store, const struct upstream_settings *upstreams,
               const struct name *name, const struct reference *reference,
               struct cache_verdict *verdict, struct err *err);

#endif
