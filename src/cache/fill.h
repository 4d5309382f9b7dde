/* SPDX-License-Identifier: Apache-2.0
 *
 * A cold blob: one process fills a file, and every client, the first included, is sent what is in
 * that so far. Also the other side of it, which the filler calls.
 *
 * The exclusive lock on the file is the only sign that somebody fills it: it is handed to the
 * filler, and whoever finds it free starts another, which goes on where the first one ended. What
 * is published is the same file, so whoever has it open has the blob. Beside it stands what is
 * known of it, as one line: "SIZE UPSTREAM NAME" as of the answer, or why there is none.
 *
 * The last byte is sent only when the digest was found to be right, and what turns out wrong is
 * broken off: nobody takes it for the whole.
 */
#ifndef BERTH_CACHE_FILL_H
#define BERTH_CACHE_FILL_H

#include "cache/job.h"
#include "cache/upstream.h"
#include "registry/registry.h"

struct fill {
    const struct store *store;
    struct job job; /* that fills it; its strings are its owner's */
    struct digest digest;
    int fd;        /* the file; -1: none */
    int64_t size;  /* bytes of the blob, once it is known */
    bool is_other; /* it is filled from another repository or upstream than job says */
    bool is_whole; /* it was published: what becomes of the blob now does not matter */
    int starts;    /* of fillers that ended without a word, */
    int64_t had;   /* and with no more than so many bytes */
};

enum fill_state {
    FILL_GROWS,     /* fill->fd, and fill->size is known */
    FILL_PUBLISHED, /* it is a blob by now */
};

/* Joins whoever fills the digest, or starts to; *state says which. Waits until its size is known,
 * up to timeout_ms: UPSTREAM_TIMEOUT. Else the error that the filler told. fill_close afterwards,
 * also after an error. */
int fill_join(struct fill *fill, int timeout_ms, enum fill_state *state, struct err *err);
void fill_close(struct fill *fill);

/* Up to len bytes at off, once there are some: their number, 0: not yet, within timeout_ms; -1: it
 * failed. The last byte of the blob comes when it is published. */
ssize_t fill_read(struct fill *fill, void *bytes, size_t len, int64_t off, int timeout_ms,
                  struct err *err);

/* For the filler, which holds the lock by fd. */
int fill_tell_size(const struct store *store, const struct digest *digest, int64_t size,
                   const char *upstream, const char *name, struct err *err);
void fill_tell_failure(const struct store *store, const struct digest *digest,
                       const struct err *failure);

#endif
