/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of the collector in tests.
 */
#ifndef BERTH_UNIT_GC_GC_RUNS_H
#define BERTH_UNIT_GC_GC_RUNS_H

#include "unit/registry/content.h"

#include "gc/gc.h"

#define OLD 5000 /* beyond the grace */
#define GRACE 1000

/* What gc tells, in one text: "manifest a@sha256:... blob sha256:... ". */
struct told {
    char removed[8192];
    char problems[2048];
    /* Called at the first thing that is about to go, or NULL. */
    void (*meanwhile)(const struct store *store);
    const struct store *store;
};

/* gc_options.removes, whose context is a struct told. */
void told_removes(void *context, const struct gc_item *item);
/* Everything in the store is as old as if nobody had come for long. */
void age_all(const struct store *store);

struct gc_totals collect(const struct store *store, struct told *told, bool dry_run);
/* The same after a dry run, which must tell the same. */
struct gc_totals gc(const struct store *store, struct told *told);

bool has_blob(const struct store *store, const struct digest *digest);
bool has_manifest(const struct store *store, const char *repository, const struct digest *digest);
void untag(const struct store *store, const char *repository, const char *tag);

#define LAYER_OF(digest)                                                                           \
    "{\"schemaVersion\":2,\"layers\":[{\"digest\":\"%s\",\"size\":5}]}", (digest).s
#define INDEX_OF(digest)                                                                           \
    "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":5}]}", (digest).s
#define REFERS_TO(digest)                                                                          \
    "{\"schemaVersion\":2,\"subject\":{\"digest\":\"%s\",\"size\":5},\"annotations\":{\"of\":\"%"  \
    "s\"}}",                                                                                       \
        (digest).s, (digest).s

#endif
