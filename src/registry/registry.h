/* SPDX-License-Identifier: Apache-2.0
 *
 * What a verb works on: the store, what the rules say, who acts, and who is told of what was done.
 * It is the first argument of every verb, whoever calls it: HTTP, a command, an import. Set to {0}
 * but for the store, everything is permitted and nobody is told.
 */
#ifndef BERTH_REGISTRY_REGISTRY_H
#define BERTH_REGISTRY_REGISTRY_H

#include "event/event.h"
#include "oci/tag.h"
#include "store/store.h"

#include <stdbool.h>

/* What the verbs ask beyond the repository that their caller names, which he has permitted himself.
 * A NULL function permits everything. */
struct registry_rules {
    /* Whether he may push to a repository: then a HEAD promises that what is there stays. */
    bool (*may_push)(const void *context, const struct name *name);
    /* Whether he may read a repository: a mount takes from no other. */
    bool (*may_pull)(const void *context, const struct name *name);
    /* Whether a listing of repositories shows it. */
    bool (*may_list)(const void *context, const struct name *name);
    /* Whether a tag that exists may be moved or deleted. Asked under the repository's lock. */
    bool (*may_move)(const void *context, const struct name *name, const struct tag *tag);
    /* Whether what the tag needs has to stay (registry/immutable.h); tag NULL: whether there can be
     * such a tag. NULL: there is none. */
    bool (*keeps)(const void *context, const struct name *name, const struct tag *tag);
    /* Whether it is to be known when the repository's tags were pulled. NULL: it is not. */
    bool (*records_pulls)(const void *context, const struct name *name);
    const void *context;
};

struct registry {
    const struct store *store;
    struct registry_rules rules;
    const struct policy_settings *policy; /* whose rules say what is sparse; NULL: nothing is */
    struct event_actor actor;
    struct event_observer observer;
};

/* Whether the repository's manifests may name what it does not have (`sparse` in berth.conf(5)). */
bool registry_is_sparse(const struct registry *registry, const struct name *name);

/* Tells the observer what was done. */
void registry_tell(const struct registry *registry, struct event event);

#endif
