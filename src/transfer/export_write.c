/* SPDX-License-Identifier: Apache-2.0
 * L4: export: writing what was planned. */
#include "transfer/export_write.h"

#include "base/fs.h"
#include "base/mem.h"
#include "oci/digester.h"
#include "store/blob.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#define CHUNK ((size_t)1 << 20)

struct copy {
    const struct export_plan *plan;
    struct output *output;
    char *chunk;
    int64_t done; /* bytes of the plan */
    time_t fresh; /* when the plan was touched */
};

static int damaged(const struct digest *digest, struct err *err)
{
    return err_set(err, ERR_IO,
                   "the blob %s is damaged: run berth fsck --repair, and push its image again",
                   digest->s);
}

static int copy_bytes(struct copy *copy, int fd, const struct digest *digest, int64_t size,
                      struct err *err)
{
    AUTO_DIGESTER digester;
    struct digest actual;

    digester_init(&digester, digest->algorithm);
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    for (int64_t off = 0; off < size;) {
        size_t len = size - off < (int64_t)CHUNK ? (size_t)(size - off) : CHUNK;
        if (transfer_check(copy->plan->options, err) < 0 ||
            file_pread_all(fd, copy->chunk, len, off, err) < 0)
            return -1;
        digester_update(&digester, copy->chunk, len);
        if (copy->output->kind->bytes(copy->output, copy->chunk, len, err) < 0)
            return -1;
        off += (int64_t)len;
        progress_at(copy->plan->options->bytes, "exporting", copy->done + off, copy->plan->bytes);
    }
    digester_final(&digester, &actual);
    return digest_equal(&actual, digest) ? 0 : damaged(digest, err);
}

/* What is exported was kept from the collector, but something else can still take it away. */
static int copy_content(struct copy *copy, const struct export_plan_content *content,
                        struct export_write *written, struct err *err)
{
    AUTO_FD fd = -1;
    struct digest digest;
    int64_t size;

    digest_key_unpack(&content->digest, &digest);
    int wanted = copy->output->kind->file(copy->output, content, err);
    if (wanted < 0)
        return -1;
    if (wanted) {
        int found = blob_open(copy->plan->options->registry->store, &digest, &fd, &size, err);
        if (found == 0)
            return err_set(err, ERR_IO, "the blob %s went away meanwhile: try again", digest.s);
        if (found < 0)
            return -1;
        if (size != content->size)
            return damaged(&digest, err);
        if (copy_bytes(copy, fd, &digest, size, err) < 0 ||
            copy->output->kind->end(copy->output, err) < 0)
            return -1;
        written->bytes += size;
        written->manifests += content->is_manifest;
        written->blobs += !content->is_manifest;
    } else {
        written->present++;
    }
    copy->done += content->size;
    return 0;
}

/* An export that takes longer than the grace still finds at its end what was there at its start. */
static int keep_fresh(struct copy *copy, size_t done, struct err *err)
{
    time_t now = time(NULL);

    if (now - copy->fresh <= copy->plan->options->registry->store->grace / 4)
        return 0;
    copy->fresh = now;
    return export_plan_freshen(copy->plan, done, err);
}

int export_write(const struct export_plan *plan, struct output *output,
                 struct export_write *written, struct err *err)
{
    struct copy copy = {plan, output, mem_alloc(CHUNK), 0, time(NULL)};

    int result = output->kind->begin(output, plan, err);
    for (size_t i = 0; i < plan->n_contents && result == 0; i++) {
        result = transfer_check(plan->options, err);
        if (result == 0)
            result = keep_fresh(&copy, i, err);
        if (result == 0)
            result = copy_content(&copy, &plan->contents[i], written, err);
    }
    if (result == 0)
        result = output->kind->finish(output, plan, err);
    free(copy.chunk);
    return result;
}
