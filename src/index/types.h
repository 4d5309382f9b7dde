/* SPDX-License-Identifier: Apache-2.0
 *
 * Of which type (artifactType) the referrers of a subject are, in one file for many, so that a list
 * of one type need not read the others.
 *
 * It is a memory of entries that store/referrer.h has made, in 4096 files of lines that are only
 * ever added to. A line may be missing, as after a spell under Distribution, or torn by a crash,
 * which its checksum tells: then the entry itself is read. What a line says to be of the type that
 * is wanted is looked at like any other. A file of 32 MiB is added to no more. Nothing of it is
 * synced, and fsck --repair makes it anew.
 */
#ifndef BERTH_INDEX_TYPES_H
#define BERTH_INDEX_TYPES_H

#include "oci/digest_map.h"
#include "store/store.h"

/* Notes the type that the descriptor of a referrer says. Wants lock_gc shared. */
int types_note(const struct store *store, const struct digest *subject,
               const struct digest *referrer, const struct buf *descriptor, struct err *err);

/* What is noted of the referrers of a subject. Set to {0}. */
struct types {
    struct digest_map known;
};
#define AUTO_TYPES __attribute__((cleanup(types_free))) struct types
void types_free(struct types *types);
/* Reads which of them are of that type and which of another. What cannot be read is not noted. */
void types_load(const struct store *store, const struct digest *subject, const char *type,
                struct types *types);
/* Whether the referrer is of another type than that; false: it is not, or nothing is noted. */
bool types_differ(const struct types *types, const struct digest *referrer);

/* Begins anew. Wants lock_gc shared. */
int types_forget(const struct store *store, struct err *err);

#endif
