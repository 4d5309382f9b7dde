/* SPDX-License-Identifier: Apache-2.0
 *
 * What takes the room in a store: which repository has how much for itself, and what belongs to
 * none. Takes no lock and writes nothing, so what changes meanwhile may or may not be counted.
 */
#ifndef BERTH_REGISTRY_USAGE_H
#define BERTH_REGISTRY_USAGE_H

#include "base/amount.h"
#include "base/progress.h"
#include "registry/registry.h"

struct usage_repository {
    char *name;
    int64_t manifests;    /* also counted as blobs */
    struct amount own;    /* blobs that only this repository has, */
    struct amount shared; /* and those that others have too */
    struct amount total;  /* both; set by view_usage */
    struct amount uploads;
};

struct usage {
    struct usage_repository *repositories; /* in the order of repo_walk */
    size_t n;
    struct amount uploads; /* sessions of all repositories, under way or given up */
    /* These only if the whole store was measured: */
    struct amount blobs; /* all; either a repository has it, or it is left to the collector */
    struct amount referenced, unreferenced;
    struct amount quarantine;
};

/* A repository has a blob by a link, as a layer or as a manifest, if the blob is there; each is
 * counted once. With whole the blobs that nobody has are looked for too. A million blobs take about
 * 80 MB of memory. usage_free afterwards, unless it failed. */
int usage_measure(const struct registry *registry, bool whole, const struct progress *progress,
                  struct usage *usage, struct err *err);
void usage_free(struct usage *usage);

#endif
