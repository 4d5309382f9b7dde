/* SPDX-License-Identifier: Apache-2.0
 *
 * When tags were pulled last, for the rule `pulled` of berth.conf(5): the time of a file for each,
 * which a pull renews, at most once an hour. What is kept here may get lost: then pulls are as good
 * as unknown for a while, and a tag counts as pulled when recording began anew.
 *
 * No function here takes a lock or waits for the disk.
 */
#ifndef BERTH_REGISTRY_PULLED_H
#define BERTH_REGISTRY_PULLED_H

#include "oci/tag.h"
#include "store/store.h"

#define PULLED_EVERY 3600 /* seconds */

/* A pull of this tag. 1: it was written down, 0: one within the hour was. */
int pulled_record(const struct store *store, const struct name *name, const struct tag *tag,
                  struct err *err);
/* Marks that pulls of this repository are recorded from now on, unless that is marked already. 1:
 * it was not. */
int pulled_begin(const struct store *store, const struct name *name, struct err *err);

/* Times in nanoseconds since 1970; 0: it is not known. */
int pulled_time(const struct store *store, const struct name *name, const struct tag *tag,
                int64_t *when, struct err *err);
int pulled_since(const struct store *store, const struct name *name, int64_t *when,
                 struct err *err);

/* For a tag that was removed. */
int pulled_forget(const struct store *store, const struct name *name, const struct tag *tag,
                  struct err *err);
/* Forgets all tags and repositories that are gone. */
int pulled_sweep(const struct store *store, struct err *err);

#endif
