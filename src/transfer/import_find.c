/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth import`: which images a directory or an archive holds. It goes by content, not by the
 * names that users gave to files. */
#include "transfer/import.h"

#include "base/mem.h"
#include "oci/digester.h"
#include "store/blob.h"

#include <stdlib.h>
#include <string.h>

static void *grown(void *items, size_t n, size_t size)
{
    return (n & (n - 1)) == 0 ? mem_grow(items, n ? 2 * n : 1, size) : items;
}

static struct import_image *add_image(struct import_found *found, enum import_form form,
                                      const char *prefix)
{
    found->v = grown(found->v, found->n, sizeof *found->v);
    struct import_image *image = &found->v[found->n++];
    *image = (struct import_image){.form = form, .prefix = prefix, .size = -1};
    return image;
}

void import_found_free(struct import_found *found)
{
    for (size_t i = 0; i < found->n; i++) {
        strings_free(&found->v[i].names);
        strings_free(&found->v[i].tags);
        free(found->v[i].exact);
        free(found->v[i].targets);
    }
    free(found->v);
    for (size_t i = 0; i < found->n_saved; i++)
        saved_images_free(&found->saved[i]);
    free(found->saved);
    free(found->referrers);
    arena_free(&found->texts);
    *found = (struct import_found){0};
}

/* Reads a document beside an image's files. 0: there is none. */
static int read_document(struct import *import, const char *prefix, const char *name,
                         struct buf *text, struct err *err)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s%s", prefix, name);
    return source_read(&import->source, path.s, SAVED_LENGTH_MAX, text, err);
}

/* Keeps a parsed manifest.json for the images that point into it. */
static struct saved_images *keep_saved(struct import_found *found, const struct saved_images *saved)
{
    found->saved = grown(found->saved, found->n_saved, sizeof *found->saved);
    found->saved[found->n_saved] = *saved;
    return &found->saved[found->n_saved++];
}

static void copy_names(struct strings *to, const struct strings *from)
{
    for (size_t i = 0; i < from->n; i++)
        strings_add(to, from->v[i]);
}

static int find_saved(struct import *import, const char *prefix, const struct buf *text,
                      struct err *err)
{
    struct saved_images parsed;

    if (saved_images_parse(&parsed, text->s, text->len, err) < 0)
        return -1;
    struct saved_images *saved = keep_saved(&import->found, &parsed);
    for (size_t i = 0; i < saved->n; i++) {
        struct import_image *image = add_image(&import->found, IMPORT_SAVED, prefix);
        image->saved = &saved->v[i];
        copy_names(&image->names, &saved->v[i].names);
    }
    return 0;
}

/* skopeo's directories have the image's name themselves. */
static void name_after_directory(const struct import *import, struct import_image *image)
{
    AUTO_BUF name = BUF_INIT;
    AUTO_BUF shown = BUF_INIT;
    size_t len = strlen(image->prefix);

    if (len > 0) {
        buf_add(&name, image->prefix, len - 1);
    } else if (import->source.is_directory) {
        const char *path = import->source.path;
        for (len = strlen(path); len > 0 && path[len - 1] == '/'; len--)
            ;
        buf_add(&name, path, len);
        char *slash = strrchr(name.s, '/');
        if (slash)
            memmove(name.s, slash + 1, strlen(slash));
    }
    const char *last = name.s ? strrchr(name.s, '/') : NULL;
    if (name.s && strpbrk(last ? last : name.s, ":@") && saved_path(&shown, name.s, NULL))
        strings_add(&image->names, name.s);
}

static int find_directory(struct import *import, const char *prefix, const struct buf *text,
                          struct err *err)
{
    AUTO_MANIFEST manifest = {0};

    if ((int64_t)text->len > import->conf->manifest_limit)
        return err_set(err, ERR_MANIFEST_TOO_LARGE, "%smanifest.json", prefix);
    if (manifest_parse(&manifest, text->s, text->len, err) < 0)
        return -1;
    struct import_image *image = add_image(&import->found, IMPORT_DIRECTORY, prefix);
    digester_of(&image->digest, DIGEST_SHA256, text->s, text->len);
    image->size = (int64_t)text->len;
    name_after_directory(import, image);
    return 0;
}

/* What is known of the manifests of a layout while its images are being made out. */
struct layout {
    const char *prefix;
    struct saved_images *saved; /* NULL: no manifest.json */
    bool by_docker;
    struct digest_map known; /* entries: number of the image, from 1 */
    struct digest_map children;
    struct digest_map referrers; /* number in found->referrers, from 1 */
    struct digest_map subjects;
};

static void add_referrer(struct import_found *found, struct layout *layout,
                         const struct digest *subject, const struct digest *digest)
{
    uint32_t *seen = digest_map_put(&layout->referrers, digest);

    if (*seen)
        return;
    found->referrers = grown(found->referrers, found->n_referrers, sizeof *found->referrers);
    found->referrers[found->n_referrers++] =
        (struct import_referrer){layout->prefix, *subject, *digest};
    *seen = (uint32_t)found->n_referrers;
    *digest_map_put(&layout->subjects, subject) = 1;
}

/* The entry of manifest.json that has this configuration. */
static struct saved_image *saved_with_config(const struct layout *layout,
                                             const struct digest *config)
{
    for (size_t i = 0; layout->saved && i < layout->saved->n; i++) {
        const char *path = layout->saved->v[i].config;
        const char *slash = strrchr(path, '/');
        if (!strcmp(slash ? slash + 1 : path, digest_hex(config)))
            return &layout->saved->v[i];
    }
    return NULL;
}

static bool is_uncompressed(const struct descriptor *layer)
{
    static const char *const types[] = {"application/vnd.oci.image.layer.v1.tar",
                                        "application/vnd.docker.image.rootfs.diff.tar"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (layer->media_type && !strcmp(layer->media_type, types[i]))
            return true;
    return false;
}

/* docker makes the manifests of what it saves from its graph driver for that archive alone, with
 * layers as they are on its disk. Nobody knows their digests, so such layers can be compressed. */
static bool is_made_by_docker(const struct saved_image *saved, const struct manifest *manifest)
{
    if (!saved || !saved->has_sources || manifest->is_index || manifest->has_subject)
        return false;
    for (size_t i = 0; i < manifest->n_references; i++)
        if (manifest->references[i].role == DESCRIPTOR_LAYER &&
            !is_uncompressed(&manifest->references[i]))
            return false;
    return true;
}

/* What an entry's manifest says about the layout. */
static int look_at(struct import *import, struct layout *layout, struct import_image *image,
                   struct err *err)
{
    AUTO_BUF bytes = BUF_INIT;
    AUTO_MANIFEST manifest = {0};

    int there = import_read_manifest(import, image, &image->digest, &bytes, err);
    if (there <= 0)
        return there; /* import_plan says what is missing */
    if (manifest_parse(&manifest, bytes.s, bytes.len, err) < 0)
        return -1;
    if (manifest.has_subject)
        add_referrer(&import->found, layout, &manifest.subject, &image->digest);
    for (size_t i = 0; i < manifest.n_references; i++)
        if (manifest.references[i].role == DESCRIPTOR_CHILD)
            *digest_map_put(&layout->children, &manifest.references[i].digest) = 1;
    image->may_be_partial = manifest.is_index && layout->by_docker && image->n_exact == 0;
    if (manifest.n_references == 0 || manifest.references[0].role != DESCRIPTOR_CONFIG)
        return 0;
    struct saved_image *saved = saved_with_config(layout, &manifest.references[0].digest);
    if (saved && image->names.n == 0 && image->n_exact == 0)
        copy_names(&image->names, &saved->names);
    if (is_made_by_docker(saved, &manifest) && import->compress != COMPRESS_NONE) {
        image->saved = saved;
        image->saved_as_oci = !strcmp(manifest.media_type, MEDIA_TYPE_OCI_MANIFEST);
    }
    return 0;
}

/* `berth export` says exactly from which repository it is. */
static int take_exact(struct import_image *image, const struct saved_entry *entry, struct err *err)
{
    struct image_name exact = {.has_tag = entry->ref != NULL};
    const char *colon = entry->ref ? strrchr(entry->ref, ':') : NULL;
    const char *tag = colon ? colon + 1 : entry->ref;

    if (name_parse(&exact.name, entry->repository, strlen(entry->repository), err) < 0 ||
        (tag && tag_parse(&exact.tag, tag, strlen(tag), err) < 0))
        return -1;
    image->exact = mem_grow(image->exact, image->n_exact + 1, sizeof *image->exact);
    image->exact[image->n_exact++] = exact;
    return 0;
}

/* A name may be whole or, as the specification has it, a tag alone. */
static void take_names(struct import_image *image, const struct saved_entry *entry)
{
    if (entry->name)
        strings_add(&image->names, entry->name);
    else if (entry->ref)
        strings_add(strpbrk(entry->ref, "/:@") ? &image->names : &image->tags, entry->ref);
}

/* Manifests with a subject need not be listed in index.json. */
struct blob_scan {
    struct import *import;
    struct layout *layout;
};

static int look_for_subject(void *context, const char *name, struct err *err)
{
    struct blob_scan *scan = context;
    AUTO_BUF bytes = BUF_INIT;
    AUTO_MANIFEST manifest = {0};
    struct digest digest;
    struct source_file file;
    char first = 0;

    int found = source_find(&scan->import->source, name, &file, err);
    if (found <= 0)
        return found;
    bool small = file.size <= scan->import->conf->manifest_limit;
    ssize_t n = small ? source_file_read(&file, 0, &first, 1, err) : 0;
    source_file_close(&file);
    if (n <= 0 || first != '{')
        return n < 0 ? -1 : 0;
    if (source_read(&scan->import->source, name, (size_t)file.size, &bytes, err) < 0)
        return -1;
    if (!strstr(bytes.s, "\"subject\"") ||
        manifest_parse(&manifest, bytes.s, bytes.len, NULL) < 0 || !manifest.has_subject)
        return 0;
    enum digest_algorithm algorithm = strstr(name, "/sha512/") ? DIGEST_SHA512 : DIGEST_SHA256;
    digester_of(&digest, algorithm, bytes.s, bytes.len);
    if (!strcmp(strrchr(name, '/') + 1, digest_hex(&digest))) /* else it is nobody's */
        add_referrer(&scan->import->found, scan->layout, &manifest.subject, &digest);
    return 0;
}

static int compare_referrers(const void *a, const void *b)
{
    const struct import_referrer *left = a, *right = b;
    int order = strcmp(left->subject.s, right->subject.s);

    return order ? order : strcmp(left->digest.s, right->digest.s);
}

static bool in_layout(const struct layout *layout, const struct digest *digest)
{
    return digest_map_get(&layout->known, digest) || digest_map_get(&layout->children, digest) ||
           digest_map_get(&layout->referrers, digest);
}

static bool has_tag(const struct import_image *image)
{
    for (size_t i = 0; i < image->n_exact; i++)
        if (image->exact[i].has_tag)
            return true;
    return image->names.n > 0 || image->tags.n > 0;
}

/* Images that nobody named and that come with another one are not images of their own. */
static void settle(struct import_found *found, const struct layout *layout, size_t first)
{
    size_t kept = first;

    for (size_t i = first; i < found->n; i++) {
        struct import_image *image = &found->v[i];
        bool nameless = !has_tag(image);
        bool is_child = digest_map_get(&layout->children, &image->digest) != NULL;
        const uint32_t *number = digest_map_get(&layout->referrers, &image->digest);
        bool has_subject_here = number && in_layout(layout, &found->referrers[*number - 1].subject);
        image->is_referrer = nameless && number;
        if (image->saved && !is_child && !digest_map_get(&layout->subjects, &image->digest))
            image->form = IMPORT_SAVED;
        bool comes_along = nameless && (has_subject_here || (is_child && image->n_exact == 0));
        if (comes_along)
            free(image->exact);
        else
            found->v[kept++] = *image;
    }
    found->n = kept;
}

static int find_in_layout(struct import *import, struct layout *layout,
                          const struct saved_index *index, struct err *err)
{
    struct import_found *found = &import->found;
    size_t first = found->n;
    struct blob_scan scan = {import, layout};
    AUTO_BUF blobs = BUF_INIT;

    for (size_t i = 0; i < index->n; i++) {
        const struct saved_entry *entry = &index->v[i];
        uint32_t *number = digest_map_put(&layout->known, &entry->digest);
        if (*number == 0) {
            struct import_image *added = add_image(found, IMPORT_LAYOUT, layout->prefix);
            added->digest = entry->digest;
            added->size = entry->size;
            *number = (uint32_t)(found->n - first);
        }
        struct import_image *image = &found->v[first + *number - 1];
        if (!entry->repository)
            take_names(image, entry);
        else if (take_exact(image, entry, err) < 0)
            return -1;
    }
    for (size_t i = first; i < found->n; i++)
        if (look_at(import, layout, &found->v[i], err) < 0)
            return -1;
    buf_addf(&blobs, "%sblobs", layout->prefix);
    if (source_each(&import->source, blobs.s, look_for_subject, &scan, err) < 0)
        return -1;
    settle(found, layout, first);
    return 0;
}

static int find_layout(struct import *import, const char *prefix, const struct buf *text,
                       struct err *err)
{
    AUTO_SAVED_INDEX index = {0};
    AUTO_BUF saved_text = BUF_INIT;
    struct layout layout = {.prefix = prefix};
    struct saved_images saved;

    int has_saved = read_document(import, prefix, "manifest.json", &saved_text, err);
    if (has_saved < 0 || saved_index_parse(&index, text->s, text->len, err) < 0)
        return -1;
    if (has_saved && saved_images_are_there(saved_text.s, saved_text.len)) {
        if (saved_images_parse(&saved, saved_text.s, saved_text.len, err) < 0)
            return -1;
        layout.saved = keep_saved(&import->found, &saved);
        layout.by_docker = !index.incomplete;
    }
    int result = find_in_layout(import, &layout, &index, err);
    digest_map_free(&layout.known);
    digest_map_free(&layout.children);
    digest_map_free(&layout.referrers);
    digest_map_free(&layout.subjects);
    return result;
}

/* Looks for images at a place. 0: there is nothing known. */
static int find_at(struct import *import, const char *prefix, struct err *err)
{
    AUTO_BUF index = BUF_INIT;
    AUTO_BUF manifest = BUF_INIT;

    int found = read_document(import, prefix, "index.json", &index, err);
    if (found < 0)
        return -1;
    if (found)
        return find_layout(import, prefix, &index, err) < 0 ? -1 : 1;
    found = read_document(import, prefix, "manifest.json", &manifest, err);
    if (found <= 0)
        return found;
    found = saved_images_are_there(manifest.s, manifest.len)
                ? find_saved(import, prefix, &manifest, err)
                : find_directory(import, prefix, &manifest, err);
    return found < 0 ? -1 : 1;
}

static int note_place(void *context, const char *name, struct err *err)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    AUTO_BUF prefix = BUF_INIT;

    (void)err;
    if (strcmp(base, "index.json") != 0 && strcmp(base, "manifest.json") != 0)
        return 0;
    buf_add(&prefix, name, (size_t)(base - name));
    strings_add(context, prefix.s);
    return 0;
}

/* The places below the top where there are images, such as those of skopeo sync, the outermost. */
static int find_below(struct import *import, struct err *err)
{
    AUTO_STRINGS places = {0};
    const char *last = NULL;

    if (source_each(&import->source, "", note_place, &places, err) < 0)
        return -1;
    strings_sort(&places);
    for (size_t i = 0; i < places.n; i++) {
        if (last && !strncmp(places.v[i], last, strlen(last)))
            continue;
        last = arena_strndup(&import->found.texts, places.v[i], strlen(places.v[i]));
        if (find_at(import, last, err) < 0)
            return -1;
    }
    return import->found.n > 0;
}

int import_find(struct import *import, struct err *err)
{
    struct source_file file;
    struct import_found *found = &import->found;

    int there = find_at(import, "", err);
    if (there == 0)
        there = find_below(import, err);
    if (there < 0)
        return -1;
    if (found->n_referrers)
        qsort(found->referrers, found->n_referrers, sizeof *found->referrers, compare_referrers);
    if (found->n > 0)
        return 0;
    int old = source_find(&import->source, "repositories", &file, err);
    if (old > 0) {
        source_file_close(&file);
        return err_set(err, ERR_ARCHIVE_INVALID,
                       "saved by a docker before 1.10: load and save it with a newer one");
    }
    return old < 0 ? -1
                   : err_set(err, ERR_ARCHIVE_INVALID,
                             "there is no image: neither index.json of an OCI layout, nor "
                             "manifest.json of docker save or skopeo");
}
