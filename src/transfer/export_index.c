/* SPDX-License-Identifier: Apache-2.0
 * L4: export: index.json of the layout. */
#include "transfer/export_index.h"

#include "base/json_writer.h"
#include "transfer/export_docker.h"

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
        .repository = annotation(json, EXPORT_INDEX_REPOSITORY),
        .name = annotation(json, EXPORT_INDEX_REF_NAME),
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
    const struct export_plan_root *root = item;
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
        const char *repository = annotation(json_array_at(before, i), EXPORT_INDEX_REPOSITORY);
        if (repository && first && strcmp(repository, first) != 0)
            return true;
    }
    return plan->request->n_references == 0;
}

/* What an entry of ours says. */
struct entry {
    const char *media_type, *digest;
    int64_t size;
    const char *artifact_type, *repository, *tag, *image_name; /* but for repository NULL: none */
};

/* full: its name is the repository's, and the tag. */
static void write_entry(struct json_writer *json, const struct entry *entry, bool full)
{
    json_writer_object(json, NULL);
    json_writer_string(json, "mediaType", entry->media_type);
    json_writer_string(json, "digest", entry->digest);
    json_writer_number(json, "size", entry->size);
    if (entry->artifact_type)
        json_writer_string(json, "artifactType", entry->artifact_type);
    json_writer_object(json, "annotations");
    json_writer_string(json, EXPORT_INDEX_REPOSITORY, entry->repository);
    if (entry->image_name)
        json_writer_string(json, EXPORT_INDEX_IMAGE_NAME, entry->image_name);
    if (entry->tag && full)
        json_writer_stringf(json, EXPORT_INDEX_REF_NAME, "%s:%s", entry->repository, entry->tag);
    else if (entry->tag)
        json_writer_string(json, EXPORT_INDEX_REF_NAME, entry->tag);
    json_writer_end(json);
    json_writer_end(json);
}

static void write_root(struct json_writer *json, const struct export_plan_root *root, bool full)
{
    AUTO_BUF name = BUF_INIT;

    if (root->tag && root->is_image && !root->is_referrer)
        export_docker_name(root, &name);
    const struct entry entry = {root->media_type, root->digest.s, root->size, root->artifact_type,
                                root->repository, root->tag,      name.s};
    write_entry(json, &entry, full);
}

/* An entry of ours is written as write_root does. What is malformed stays as it is. */
static void write_old(struct json_writer *json, const struct old *old, bool full)
{
    const char *media_type = json_text(json_get(old->json, "mediaType"));
    AUTO_BUF text = BUF_INIT;
    struct name name;
    struct tag tag;
    struct digest digest;
    int64_t size;

    if (!old->repository || !media_type || !old->digest ||
        name_parse(&name, old->repository, strlen(old->repository), NULL) < 0 ||
        (old->tag && tag_parse(&tag, old->tag, strlen(old->tag), NULL) < 0) ||
        digest_parse(&digest, old->digest, strlen(old->digest), NULL) < 0 ||
        !json_size(json_get(old->json, "size"), &size)) {
        json_print(old->json, &text);
        json_writer_raw(json, NULL, text.s, text.len);
        return;
    }
    const struct entry entry = {media_type,
                                digest.s,
                                size,
                                json_text(json_get(old->json, "artifactType")),
                                name.s,
                                old->tag,
                                annotation(old->json, EXPORT_INDEX_IMAGE_NAME)};
    write_entry(json, &entry, full);
}

static void write_entries(struct json_writer *json, const struct export_plan *plan,
                          const struct json *before)
{
    bool full = is_of_several(plan, before);

    json_writer_array(json, "manifests");
    for (size_t i = 0; i < json_array_len(before); i++) {
        struct old old = read_old(json_array_at(before, i));
        if (!is_replaced(plan, &old))
            write_old(json, &old, full);
    }
    for (size_t i = 0; i < plan->n_roots; i++)
        write_root(json, &plan->roots[i], full);
    json_writer_end(json);
}

static void write_index(const struct export_plan *plan, const struct json *before, struct buf *out)
{
    struct json_writer json = json_writer_begin(out);

    json_writer_object(&json, NULL);
    json_writer_number(&json, "schemaVersion", 2);
    json_writer_string(&json, "mediaType", MEDIA_TYPE_OCI_INDEX);
    write_entries(&json, plan, json_get(before, "manifests"));
    if (plan->left_out > 0 || plan->missing > 0 || annotation(before, EXPORT_INDEX_INCOMPLETE)) {
        json_writer_object(&json, "annotations");
        json_writer_string(&json, EXPORT_INDEX_INCOMPLETE, "true");
        json_writer_end(&json);
    }
    json_writer_end(&json);
    buf_addc(out, '\n');
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
    write_index(plan, json, out);
    json_free(json);
    return 0;
}
