/* SPDX-License-Identifier: Apache-2.0
 * L4: export: index.json of the layout. */
#include "transfer/export_index.h"

#include "base/json_each.h"
#include "base/json_writer.h"
#include "oci/saved.h"
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

static bool is_of_several(const struct export_plan *plan)
{
    for (size_t i = 1; i < plan->n_roots; i++)
        if (strcmp(plan->roots[i].repository, plan->roots[0].repository) != 0)
            return true;
    return plan->request->n_references == 0;
}

/* What goes through the entries that stood there before. */
struct writing {
    const struct export_plan *plan;
    struct json_writer *json;
    bool full;
    size_t n; /* entries */
};

static int look_at_old(void *context, const struct json *entry, struct err *err)
{
    struct writing *writing = context;
    const struct export_plan *plan = writing->plan;
    const char *repository = annotation(entry, EXPORT_INDEX_REPOSITORY);

    (void)err;
    if (repository && plan->n_roots && strcmp(repository, plan->roots[0].repository) != 0)
        writing->full = true;
    return 0;
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

static int keep_old(void *context, const struct json *entry, struct err *err)
{
    struct writing *writing = context;
    struct old old = read_old(entry);

    (void)err;
    if (is_replaced(writing->plan, &old))
        return 0;
    write_old(writing->json, &old, writing->full);
    writing->n++;
    return 0;
}

static struct json *each_old(const struct buf *before, json_each_fn *visit, void *context)
{
    return json_each(before->s ? before->s : "", before->len, MANIFEST_DEPTH_MAX, "manifests",
                     visit, context, NULL);
}

/* That those before can be read was seen a moment ago. */
static size_t write_entries(struct json_writer *json, const struct export_plan *plan,
                            const struct buf *before, bool full)
{
    struct writing writing = {plan, json, full, plan->n_roots};

    json_writer_array(json, "manifests");
    if (before)
        json_free(each_old(before, keep_old, &writing));
    for (size_t i = 0; i < plan->n_roots; i++)
        write_root(json, &plan->roots[i], full);
    json_writer_end(json);
    return writing.n;
}

/* How many entries it has. */
static size_t write_index(const struct export_plan *plan, const struct buf *before, bool full,
                          bool incomplete, struct buf *out)
{
    struct json_writer json = json_writer_begin(out);

    json_writer_object(&json, NULL);
    json_writer_number(&json, "schemaVersion", 2);
    json_writer_string(&json, "mediaType", MEDIA_TYPE_OCI_INDEX);
    size_t n = write_entries(&json, plan, before, full);
    if (plan->left_out > 0 || plan->missing > 0 || incomplete) {
        json_writer_object(&json, "annotations");
        json_writer_string(&json, EXPORT_INDEX_INCOMPLETE, "true");
        json_writer_end(&json);
    }
    json_writer_end(&json);
    buf_addc(out, '\n');
    return n;
}

static int too_many(const char *label, size_t n, size_t most, struct err *err)
{
    return err_set(
        err, ERR_USAGE,
        "index.json would have %zu %s, and an import takes %zu: export some repositories "
        "at a time, each time to another place",
        n, label, most);
}

int export_index_check(const struct export_plan *plan, struct err *err)
{
    if (plan->n_roots <= SAVED_ENTRIES_MAX)
        return 0;
    return too_many("entries", plan->n_roots, SAVED_ENTRIES_MAX, err);
}

int export_index(const struct export_plan *plan, const struct buf *before, struct buf *out,
                 struct err *err)
{
    struct writing looking = {.plan = plan, .full = is_of_several(plan)};
    bool incomplete = false;

    if (before) {
        struct json *json = each_old(before, look_at_old, &looking);
        bool is_index = json_is_array(json_get(json, "manifests"));
        incomplete = annotation(json, EXPORT_INDEX_INCOMPLETE) != NULL;
        json_free(json);
        if (!is_index)
            return err_set(err, ERR_IO,
                           "index.json in that directory is no image index: choose another "
                           "directory, or remove it");
    }
    size_t n = write_index(plan, before, looking.full, incomplete, out);
    if (n > SAVED_ENTRIES_MAX)
        return too_many("entries", n, SAVED_ENTRIES_MAX, err);
    if (out->len > SAVED_LENGTH_MAX)
        return too_many("bytes", out->len, SAVED_LENGTH_MAX, err);
    return 0;
}
