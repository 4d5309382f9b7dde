/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth export`: writing what was planned. */
#include "transfer/export.h"

#include "admin/interrupt.h"
#include "base/amount.h"
#include "base/fs.h"
#include "base/mem.h"
#include "oci/digester.h"
#include "store/blob.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>

#define CHUNK ((size_t)1 << 20)

struct copy {
    const struct export_plan *plan;
    struct export_output *output;
    char *chunk;
    int64_t done; /* bytes of the plan */
    time_t fresh; /* when the plan was touched */
};

int export_failed(const char *path, struct err *err)
{
    int sys = err->sys;

    err_set(err, err->code, "%s: %s", path ? path : "standard output", err->msg);
    err->sys = sys;
    return -1;
}

int export_check_room(int fd, int64_t bytes, const char *path, struct err *err)
{
    struct statvfs st;
    char needed[AMOUNT_TEXT], free_text[AMOUNT_TEXT];

    if (fstatvfs(fd, &st) < 0 || st.f_blocks == 0)
        return 0;
    int64_t room = (int64_t)((double)st.f_bavail * (double)st.f_frsize);
    if (bytes <= room)
        return 0;
    amount_size(needed, bytes);
    amount_size(free_text, room);
    return err_set(err, ERR_NO_SPACE, "%s: %s are needed, %s are free", path, needed, free_text);
}

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
        if (interrupt_check(err) < 0 || file_pread_all(fd, copy->chunk, len, off, err) < 0)
            return -1;
        digester_update(&digester, copy->chunk, len);
        if (copy->output->bytes(copy->output, copy->chunk, len, err) < 0)
            return -1;
        off += (int64_t)len;
        progress_at(copy->plan->progress, "exporting", copy->done + off, copy->plan->bytes);
    }
    digester_final(&digester, &actual);
    return digest_equal(&actual, digest) ? 0 : damaged(digest, err);
}

/* What is exported was kept from the collector, but something else can still take it away. */
static int copy_content(struct copy *copy, const struct export_content *content,
                        struct export_written *written, struct err *err)
{
    AUTO_FD fd = -1;
    struct digest digest;
    int64_t size;

    export_content_digest(content, &digest);
    int wanted = copy->output->file(copy->output, &digest, content->size, err);
    if (wanted < 0)
        return -1;
    if (wanted) {
        int found = blob_open(copy->plan->registry->store, &digest, &fd, &size, err);
        if (found == 0)
            return err_set(err, ERR_IO, "the blob %s went away meanwhile: try again", digest.s);
        if (found < 0)
            return -1;
        if (size != content->size)
            return damaged(&digest, err);
        if (copy_bytes(copy, fd, &digest, size, err) < 0 ||
            copy->output->end(copy->output, err) < 0)
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

    if (now - copy->fresh <= copy->plan->registry->store->grace / 4)
        return 0;
    copy->fresh = now;
    return export_plan_freshen(copy->plan, done, err);
}

int export_write(const struct export_plan *plan, struct export_output *output,
                 struct export_written *written, struct err *err)
{
    struct copy copy = {plan, output, mem_alloc(CHUNK), 0, time(NULL)};

    int result = output->begin(output, plan, err);
    for (size_t i = 0; i < plan->n_contents && result == 0; i++) {
        result = interrupt_check(err);
        if (result == 0)
            result = keep_fresh(&copy, i, err);
        if (result == 0)
            result = copy_content(&copy, &plan->contents[i], written, err);
    }
    if (result == 0)
        result = output->finish(output, plan, err);
    free(copy.chunk);
    return result;
}
