/* SPDX-License-Identifier: Apache-2.0
 * L4: import: into the store, by the verbs of a push. */
#include "transfer/import_push.h"

#include "base/mem.h"
#include "registry/push_blob.h"
#include "registry/push_manifest.h"
#include "store/blob.h"
#include "transfer/import_name.h"
#include "transfer/import_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body {
    struct import *import;
    struct source_file file;
    int64_t at;
};

static ssize_t body_read(void *from, void *bytes, size_t len, struct err *err)
{
    struct body *body = from;

    if (transfer_check(body->import->options, err) < 0)
        return -1;
    ssize_t n = source_file_read(&body->file, body->at, bytes, len, err);
    if (n > 0) {
        body->at += n;
        import_run_progress(body->import, n);
    }
    return n;
}

static int store_blob(struct import *import, const struct import_found_image *image,
                      const struct name *repository, const struct import_plan_blob *blob,
                      struct err *err)
{
    struct push_session session = {.name = *repository, .user = ""};
    struct body body = {.import = import};
    struct err failure;
    AUTO_BUF name = BUF_INIT;

    import_part_blob_name(image, &blob->digest, &name);
    int found = source_find(import->source, name.s, &body.file, err);
    if (found <= 0)
        return found < 0 ? -1
                         : err_set(err, ERR_BLOB_UNKNOWN, "%s is gone from the store meanwhile",
                                   blob->digest.s);
    int result = push_blob_whole(import->options->registry, &session, &blob->digest,
                                 (struct push_body){body_read, &body}, &failure);
    source_file_close(&body.file);
    if (result < 0 && failure.code == ERR_DIGEST_INVALID)
        return err_set(err, ERR_DIGEST_INVALID, "%s is damaged: its content has another digest",
                       name.s);
    if (result < 0)
        err_copy(err, &failure);
    import->new_size += result < 0 ? 0 : blob->size;
    return result;
}

static int push_blobs(struct import *import, const struct import_found_image *image,
                      const struct import_plan *plan, const struct name *repository,
                      struct err *err)
{
    for (size_t i = 0; i < plan->n_blobs; i++) {
        const struct import_plan_blob *blob = &plan->blobs[i];
        if (blob->elsewhere)
            continue;
        /* Also what was not there yet may have come with another image. */
        int linked =
            push_blob_link(import->options->registry, repository, &blob->digest, blob->size, err);
        if (linked > 0 && !blob->in_store)
            import_run_progress(import, blob->size);
        if (linked == 0)
            linked = store_blob(import, image, repository, blob, err);
        if (linked < 0)
            return -1;
    }
    return 0;
}

static int push_one(struct import *import, const struct import_found_image *image,
                    const struct import_plan *plan, const struct name *repository,
                    const struct digest *digest, const struct strings *tag_texts, struct err *err)
{
    AUTO_BUF bytes = BUF_INIT;
    struct pushed_manifest pushed;
    struct push_manifest push = {.name = *repository,
                                 .reference = {.is_digest = true, .digest = *digest}};
    struct tag *tags = mem_alloc(((tag_texts ? tag_texts->n : 0) + 1) * sizeof *tags);
    int64_t size;
    int found = 1;

    for (size_t i = 0; tag_texts && i < tag_texts->n; i++)
        snprintf(tags[push.n_tags++].s, sizeof tags->s, "%s", tag_texts->v[i]);
    push.tags = tags;
    if (plan->made.len > 0)
        buf_add(&bytes, plan->made.s, plan->made.len);
    else
        found = import_part_manifest(import, image, digest, &bytes, err);
    if (found == 0)
        found =
            err_set(err, ERR_MANIFEST_UNKNOWN, "%s is gone from the store meanwhile", digest->s);
    push.bytes = bytes.s;
    push.len = bytes.len;
    int there = found < 0 ? -1 : blob_stat(import->options->registry->store, digest, &size, err);
    int result = there < 0 ? -1 : push_manifest(import->options->registry, &push, &pushed, err);
    if (result == 0 && !there)
        import->new_size += (int64_t)bytes.len;
    free(tags);
    return result;
}

/* Blobs, then what names them, and the tags when all else is there. */
static int push_to(struct import *import, const struct import_found_image *image,
                   const struct import_plan *plan, const struct name *repository,
                   const struct strings *tags, struct err *err)
{
    size_t last = plan->n_manifests - 1;

    if (push_blobs(import, image, plan, repository, err) < 0)
        return -1;
    bool top_is_last = digest_equal(&plan->manifests[last], &plan->top);
    for (size_t i = 0; i < plan->n_manifests; i++)
        if (push_one(import, image, plan, repository, &plan->manifests[i],
                     top_is_last && i == last ? tags : NULL, err) < 0)
            return -1;
    return top_is_last ? 0 : push_one(import, image, plan, repository, &plan->top, tags, err);
}

int import_push_image(struct import *import, const struct import_found_image *image,
                      const struct import_plan *plan, struct err *err)
{
    struct image_name **v = import_name_order(image);
    int result = 0;

    for (size_t i = 0, next; i < image->n_targets && result == 0; i = next) {
        AUTO_STRINGS tags = {0};
        for (next = i; next < image->n_targets && !strcmp(v[next]->name.s, v[i]->name.s); next++)
            if (v[next]->has_tag)
                strings_add(&tags, v[next]->tag.s);
        result = push_to(import, image, plan, &v[i]->name, &tags, err);
    }
    free(v);
    return result;
}
