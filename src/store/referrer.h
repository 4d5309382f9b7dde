/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of manifests that name a `subject` (OCI Distribution Specification, "Listing
 * Referrers"): for each its ready descriptor as JSON. It can be rebuilt from the manifests, and a
 * spell under Distribution leaves it stale, so a reader checks each entry against the revision.
 * Changes want lock_gc shared, removals lock_repo.
 */
#ifndef BERTH_STORE_REFERRER_H
#define BERTH_STORE_REFERRER_H

#include "base/strings.h"
#include "store/store.h"

int referrer_add(const struct store *store, const struct name *name, const struct digest *subject,
                 const struct digest *referrer, const struct buf *descriptor, struct dirty *dirty,
                 struct err *err);
int referrer_remove(const struct store *store, const struct name *name,
                    const struct digest *subject, const struct digest *referrer,
                    struct dirty *dirty, struct err *err);
int referrer_place(const struct name *name, const struct digest *subject,
                   const struct digest *referrer, struct fs_new *descriptor, struct dirty *dirty,
                   struct err *err);
/* Whether it has an entry, and what has to be synced for that to be durable, as fs_settle. */
int referrer_settle(const struct store *store, const struct name *name,
                    const struct digest *subject, const struct digest *referrer,
                    struct dirty *dirty, struct err *err);
/* Fills the digests of the first n entries behind the text `after` (NULL: from the start), as text
 * in byte order. *more: there are others behind them. */
int referrer_page(const struct store *store, const struct name *name, const struct digest *subject,
                  const char *after, size_t n, struct strings *digests, bool *more,
                  struct err *err);
int referrer_read(const struct store *store, const struct name *name, const struct digest *subject,
                  const struct digest *referrer, struct buf *descriptor, struct err *err);

#endif
