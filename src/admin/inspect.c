/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth inspect`. */

#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"
#include "base/amount.h"
#include "registry/list.h"
#include "registry/pull.h"

#include <string.h>

struct inspect_line {
    struct options_common common;
    bool raw;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct inspect_line, raw, 'R', "raw", NULL,
                "print the manifest itself, byte for byte"),
    OPTIONS_END,
};

/* All that is shown of a manifest. */
struct view {
    struct name name;
    struct pulled_manifest pulled;
    struct strings tags;  /* that point at it */
    int64_t total;        /* bytes of the manifest and all that it refers to directly */
    struct buf referrers; /* descriptors, as JSON with commas between */
};

static void view_free(struct view *view)
{
    pull_free(&view->pulled);
    strings_free(&view->tags);
    buf_free(&view->referrers);
}

static int find_referrers(const struct registry *registry, struct view *view, struct err *err)
{
    struct digest last;
    struct page page = {NULL, INT64_MAX};
    bool more = true;

    while (more) {
        AUTO_BUF part = BUF_INIT;
        if (list_referrers(registry, &view->name, &view->pulled.digest, NULL, page, &part, &last,
                           &more, err) < 0)
            return -1;
        if (part.len)
            buf_addf(&view->referrers, "%s%s", view->referrers.len ? "," : "", part.s);
        page.last = last.s;
    }
    return 0;
}

static int view_load(const struct registry *registry, const struct name *name,
                     const struct reference *reference, struct view *view, struct err *err)
{
    *view = (struct view){.name = *name};
    if (pull_read(registry, name, reference, &view->pulled, err) < 0)
        return -1;
    view->total = (int64_t)view->pulled.bytes.len;
    for (size_t i = 0; i < view->pulled.manifest.n_references; i++)
        view->total += view->pulled.manifest.references[i].size;
    if (list_tags_of(registry, name, &view->pulled.digest, &view->tags, err) == 0 &&
        find_referrers(registry, view, err) == 0)
        return 0;
    view_free(view);
    return -1;
}

static const char *role_name(enum descriptor_role role)
{
    return role == DESCRIPTOR_CONFIG ? "config" : role == DESCRIPTOR_LAYER ? "layer" : "manifest";
}

/* "linux/arm64/v8" of an index' entry, or nothing. */
static void print_platform(const struct descriptor *descriptor, struct buf *out)
{
    static const char *const keys[] = {"os", "architecture", "variant"};
    const struct json *platform = json_get(descriptor->json, "platform");
    const char *separator = "  ";

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = json_text(json_get(platform, keys[i]));
        if (value) {
            buf_addf(out, "%s%s", separator, value);
            separator = "/";
        }
    }
}

static void print_text(const struct view *view, struct buf *out)
{
    const struct manifest *manifest = &view->pulled.manifest;
    char size[AMOUNT_TEXT];

    buf_addf(out, "repository  %s\ndigest      %s\ntype        %s\n", view->name.s,
             view->pulled.digest.s, manifest->media_type);
    amount_size(size, view->total);
    buf_addf(out, "total size  %s\n", size);
    for (size_t i = 0; i < view->tags.n; i++)
        buf_addf(out, "tag         %s\n", view->tags.v[i]);
    if (manifest->has_subject)
        buf_addf(out, "subject     %s\n", manifest->subject.s);
    for (size_t i = 0; i < manifest->n_references; i++) {
        const struct descriptor *descriptor = &manifest->references[i];
        amount_size(size, descriptor->size);
        buf_addf(out, "%-10s  %s  %s", role_name(descriptor->role), descriptor->digest.s, size);
        print_platform(descriptor, out);
        buf_addc(out, '\n');
    }
    if (view->referrers.len)
        buf_addf(out, "referrers   [%s]\n", view->referrers.s);
}

static void print_json_list(const struct manifest *manifest, enum descriptor_role role,
                            const char *key, struct buf *out)
{
    const char *separator = "";

    buf_addf(out, ",\"%s\":[", key);
    for (size_t i = 0; i < manifest->n_references; i++) {
        if (manifest->references[i].role != role)
            continue;
        buf_addstr(out, separator);
        json_print(manifest->references[i].json, out);
        separator = ",";
    }
    buf_addc(out, ']');
}

static void print_json(const struct view *view, struct buf *out)
{
    const struct manifest *manifest = &view->pulled.manifest;

    buf_addf(out, "{\"name\":\"%s\",\"digest\":\"%s\",\"mediaType\":", view->name.s,
             view->pulled.digest.s);
    json_quote(manifest->media_type, out);
    buf_addf(out, ",\"size\":%zu,\"totalSize\":%jd,\"tags\":[", view->pulled.bytes.len,
             (intmax_t)view->total);
    for (size_t i = 0; i < view->tags.n; i++)
        buf_addf(out, "%s\"%s\"", i ? "," : "", view->tags.v[i]);
    buf_addstr(out, "],\"subject\":");
    buf_addf(out, manifest->has_subject ? "\"%s\"" : "%s",
             manifest->has_subject ? manifest->subject.s : "null");
    buf_addstr(out, ",\"config\":");
    if (manifest->n_references && manifest->references[0].role == DESCRIPTOR_CONFIG)
        json_print(manifest->references[0].json, out);
    else
        buf_addstr(out, "null");
    print_json_list(manifest, DESCRIPTOR_LAYER, "layers", out);
    print_json_list(manifest, DESCRIPTOR_CHILD, "manifests", out);
    buf_addf(out, ",\"referrers\":[%s]}\n", view->referrers.len ? view->referrers.s : "");
}

static int run(const void *said, char **args, struct err *err)
{
    const struct inspect_line *options = said;
    struct opened admin;
    struct name name;
    struct reference reference;
    struct view view;
    AUTO_BUF out = BUF_INIT;

    if (reference_parse_full(&name, &reference, args[0], err) < 0 ||
        open_store(&options->common, false, &admin, err) < 0)
        return -1;
    int result = view_load(&admin.registry, &name, &reference, &view, err);
    if (result == 0) {
        if (options->raw)
            buf_add(&out, view.pulled.bytes.s, view.pulled.bytes.len);
        else if (options->common.json)
            print_json(&view, &out);
        else
            print_text(&view, &out);
        result = print_out(&out, err);
        view_free(&view);
    }
    open_close(&admin);
    return result;
}

const struct command inspect_command = {
    .name = "inspect",
    .arguments = "REPOSITORY[:TAG|@DIGEST]",
    .summary = "show a manifest and what belongs to it",
    .args_min = 1,
    .args_max = 1,
    .rows = rows,
    .size = sizeof(struct inspect_line),
    .run = run,
};
