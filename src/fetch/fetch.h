/* SPDX-License-Identifier: Apache-2.0
 *
 * What berth-fetch does at an upstream, one thing in each process: cache/job.h says for whom. Each
 * function is a verb of it. 0 with the text to say, or -1.
 */
#ifndef BERTH_FETCH_FETCH_H
#define BERTH_FETCH_FETCH_H

#include "cache/mark.h"
#include "cache/upstream.h"
#include "registry/registry.h"
#include "remote/remote.h"

struct fetch {
    struct registry registry; /* whose rules permit everything */
    struct origin origin;
    struct name name; /* here */
    const char *what; /* a tag or digest, as it was asked for */
    struct remote *remote;
    struct mark_key key;
    bool has; /* there is something to serve instead: it is not waited for long */
};

/* Brings a manifest, by a tag, which is set then, or by its digest. */
int fetch_manifest(struct fetch *fetch, struct buf *text, struct err *err);
/* Whether it has a blob for this repository, and how long it is; one that is here is linked. */
int fetch_confirm(struct fetch *fetch, struct buf *text, struct err *err);
/* Fills a blob, with the lock on its file at JOB_HELD. Its failure is also told to those who wait
 * for it (cache/fill.h). */
int fetch_blob(struct fetch *fetch, struct buf *text, struct err *err);

/* Its lists, as cache_list wants them. */
int fetch_tags(struct fetch *fetch, struct buf *text, struct err *err);
int fetch_referrers(struct fetch *fetch, struct buf *text, struct err *err);

/* Notes that there is no such thing. Always -1. */
int fetch_unknown(const struct fetch *fetch, enum err_code code, struct err *err);
/* Leaves an answer for those who ask within `revalidate`, and for when the upstream fails. */
int fetch_keep_list(const struct fetch *fetch, const struct buf *text, struct err *err);
/* The digest that is asked for. */
int fetch_digest(const struct fetch *fetch, struct digest *digest, struct err *err);
/* What was sent, and cannot be taken, is the upstream's fault. Always -1. */
int fetch_blame(const struct fetch *fetch, const struct err *failure, struct err *err);

#endif
