/* SPDX-License-Identifier: Apache-2.0
 *
 * What the steps of an import share; nobody else includes this.
 */
#ifndef BERTH_TRANSFER_IMPORT_RUN_H
#define BERTH_TRANSFER_IMPORT_RUN_H

#include "transfer/import.h"
#include "transfer/import_found.h"

/* A layer of docker save that is in the store already, by the digest of its content. */
struct import_run_layer {
    struct digest diff_id, digest;
    int64_t size;
    enum compress_kind kind;
};

struct import {
    const struct transfer_options *options;
    const struct import_request *request;
    import_done_fn *done;
    void *context;
    struct source *source;     /* the present one */
    struct import_found found; /* in it */
    struct import_run_layer *layers;
    size_t n_layers;
    int64_t read, total; /* bytes of the source */
    int64_t new_size;    /* bytes that were written to the store */
};

/* So many more bytes of the source are done. */
void import_run_progress(struct import *import, int64_t bytes);

/* Of a list for people, no more than these lines are shown. */
#define IMPORT_RUN_SHOWN_MAX 50
/* Says what a list has: its heading, and of the n lines those that there are. */
void import_run_list(const struct import *import, const char *heading, const struct strings *lines,
                     size_t n);

#endif
