/* SPDX-License-Identifier: Apache-2.0
 * L1: the documents of archives with images. */
#include "oci/saved.h"

#include "base/array.h"
#include "base/json_each.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define PATH_LEN_MAX 1024
#define TEXT_LEN_MAX 1024

static int invalid(struct err *err, const char *document, const char *what)
{
    return err_set(err, ERR_ARCHIVE_INVALID, "%s: %s", document, what);
}

static struct json *parse(const char *document, const char *bytes, size_t len, struct err *err)
{
    struct err failure;

    struct json *json = json_parse(bytes, len, DEPTH_MAX, &failure);
    if (!json)
        invalid(err, document, failure.msg);
    return json;
}

/* Texts are shown to people, and become names and paths. */
static const char *plain_text(const struct json *json)
{
    const char *s = json_text(json);

    if (!s || strlen(s) > TEXT_LEN_MAX)
        return NULL;
    for (const char *c = s; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return NULL;
    return s;
}

/* A list of texts; one that is missing or null is empty. */
static bool take_texts(const struct json *json, struct strings *texts)
{
    if (json && !json_is_array(json))
        return false;
    for (size_t i = 0; i < json_array_len(json); i++) {
        const char *s = plain_text(json_array_at(json, i));
        if (!s)
            return false;
        strings_add(texts, s);
    }
    return true;
}

static int take_image(struct saved_image *image, const struct json *json, struct err *err)
{
    const char *config = plain_text(json_get(json, "Config"));

    if (!config)
        return invalid(err, "manifest.json", "an image has no Config");
    image->config = mem_strdup(config);
    image->has_sources = json_is_object(json_get(json, "LayerSources"));
    if (!take_texts(json_get(json, "RepoTags"), &image->names))
        return invalid(err, "manifest.json", "RepoTags is no list of texts");
    if (!take_texts(json_get(json, "Layers"), &image->layers))
        return invalid(err, "manifest.json", "Layers is no list of texts");
    return 0;
}

int saved_images_parse(struct saved_images *images, const char *bytes, size_t len, struct err *err)
{
    struct json *json = parse("manifest.json", bytes, len, err);
    int result = 0;

    *images = (struct saved_images){0};
    if (!json)
        return -1;
    if (!json_is_array(json))
        result = invalid(err, "manifest.json", "it is no list of images");
    images->v = mem_alloc((json_array_len(json) + 1) * sizeof *images->v);
    for (size_t i = 0; i < json_array_len(json) && result == 0; i++)
        result = take_image(&images->v[images->n++], json_array_at(json, i), err);
    json_free(json);
    if (result < 0)
        saved_images_free(images);
    return result;
}

void saved_images_free(struct saved_images *images)
{
    for (size_t i = 0; i < images->n; i++) {
        free(images->v[i].config);
        strings_free(&images->v[i].names);
        strings_free(&images->v[i].layers);
    }
    free(images->v);
    *images = (struct saved_images){0};
}

bool saved_images_are_there(const char *bytes, size_t len)
{
    size_t space = 0;

    while (space < len && strchr(" \t\r\n", bytes[space]) && bytes[space])
        space++;
    return space < len && bytes[space] == '[';
}

static char *annotation(const struct json *descriptor, const char *key)
{
    const char *s = plain_text(json_get(json_get(descriptor, "annotations"), key));

    return s && *s ? mem_strdup(s) : NULL;
}

static int take_entry(struct saved_entry *entry, const struct json *json, struct err *err)
{
    const char *digest = json_text(json_get(json, "digest"));

    if (!digest)
        return invalid(err, "index.json", "an entry has no digest");
    if (digest_parse(&entry->digest, digest, strlen(digest), NULL) < 0)
        return invalid(err, "index.json", "an entry has a digest that is none");
    if (!json_size(json_get(json, "size"), &entry->size))
        return invalid(err, "index.json", "an entry has no size");
    entry->name = annotation(json, "io.containerd.image.name");
    entry->ref = annotation(json, "org.opencontainers.image.ref.name");
    entry->repository = annotation(json, "dev.berth.repository");
    return 0;
}

static int visit_entry(void *context, const struct json *json, struct err *err)
{
    struct saved_index *index = context;

    if (index->n == SAVED_ENTRIES_MAX)
        return err_set(err, ERR_ARCHIVE_INVALID, "index.json: it has more than %zu entries",
                       SAVED_ENTRIES_MAX);
    struct saved_entry *entry = ARRAY_ADD(index->v, index->n);
    *entry = (struct saved_entry){0};
    return take_entry(entry, json, err);
}

int saved_index_parse(struct saved_index *index, const char *bytes, size_t len, struct err *err)
{
    struct err failure = {0};
    int result = 0;

    *index = (struct saved_index){0};
    struct json *json = json_each(bytes, len, DEPTH_MAX, "manifests", visit_entry, index, &failure);
    if (!json && failure.code == ERR_ARCHIVE_INVALID)
        result = err_copy(err, &failure);
    else if (!json)
        result = invalid(err, "index.json", failure.msg);
    else if (!json_is_array(json_get(json, "manifests")))
        result = invalid(err, "index.json", "it has no list of manifests");
    index->incomplete = json_get(json_get(json, "annotations"), "dev.berth.incomplete") != NULL;
    json_free(json);
    if (result < 0)
        saved_index_free(index);
    return result;
}

void saved_index_free(struct saved_index *index)
{
    for (size_t i = 0; i < index->n; i++) {
        free(index->v[i].name);
        free(index->v[i].ref);
        free(index->v[i].repository);
    }
    free(index->v);
    *index = (struct saved_index){0};
}

int saved_diff_ids_parse(struct strings *diff_ids, const char *bytes, size_t len, struct err *err)
{
    struct json *json = parse("the configuration", bytes, len, err);

    if (!json)
        return -1;
    const struct json *list = json_get(json_get(json, "rootfs"), "diff_ids");
    bool valid = take_texts(list, diff_ids) && json_is_object(json);
    json_free(json);
    for (size_t i = 0; i < diff_ids->n && valid; i++) {
        struct digest digest;
        valid = digest_parse(&digest, diff_ids->v[i], strlen(diff_ids->v[i]), NULL) == 0;
    }
    return valid ? 0 : invalid(err, "the configuration", "rootfs.diff_ids is no list of digests");
}

/* Takes the last component off. False: there is none. */
static bool pop(struct buf *path, size_t start)
{
    if (path->len == start)
        return false;
    while (path->len > start && path->s[--path->len] != '/')
        ;
    path->s[path->len] = '\0';
    return true;
}

static void push(struct buf *path, size_t start, const char *component, size_t len)
{
    if (path->len > start)
        buf_addc(path, '/');
    buf_add(path, component, len);
}

static bool add_path(struct buf *out, size_t start, const char *path, bool may_climb)
{
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    if (*path == '/' || strlen(path) > PATH_LEN_MAX)
        return false;
    while (*path) {
        size_t len = strcspn(path, "/");
        if (len == 2 && !memcmp(path, "..", 2)) {
            if (!may_climb || !pop(out, start))
                return false;
        } else if (len > 0 && (len != 1 || *path != '.')) {
            push(out, start, path, len);
        }
        path += len + (path[len] == '/');
    }
    return true;
}

bool saved_path(struct buf *out, const char *path, const char *link_at)
{
    size_t start = out->len;

    buf_addstr(out, "");
    if (link_at) {
        if (!add_path(out, start, link_at, false))
            return false;
        pop(out, start);
    }
    return add_path(out, start, path, link_at != NULL) && out->len - start <= PATH_LEN_MAX;
}
