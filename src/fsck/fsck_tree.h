/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands in directories, and what should not.
 */
#ifndef BERTH_FSCK_FSCK_TREE_H
#define BERTH_FSCK_FSCK_TREE_H

#include "fsck/fsck_look.h"
#include "fsck/fsck_suspect.h"

struct fsck_entry {
    const char *name;
    const char *path; /* below the store */
    enum fsck_type type;
};
typedef void fsck_visit_fn(struct fsck *fsck, void *context, const struct fsck_entry *entry);
/* Visits what is in a directory, in no order; not litter (base/litter.h), nor other plain
 * files with a dot in front. */
void fsck_tree_each(struct fsck *fsck, const char *dir, fsck_visit_fn *visit, void *context);
/* Whether it is of this type; reports it if not. */
enum fsck_verdict fsck_tree_expect(struct fsck *fsck, const struct name *name,
                                   const struct fsck_entry *entry, enum fsck_type type);
/* The same for what may be absent. FSCK_SOUND: it is either. */
enum fsck_verdict fsck_tree_expect_path(struct fsck *fsck, const struct name *name,
                                        const char *path, enum fsck_type type);
/* Reports something that does not belong there. */
void fsck_tree_foreign(struct fsck *fsck, const struct name *name, const struct fsck_entry *entry,
                       enum fsck_code code);

/* dir/<algorithm>/<hex>: visits each digest, reports what else is there. */
typedef void fsck_digest_fn(struct fsck *fsck, const struct name *name, const struct digest *digest,
                            const struct fsck_entry *entry, void *context);
void fsck_tree_each_digest(struct fsck *fsck, const struct name *name, const char *dir,
                           fsck_digest_fn *visit, void *context);

#endif
