/* SPDX-License-Identifier: Apache-2.0
 *
 * Removing whole directories at once: what goes is moved into _berth/tmp, and taken apart later,
 * without a lock. Whoever dies in between leaves litter there, which the collector removes, and
 * nothing else.
 */
#ifndef BERTH_STORE_TRASH_H
#define BERTH_STORE_TRASH_H

#include "base/strings.h"
#include "store/store.h"

/* Moves path away and adds its new path to *trash; dirty is where it was. 0: it is not there. */
int trash_move(const struct store *store, const char *path, struct strings *trash,
               struct dirty *dirty, struct err *err);
/* Takes apart what was moved away, and empties *trash, also where that fails. */
int trash_empty(const struct store *store, struct strings *trash, struct err *err);

#endif
