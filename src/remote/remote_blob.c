/* SPDX-License-Identifier: Apache-2.0
 * L2: blobs of another registry: GET and HEAD /v2/<name>/blobs/<digest>. */
#include "remote/answer.h"
#include "remote/remote.h"
#include "remote/remote_ask.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A blob under way. Positions are those in the whole blob. */
struct transfer {
    const struct remote *remote;
    const struct remote_part *part;
    const struct remote_sink *sink;
    int64_t next;   /* of the byte that the sink wants */
    int64_t at;     /* of the byte that comes now: what is before `next` is skipped */
    int64_t end;    /* behind the last byte that is wanted; -1: not known */
    int64_t size;   /* of the whole; -1: not known */
    bool has_begun; /* the sink was told */
    bool is_ours;   /* the sink failed: nobody else is to blame */
    bool is_bad;    /* there was more than there should be */
};

static bool is_whole(const struct transfer *transfer)
{
    return transfer->next == 0 && transfer->part->last < 0;
}

static void add_range(void *context, struct buf *header)
{
    const struct transfer *transfer = context;

    if (is_whole(transfer))
        return;
    buf_addf(header, "Range: bytes=%lld-", (long long)transfer->next);
    if (transfer->part->last >= 0)
        buf_addf(header, "%lld", (long long)transfer->part->last);
}

static int64_t progress(void *context)
{
    return ((const struct transfer *)context)->next;
}

static bool has_all(const struct transfer *transfer)
{
    return transfer->has_begun && !transfer->is_bad && transfer->end >= 0 &&
           transfer->next >= transfer->end;
}

/* Nothing is left to ask for, or nobody to give it to. */
static bool is_over(void *context)
{
    const struct transfer *transfer = context;

    return transfer->is_ours || transfer->is_bad || has_all(transfer);
}

static int wrong(struct err *err, const char *what, int64_t is, int64_t should)
{
    return err_set(err, ERR_UPSTREAM_CONTENT, "%s: %lld, where it should be %lld", what,
                   (long long)is, (long long)should);
}

/* The size of the blob, as it is known now. */
static int learn_size(struct transfer *transfer, int64_t size, struct err *err)
{
    if (size < 0)
        return 0;
    if (transfer->size >= 0 && size != transfer->size)
        return wrong(err, "the size of the blob is another", size, transfer->size);
    if (size > transfer->remote->options.blob_max && transfer->part->size < 0)
        return err_set(err, ERR_UPSTREAM_CONTENT, "a blob of %lld bytes, more than are taken",
                       (long long)size);
    transfer->size = size;
    if (transfer->end < 0 || transfer->end > size)
        transfer->end = size;
    return 0;
}

/* 206 is believed only if it says that it is what was asked for. */
static int take_part(struct transfer *transfer, const struct http_client_answer *answer,
                     struct err *err)
{
    const char *value = http_client_header(answer, "Content-Range", NULL);
    int64_t first, last, size, length = http_client_length(answer);

    if (is_whole(transfer))
        return err_set(err, ERR_UPSTREAM_CONTENT, "it sends a part of a blob, asked for all of it");
    if (!value || !answer_content_range(value, &first, &last, &size))
        return err_set(err, ERR_UPSTREAM_CONTENT, "it sends a part, but not which one");
    if (first != transfer->next)
        return wrong(err, "the part that it sends begins elsewhere", first, transfer->next);
    if (learn_size(transfer, size, err) < 0)
        return -1;
    if (transfer->end >= 0 && last != transfer->end - 1)
        return wrong(err, "the part that it sends ends elsewhere", last, transfer->end - 1);
    if (length >= 0 && length != last - first + 1)
        return wrong(err, "the part that it sends is of another length", length, last - first + 1);
    transfer->end = last + 1;
    transfer->at = first;
    return 0;
}

