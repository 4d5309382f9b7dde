/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth export`: index.json of the layout. */
#include "transfer/export.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stood in an index.json before: entries of ours, which may have to be named anew, and those
 * of others, which stay as they are. */
struct old {
    const struct json *json;
    const char *repository; /* NULL: another's */
    const char *name;       /* the whole ref.name; NULL: none */
    const char *tag;        /* of an entry of ours; NULL: none */
    const char *digest;     /* NULL: a broken entry */
};

static const char *annotation(const struct json *entry, const char *key)
{
    return json_text(json_get(json_get(entry, "annotations"), key));
}

static struct old read_old(const struct json *json)
{
    struct old old = {
        .json = json,
        .repository = annotation(json, EXPORT_REPOSITORY),
        .name = annotation(json, EXPORT_REF_NAME),
        .digest = json_text(json_get(json, "digest")),
    };
    const char *colon = old.name ? strrchr(old.name, ':') : NULL;

    old.tag = !old.repository ? NULL : colon ? colon + 1 : old.name;
    return old;
}

/* In the order of the plan's roots; an entry of a tag is found by that, another by its digest. */
static int compare_to_root(const void *key, const void *item)
{
    const struct old *old = key;
    const struct export_root *root = item;
    int order = strcmp(old->repository, root->repository);

    if (order == 0)
        order = strcmp(old->tag ? old->tag : "", root->tag ? root->tag : "");
    if (order == 0 && !old->tag)
        order = strcmp(old->digest ? old->digest : "", root->digest.s);
    return order;
}

/* Whether one of the plan's roots takes its place. Of others' entries there are few. */
static bool is_replaced(const struct export_plan *plan, const struct old *old)
{
    if (old->repository)
        return plan->n_roots &&
               bsearch(old, plan->roots, plan->n_roots, sizeof *plan->roots, compare_to_root);
    for (size_t i = 0; old->name && i < plan->n_roots; i++)
        if (plan->roots[i].tag && !strcmp(old->name, plan->roots[i].tag))
            return true;
    return false;
}

static bool is_of_several(const struct export_plan *plan, const struct json *before)
{
    const char *first = plan->n_roots ? plan->roots[0].repository : NULL;

    for (size_t i = 1; i < plan->n_roots; i++)
        if (strcmp(plan->roots[i].repository, first) != 0)
            return true;
    for (size_t i = 0; i < json_array_len(before); i++) {
        const char *repository = annotation(json_array_at(before, i), EXPORT_REPOSITORY);
        if (repository && first && strcmp(repository, first) != 0)
            return true;
    }
    return plan->whole_store;
}

/* The members in front of the annotations, and the repository. */
static void print_descriptor(const char *media_type, const char *digest, int64_t size,
                             const char *artifact_type, const char *repository, struct buf *out)
{
    buf_addstr(out, "{\"mediaType\":");
    json_quote(media_type, out);
    buf_addf(out, ",\"digest\":\"%s\",\"size\":%jd", digest, (intmax_t)size);
    if (artifact_type) {
        buf_addstr(out, ",\"artifactType\":");
        json_quote(artifact_type, out);
    }
    buf_addstr(out, ",\"annotations\":{\"" EXPORT_REPOSITORY "\":");
    json_quote(repository, out);
}

static void print_name(const char *repository, const char *tag, const char *image_name, bool full,
                       struct buf *out)
{
    if (image_name) {
        buf_addstr(out, ",\"" EXPORT_IMAGE_NAME "\":");
        json_quote(image_name, out);
    }
    if (tag)
        buf_addf(out, ",\"" EXPORT_REF_NAME "\":\"%s%s%s\"", full ? repository : "",
                 full ? ":" : "", tag);
    buf_addstr(out, "}}");
}

static void print_root(const struct export_root *root, bool full, struct buf *out)
{
    AUTO_BUF name = BUF_INIT;

    print_descriptor(root->media_type, root->digest.s, root->size, root->artifact_type,
                     root->repository, out);
    if (root->tag && root->is_image && !root->is_referrer)
        export_docker_name(root, &name);
    print_name(root->repository, root->tag, name.s, full, out);
}

/* An entry of ours has exactly what print_root gives it. What is malformed stays as it is. */
static void print_old(const struct old *old, bool full, struct buf *out)
{
    const char *media_type = json_text(json_get(old->json, "mediaType"));
    struct name name;
    struct tag tag;
    struct digest digest;
    int64_t size;

    if (!old->repository || !media_type || !old->digest ||
        name_parse(&name, old->repository, strlen(old->repository), NULL) < 0 ||
        (old->tag && tag_parse(&tag, old->tag, strlen(old->tag), NULL) < 0) ||
        digest_parse(&digest, old->digest, strlen(old->digest), NULL) < 0 ||
        !json_size(json_get(old->json, "size"), &size)) {
        json_print(old->json, out);
        return;
    }
    print_descriptor(media_type, digest.s, size, json_text(json_get(old->json, "artifactType")),
                     name.s, out);
    print_name(name.s, old->tag, annotation(old->json, EXPORT_IMAGE_NAME), full, out);
}

static void print_entries(const struct export_plan *plan, const struct json *before,
                          struct buf *out)
{
    bool full = is_of_several(plan, before);
    const char *separator = "";

    for (size_t i = 0; i < json_array_len(before); i++) {
        struct old old = read_old(json_array_at(before, i));
        if (is_replaced(plan, &old))
            continue;
        buf_addstr(out, separator);
        print_old(&old, full, out);
        separator = ",";
    }
    for (size_t i = 0; i < plan->n_roots; i++) {
        buf_addstr(out, separator);
        print_root(&plan->roots[i], full, out);
        separator = ",";
    }
}

int export_index(const struct export_plan *plan, const struct buf *before, struct buf *out,
                 struct err *err)
{
    struct json *json = NULL;

    if (before) {
        json = json_parse(before->s, before->len, MANIFEST_DEPTH_MAX, NULL);
        if (!json || !json_is_array(json_get(json, "manifests"))) {
            json_free(json);
            return err_set(err, ERR_IO,
                           "index.json in that directory is no image index: choose another "
                           "directory, or remove it");
        }
    }
    bool incomplete = plan->left_out > 0 || annotation(json, EXPORT_INCOMPLETE) != NULL;
    buf_addstr(out,
               "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX "\",\"manifests\":[");
    print_entries(plan, json_get(json, "manifests"), out);
    buf_addstr(out, "]");
    if (incomplete)
        buf_addstr(out, ",\"annotations\":{\"" EXPORT_INCOMPLETE "\":\"true\"}");
    buf_addstr(out, "}\n");
    json_free(json);
    return 0;
}
