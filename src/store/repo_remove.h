/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking a repository out of the store, in steps short enough that others need not wait long: what
 * goes is moved away at once, see trash.h.
 */
#ifndef BERTH_STORE_REPO_REMOVE_H
#define BERTH_STORE_REPO_REMOVE_H

#include "base/strings.h"
#include "store/store.h"

#include <stdbool.h>

/* Moves manifests and tags away, durably, then the layers' links and the index of referrers. Those
 * of repositories below this one stay. 0: there is nothing of it. Wants lock_gc exclusive, since
 * layers are linked without lock_repo, and lock_repo. */
int repo_remove_content(const struct store *store, const struct name *name, struct strings *trash,
                        struct err *err);

/* Moves a session away, unless somebody is writing to it: 0. Wants lock_gc exclusive, since a
 * session that is just being made cannot be told from a broken one. */
int repo_remove_upload(const struct store *store, const struct name *name, const char *id,
                       struct strings *trash, struct err *err);

/* Removes those of its directories that are empty, and of the directories above it. Wants lock_gc
 * exclusive, since everyone else makes directories under lock_gc shared. */
int repo_remove_empty(const struct store *store, const struct name *name, struct err *err);

#endif
