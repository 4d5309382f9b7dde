/* SPDX-License-Identifier: Apache-2.0
 *
 * Where an export goes. It is written in this order: begin; for each content of the plan file, and
 * unless that says that it is there already, bytes until all are there, and end; then finish. Each
 * may fail, and then only close comes.
 *
 * A kind of output is a struct output_kind, and a struct that begins with struct output. There are
 * two: a tar file or stream (output_tar.h) and a directory (output_directory.h). Another one, such
 * as a registry elsewhere, is as good if it does what stands here:
 *
 *   - It says in which order it wants the contents: a registry blobs first, then manifests behind
 *     what they name, since each is refused before.
 *   - `file` finds out whether the content is there already, so that it need not be read. Each
 *     content comes once, with one repository that has it; a registry in which blobs belong to
 *     repositories mounts it into the others that the roots name, in `finish`, where it has the
 *     whole plan and can read the store.
 *   - Bytes are hashed before `end` is called, not before `bytes` is: of what turns out to be
 *     damaged, `end` never comes, and it must not count.
 *   - What names others is there only when they are: names (index.json; tags, by the plan's roots)
 *     are written in `finish`.
 *   - `finish` returns when all is there for good, as far as the kind can promise it.
 *   - `close` takes away what is unfinished, whatever came before; it cannot fail.
 *   - Messages begin with the label (output_failed).
 */
#ifndef BERTH_TRANSFER_OUTPUT_H
#define BERTH_TRANSFER_OUTPUT_H

#include "transfer/export_plan.h"

struct output;

struct output_kind {
    enum export_plan_order order;
    int (*begin)(struct output *output, const struct export_plan *plan, struct err *err);
    /* 0: it is there already. */
    int (*file)(struct output *output, const struct export_plan_content *content, struct err *err);
    int (*bytes)(struct output *output, const void *bytes, size_t len, struct err *err);
    int (*end)(struct output *output, struct err *err);
    int (*finish)(struct output *output, const struct export_plan *plan, struct err *err);
    /* Frees all, the struct too. */
    void (*close)(struct output *output);
};

struct output {
    const struct output_kind *kind;
    char *label; /* what it is called in messages */
};

/* For a kind: the struct, zeroed but for its first member. */
void *output_new(size_t size, const struct output_kind *kind, const char *label);
void output_close(struct output *output); /* NULL is fine */

/* Names the output in what went wrong; -1. */
int output_failed(const struct output *output, struct err *err);
/* ERR_NO_SPACE if the file system of fd has not so many bytes free. */
int output_check_room(const struct output *output, int fd, int64_t bytes, struct err *err);

#endif
