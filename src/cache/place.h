/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the cache keeps what it needs besides the images: berth-store(5), "_berth/fetch". All of it
 * may be lost; then it is asked for again.
 */
#ifndef BERTH_CACHE_PLACE_H
#define BERTH_CACHE_PLACE_H

#include "cache/upstream.h"
#include "oci/digest.h"

struct place {
    char s[512];
};

/* Each fills *place and returns place->s. */

/* A blob that is being fetched; its lock says whether somebody does. */
const char *place_data(struct place *place, const struct digest *digest);
/* What is known of it: fill.h. */
const char *place_head(struct place *place, const struct digest *digest);
/* What came instead of it. */
const char *place_bad(struct place *place, const struct digest *digest);

/* Of an upstream: file NULL is its directory. */
const char *place_upstream(struct place *place, const struct upstream *upstream, const char *file);
/* The same of one thing of it, by a digest of its key, in a directory. */
const char *place_mark(struct place *place, const struct upstream *upstream, const char *kind,
                       const char *key);
/* Who this registry is: self.h. */
const char *place_self(struct place *place);
/* Files whose bytes are locks. */
const char *place_locks(struct place *place, const char *name);

#endif