static int begin(void *context, const struct http_client_answer *answer, struct err *err)
{
    struct transfer *transfer = context;
    const struct remote_sink *sink = transfer->sink;
    const char *coding = http_client_header(answer, "Content-Encoding", NULL);

    if (coding && strcasecmp(coding, "identity") != 0)
        return err_set(err, ERR_UPSTREAM_CONTENT,
                       "it sends a blob compressed (%s), which nobody asked for", coding);
    if (answer->status == 206) {
        if (take_part(transfer, answer, err) < 0)
            return -1;
    } else if (answer->status == 200) { /* all of it, whatever was asked for */
        transfer->at = 0;
        if (learn_size(transfer, http_client_length(answer), err) < 0)
            return -1;
    } else {
        return err_set(err, ERR_UPSTREAM_CONTENT, "asked for a blob it answers with status %d",
                       answer->status);
    }
    if (transfer->has_begun)
        return 0;
    transfer->has_begun = true;
    transfer->is_ours = sink->begin && sink->begin(sink->context, transfer->size, err) < 0;
    return transfer->is_ours ? -1 : 0;
}

static int take_bytes(void *context, const void *bytes, size_t len, struct err *err)
{
    struct transfer *transfer = context;
    int64_t from = transfer->at, to = from + (int64_t)len;
    int64_t limit = transfer->size >= 0 ? transfer->size : transfer->remote->options.blob_max;

    transfer->at = to;
    transfer->is_bad = to > limit;
    if (transfer->is_bad)
        return err_set(err, ERR_UPSTREAM_CONTENT, "it sends more than the %lld bytes of the blob",
                       (long long)limit);
    if (from < transfer->next)
        from = transfer->next < to ? transfer->next : to;
    if (transfer->end >= 0 && to > transfer->end) /* a 200 for a part */
        to = transfer->end;
    if (from >= to) /* enough of it, or nothing new yet */
        return has_all(transfer) && transfer->end < transfer->size
                   ? err_set(err, ERR_INTERNAL, "enough")
                   : 0;
    const char *wanted = (const char *)bytes + (len - (size_t)(transfer->at - from));
    transfer->is_ours =
        transfer->sink->write(transfer->sink->context, wanted, (size_t)(to - from), err) < 0;
    transfer->next = transfer->is_ours ? transfer->next : to;
    return transfer->is_ours ? -1 : 0;
}

/* What ends early without a word, as chunks may, is broken off as well. */
static int end(void *context, struct err *err)
{
    const struct transfer *transfer = context;

    if (transfer->end < 0 || has_all(transfer))
        return 0;
    return err_set(err, ERR_UPSTREAM_NETWORK, "it sent %lld of %lld bytes and broke off",
                   (long long)transfer->at, (long long)transfer->end);
}

int remote_blob_get(struct remote *remote, const struct name *name, const struct digest *digest,
                    const struct remote_part *part, const struct remote_sink *sink, struct err *err)
{
    AUTO_HTTP_ANSWER answer = {0};
    AUTO_BUF path = BUF_INIT;
    struct transfer transfer = {.remote = remote,
                                .part = part,
                                .sink = sink,
                                .next = part->first,
                                .end = part->last < 0 ? part->size : part->last + 1,
                                .size = part->size};
    const struct http_client_sink to = {
        .begin = begin, .write = take_bytes, .end = end, .context = &transfer};

    buf_addf(&path, "/v2/%s/blobs/%s", name->s, digest->s);
    const struct remote_ask asked = {.method = "GET",
                                     .path = path.s,
                                     .name = name,
                                     .is_blob = true,
                                     .sink = &to,
                                     .range = add_range,
                                     .progress = progress,
                                     .is_over = is_over,
                                     .context = &transfer};
    remote->deadline_ms = 0;
    int result = remote_ask(remote, &asked, &answer, err);
    if (result < 0)
        return has_all(&transfer) ? 1 : -1;
    if (result == 0 && transfer.has_begun) {
        err_set(err, ERR_UPSTREAM_CONTENT, "the blob is gone, after a part of it had come");
        return remote_ask_fail(remote, err);
    }
    return result;
}

int remote_blob_head(struct remote *remote, const struct name *name, const struct digest *digest,
                     int64_t *size, struct err *err)
{
    AUTO_HTTP_ANSWER answer = {0};
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "/v2/%s/blobs/%s", name->s, digest->s);
    const struct remote_ask asked = {.method = "HEAD", .path = path.s, .name = name};
    remote_ask_begin(remote);
    int found = remote_ask(remote, &asked, &answer, err);
    if (found > 0)
        *size = http_client_length(&answer);
    return found;
}
