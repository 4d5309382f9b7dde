/* SPDX-License-Identifier: Apache-2.0
 *
 * How this registry is known to itself, in the Via of what it asks of upstreams: one whose upstream
 * leads back to it, by a wrong url or a redirection, would ask itself for ever. It is a random word
 * in the store, so that all hosts that share one are the same registry. Whoever cannot keep it does
 * without.
 */
#ifndef BERTH_CACHE_SELF_H
#define BERTH_CACHE_SELF_H

#include "base/buf.h"
#include "store/store.h"

#include <stdbool.h>

/* Appends it, and makes it where there is none. False: that failed. */
bool self_name(const struct store *store, struct buf *name);
/* Whether a Via says that it was asked by this registry. */
bool self_asks(const struct store *store, const char *via);

#endif
