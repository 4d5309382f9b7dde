/* SPDX-License-Identifier: Apache-2.0
 *
 * Retention at work: reads a repository, decides (retain.h), and removes what does not stay, each
 * tag and manifest by the verb that a client's DELETE takes, and only if it is still as it was when
 * it was judged. Takes locks for one removal at a time; it can be killed at any point.
 */
#ifndef BERTH_REGISTRY_RETAIN_RUN_H
#define BERTH_REGISTRY_RETAIN_RUN_H

#include "base/progress.h"
#include "registry/registry.h"
#include "registry/retain.h"

struct retain_run {
    const struct retain_section *section;
    int64_t untagged; /* of retain_untagged */
    bool dry_run;     /* decide, and write nothing */
    const struct progress *progress;
    int64_t n_read; /* manifests so far, of all repositories */

    /* Told of each removal (NULL: nobody is). */
    void (*tag_gone)(void *context, const struct retain_history *history,
                     const struct retain_tag *tag);
    void (*manifest_gone)(void *context, const struct retain_history *history,
                          const struct retain_manifest *manifest);
    void *context;
};

/* *history, which is to be {0}, is then the last decision; what the run removed is `gone` in it,
 * unless it was removed before somebody changed the repository and it was judged anew. What could
 * not be removed since it changed again and again stays, with RETAIN_CHANGED, to the next run.
 * ERR_IO: a tag or a manifest is damaged, and nothing was removed; or as remove_manifest.
 * retain_history_free afterwards, also after an error. */
int retain_run(const struct registry *registry, struct retain_run *run, const struct name *name,
               struct retain_history *history, struct err *err);

#endif
