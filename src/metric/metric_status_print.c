/* SPDX-License-Identifier: Apache-2.0
 * L2: what metric_status_read has found, for people and for programs. */
#include "metric/metric_status.h"

#include "base/amount.h"
#include "base/json_writer.h"

#include <time.h>

static void add_ago(struct buf *text, const char *what, int64_t when)
{
    char age[AMOUNT_TEXT];

    amount_age(age, (int64_t)time(NULL) - when);
    buf_addf(text, "%-10s %s%s\n", what, when ? age : "not known on this host", when ? " ago" : "");
}

static void as_text(const struct metric_status *status, const char *root, struct buf *text)
{
    char a[AMOUNT_TEXT], b[AMOUNT_TEXT];

    buf_addf(text, "%-10s %s\n%-10s %jd busy, %jd idle", "store", root, "workers",
             (intmax_t)status->busy, (intmax_t)status->idle);
    buf_addf(text, status->once ? ", and %jd CGI\n" : "\n", (intmax_t)status->once);
    amount_age(a, (int64_t)time(NULL) - status->since);
    if (status->counted)
        buf_addf(text, "%-10s %jd, %jd of them failed, %jd denied, %jd wrong logins, in %s\n",
                 "requests", (intmax_t)status->requests, (intmax_t)status->failed,
                 (intmax_t)status->denied, (intmax_t)status->logins_failed, a);
    amount_size(a, status->upload_bytes);
    buf_addf(text, "%-10s %jd open, with %s\n", "uploads", (intmax_t)status->uploads, a);
    amount_size(a, status->free);
    amount_size(b, status->size);
    buf_addf(text, "%-10s %s of %s free\n", "room", a, b);
    add_ago(text, "gc", status->gc_at);
    amount_size(a, status->store_bytes);
    amount_size(b, status->garbage_bytes);
    if (status->gc_at)
        buf_addf(text, "%-10s %jd repositories, %jd tags, %jd blobs of %s, %s of it garbage\n", "",
                 (intmax_t)status->repositories, (intmax_t)status->tags, (intmax_t)status->blobs, a,
                 b);
    add_ago(text, "fsck", status->fsck_at);
    for (size_t i = 0; i < status->problems.n; i++)
        buf_addf(text, "%-10s %s\n", "PROBLEM", status->problems.v[i]);
}

static void as_json(const struct metric_status *status, const char *root, struct buf *text)
{
    struct json_writer json = json_writer_begin(text);
    const struct {
        const char *key;
        int64_t n;
    } numbers[] = {
        {"busy", status->busy},
        {"idle", status->idle},
        {"cgi", status->once},
        {"since", status->since},
        {"requests", status->requests},
        {"failed", status->failed},
        {"denied", status->denied},
        {"wrongLogins", status->logins_failed},
        {"uploads", status->uploads},
        {"uploadBytes", status->upload_bytes},
        {"size", status->size},
        {"free", status->free},
        {"gc", status->gc_at},
        {"repositories", status->repositories},
        {"manifests", status->manifests},
        {"tags", status->tags},
        {"blobs", status->blobs},
        {"bytes", status->store_bytes},
        {"garbageBytes", status->garbage_bytes},
        {"fsck", status->fsck_at},
        {"faults", status->faults},
    };

    json_writer_object(&json, NULL);
    json_writer_string(&json, "root", root);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_writer_number(&json, numbers[i].key, numbers[i].n);
    json_writer_array(&json, "problems");
    for (size_t i = 0; i < status->problems.n; i++)
        json_writer_string(&json, NULL, status->problems.v[i]);
    json_writer_end(&json);
    json_writer_end(&json);
    buf_addc(text, '\n');
}

void metric_status_print(const struct metric_status *status, const char *root, bool json,
                         struct buf *out)
{
    (json ? as_json : as_text)(status, root, out);
}
