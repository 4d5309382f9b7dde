/* SPDX-License-Identifier: Apache-2.0
 * L6: what `berth export` says at its end. */
#include "admin/export_report.h"

#include "base/amount.h"
#include "base/json_writer.h"

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

void export_report_text(const struct export_plan *plan, const struct export_write *written,
                        struct buf *out)
{
    char size[AMOUNT_TEXT], left_out[AMOUNT_TEXT];
    size_t images = 0;

    for (size_t i = 0; i < plan->n_roots; i++) {
        const struct export_plan_root *root = &plan->roots[i];
        if (root->is_referrer)
            continue;
        images++;
        buf_addf(out, "%s%s%s  %s%s%s\n", root->repository, root->tag ? ":" : "",
                 root->tag ? root->tag : "", root->digest.s, root->platform ? "  " : "",
                 root->platform ? root->platform : "");
    }
    amount_size(size, written->bytes);
    amount_size(left_out, plan->left_out_bytes);
    size_t referrers = plan->n_roots - images;
    buf_addf(out, "%zu image%s, %zu referrer%s; written: %zu manifest%s, %zu blob%s, %s", images,
             plural(images), referrers, plural(referrers), written->manifests,
             plural(written->manifests), written->blobs, plural(written->blobs), size);
    if (written->present)
        buf_addf(out, "; there already: %zu", written->present);
    if (plan->left_out)
        buf_addf(out, "; left out by --have: %zu, %s", plan->left_out, left_out);
    if (plan->elsewhere)
        buf_addf(out, "; layers that are elsewhere: %zu", plan->elsewhere);
    if (plan->missing)
        buf_addf(out, "; not there, as `sparse` permits: %zu", plan->missing);
    buf_addc(out, '\n');
}

void export_report_json(const struct export_plan *plan, const struct export_write *written,
                        const char *path, struct buf *out)
{
    struct json_writer json = json_writer_begin(out);

    json_writer_object(&json, NULL);
    json_writer_string(&json, "output", path);
    json_writer_array(&json, "images");
    for (size_t i = 0; i < plan->n_roots; i++) {
        const struct export_plan_root *root = &plan->roots[i];
        json_writer_object(&json, NULL);
        json_writer_string(&json, "name", root->repository);
        json_writer_string(&json, "tag", root->tag);
        json_writer_string(&json, "digest", root->digest.s);
        json_writer_string(&json, "platform", root->platform);
        json_writer_bool(&json, "referrer", root->is_referrer);
        json_writer_end(&json);
    }
    json_writer_end(&json);
    json_writer_number(&json, "manifests", (int64_t)written->manifests);
    json_writer_number(&json, "blobs", (int64_t)written->blobs);
    json_writer_number(&json, "bytes", written->bytes);
    json_writer_number(&json, "present", (int64_t)written->present);
    json_writer_object(&json, "leftOut");
    json_writer_number(&json, "count", (int64_t)plan->left_out);
    json_writer_number(&json, "bytes", plan->left_out_bytes);
    json_writer_end(&json);
    json_writer_number(&json, "elsewhere", (int64_t)plan->elsewhere);
    json_writer_number(&json, "missing", (int64_t)plan->missing);
    json_writer_end(&json);
    buf_addc(out, '\n');
}
