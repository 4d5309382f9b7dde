/* SPDX-License-Identifier: Apache-2.0
 *
 * The collector: removes what nobody can reach any more, while the store is being served.
 *
 * What lives: manifests that a tag reaches; manifests without a tag whose link is younger than the
 * grace; the children of what lives, and what has it as its subject (signatures, SBOMs), also by
 * the tags that belong to it (oci/attached.h). Then the layers that a living
 * manifest of their repository names, and blobs that a link of a repository needs. All else goes
 * once it is older than the grace.
 *
 * It marks without a lock and sweeps under lock_gc, exclusively, for some milliseconds at a time.
 * Whatever somebody makes a name for in the meantime is younger than its grace then
 * (registry/freshen.h), and age is looked at again under the lock. Names go before what they point
 * at, and are gone from the disk before it is; so it can be killed at any point and run again.
 *
 * Where a manifest or link cannot be read, nothing that its repository may need is swept.
 */
#ifndef BERTH_GC_GC_H
#define BERTH_GC_GC_H

#include "base/progress.h"
#include "event/event.h"
#include "store/store.h"

enum gc_kind {
    GC_TAG, /* one that stands for the referrers of a manifest that goes, or was never finished */
    GC_MANIFEST,
    GC_LAYER_LINK,
    GC_BLOB,
    GC_UPLOAD,
    GC_REPOSITORY,
    GC_LITTER, /* in _berth/tmp */
};

/* One thing that goes. */
struct gc_item {
    enum gc_kind kind;
    const struct name *name; /* NULL: it belongs to no repository */
    const char *what;        /* digest, tag, session or path; "" for a repository */
    int64_t bytes;           /* that come back; -1: none by itself */
    int64_t age;             /* seconds */
};

struct gc_options {
    int64_t grace; /* seconds */
    bool dry_run;  /* removes nothing, writes nothing, takes no lock */
    /* The grace of untagged manifests in this repository, -1 for ever; NULL: grace. */
    int64_t (*untagged)(void *context, const struct name *name, int64_t grace);
    void (*removes)(void *context, const struct gc_item *item);
    /* Something that stands in the way; name may be NULL. */
    void (*problem)(void *context, const struct name *name, const char *message);
    void *context;
    const struct progress *progress; /* may be NULL */
    /* Is told of tags, manifests, layer links (as blobs) and repositories that went, once that is
     * on disk: at the end of the pass, or before the first blob goes. */
    struct event_observer observer;
    struct event_actor actor;
};

struct gc_count {
    int64_t kept, removed;
};

/* What nobody reaches, and stays for its age alone. */
struct gc_waiting {
    int64_t manifests, blobs, bytes;
    int64_t until; /* ns since 1970: then the last of it is beyond its grace; 0: there is none */
};

struct gc_totals {
    struct gc_count repositories, manifests, layer_links, blobs, uploads;
    int64_t tags_removed;
    int64_t tags_seen;    /* before */
    int64_t stored;       /* bytes of the blobs that stay */
    int64_t upload_bytes; /* of the uploads that stay */
    int64_t bytes;        /* that came back, or would */
    struct gc_waiting waiting;
    int64_t problems;
    int64_t longest_pause; /* milliseconds for which others had to wait at most */
};

/* ERR_BUSY: another one is running, or the store is so busy that it never got the lock. Problems
 * are no errors. */
int gc_run(const struct store *store, const struct gc_options *options, struct gc_totals *totals,
           struct err *err);
/* Only the upload sessions to which nothing came for the grace. */
int gc_expire(const struct store *store, const struct gc_options *options, struct gc_totals *totals,
              struct err *err);

#endif
