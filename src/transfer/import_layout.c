/* SPDX-License-Identifier: Apache-2.0
 * L4: import: OCI image layouts. */
#include "transfer/import_layout.h"

#include "base/array.h"
#include "oci/digest_map.h"
#include "oci/digester.h"
#include "oci/manifest.h"
#include "transfer/import_part.h"

#include <stdlib.h>
#include <string.h>

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
                         const struct digest *subject, const struct digest *digest, bool is_listed)
{
    uint32_t *seen = digest_map_put(&layout->referrers, digest);

    if (*seen)
        return;
    import_found_add_referrer(found, layout->prefix, subject, digest, is_listed);
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
static int look_at(struct import *import, struct layout *layout, struct import_found_image *image,
                   struct err *err)
{
    AUTO_BUF bytes = BUF_INIT;
    AUTO_MANIFEST manifest = {0};

    int there = import_part_manifest(import, image, &image->digest, &bytes, err);
    if (there <= 0)
        return there; /* import_plan says what is missing */
    if (manifest_parse(&manifest, bytes.s, bytes.len, err) < 0)
        return -1;
    if (manifest.has_subject)
        add_referrer(&import->found, layout, &manifest.subject, &image->digest, true);
    for (size_t i = 0; i < manifest.n_references; i++)
        if (manifest.references[i].role == DESCRIPTOR_CHILD)
            *digest_map_put(&layout->children, &manifest.references[i].digest) = 1;
    image->may_be_partial = manifest.is_index && layout->by_docker && image->n_exact == 0;
    if (manifest.n_references == 0 || manifest.references[0].role != DESCRIPTOR_CONFIG)
        return 0;
    struct saved_image *saved = saved_with_config(layout, &manifest.references[0].digest);
    if (saved && image->names.n == 0 && image->n_exact == 0)
        import_found_add_names(image, &saved->names);
    if (is_made_by_docker(saved, &manifest) && import->request->compress != COMPRESS_NONE) {
        image->saved = saved;
        image->saved_as_oci = !strcmp(manifest.media_type, MEDIA_TYPE_OCI_MANIFEST);
    }
    return 0;
}

/* `berth export` says exactly from which repository it is. */
static int take_exact(struct import_found_image *image, const struct saved_entry *entry,
                      struct err *err)
{
    struct image_name exact = {.has_tag = entry->ref != NULL};
    const char *colon = entry->ref ? strrchr(entry->ref, ':') : NULL;
    const char *tag = colon ? colon + 1 : entry->ref;

    if (name_parse(&exact.name, entry->repository, strlen(entry->repository), err) < 0 ||
        (tag && tag_parse(&exact.tag, tag, strlen(tag), err) < 0))
        return -1;
    *ARRAY_ADD(image->exact, image->n_exact) = exact;
    return 0;
}

/* A name may be whole or, as the specification has it, a tag alone. */
static void take_names(struct import_found_image *image, const struct saved_entry *entry)
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

    int found = source_find(scan->import->source, name, &file, err);
    if (found <= 0)
        return found;
    bool small = file.size <= (int64_t)scan->import->options->manifest_limit;
    ssize_t n = small ? source_file_read(&file, 0, &first, 1, err) : 0;
    source_file_close(&file);
    if (n <= 0 || first != '{')
        return n < 0 ? -1 : 0;
    if (source_read(scan->import->source, name, (size_t)file.size, &bytes, err) < 0)
        return -1;
    if (!strstr(bytes.s, "\"subject\"") ||
        manifest_parse(&manifest, bytes.s, bytes.len, NULL) < 0 || !manifest.has_subject)
        return 0;
    enum digest_algorithm algorithm = strstr(name, "/sha512/") ? DIGEST_SHA512 : DIGEST_SHA256;
    digester_of(&digest, algorithm, bytes.s, bytes.len);
    if (!strcmp(strrchr(name, '/') + 1, digest_hex(&digest))) /* else it is nobody's */
        add_referrer(&scan->import->found, scan->layout, &manifest.subject, &digest, false);
    return 0;
}

/* Whether the layout has the manifest. A child may be a layer, which is in several images: what
 * refers to that goes where the layout says. */
static int in_layout(struct import *import, const struct layout *layout,
                     const struct import_found_image *image, const struct digest *digest,
                     struct err *err)
{
    if (digest_map_get(&layout->known, digest) || digest_map_get(&layout->referrers, digest))
        return 1;
    if (!digest_map_get(&layout->children, digest))
        return 0;
    return import_part_is_manifest(import, image, digest, err);
}

/* Images that nobody named and that come with another one are not images of their own. */
static int settle(struct import *import, const struct layout *layout, size_t first, struct err *err)
{
    struct import_found *found = &import->found;
    size_t kept = first;
    int result = 0;

    for (size_t i = first; i < found->n; i++) {
        struct import_found_image *image = &found->v[i];
        bool nameless = !import_found_is_named(image);
        bool is_child = digest_map_get(&layout->children, &image->digest) != NULL;
        const uint32_t *number = digest_map_get(&layout->referrers, &image->digest);
        int subject_is_here = 0;
        if (number && result == 0)
            subject_is_here =
                in_layout(import, layout, image, &found->referrers[*number - 1].subject, err);
        if (subject_is_here < 0)
            result = -1; /* and all the rest stays, to be freed */
        image->is_referrer = nameless && number;
        if (image->saved && !is_child && !digest_map_get(&layout->subjects, &image->digest))
            image->form = IMPORT_FOUND_SAVED;
        bool comes_along = nameless && (subject_is_here > 0 || (is_child && image->n_exact == 0));
        if (comes_along)
            free(image->exact);
        else
            found->v[kept++] = *image;
    }
    found->n = kept;
    return result;
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
            struct import_found_image *added =
                import_found_add(found, IMPORT_FOUND_LAYOUT, layout->prefix);
            added->digest = entry->digest;
            added->size = entry->size;
            *number = (uint32_t)(found->n - first);
        }
        struct import_found_image *image = &found->v[first + *number - 1];
        if (!entry->repository)
            take_names(image, entry);
        else if (take_exact(image, entry, err) < 0)
            return -1;
    }
    for (size_t i = first; i < found->n; i++)
        if (look_at(import, layout, &found->v[i], err) < 0)
            return -1;
    buf_addf(&blobs, "%sblobs", layout->prefix);
    if (source_each(import->source, blobs.s, look_for_subject, &scan, err) < 0)
        return -1;
    return settle(import, layout, first, err);
}

/* `berth export` says all names in index.json; its manifest.json, which docker reads, may be longer
 * than any that docker writes. */
static bool is_exact(const struct saved_index *index)
{
    for (size_t i = 0; i < index->n; i++)
        if (!index->v[i].repository)
            return false;
    return index->n > 0;
}

int import_layout_find(struct import *import, const char *prefix, const struct buf *text,
                       struct err *err)
{
    AUTO_SAVED_INDEX index = {0};
    AUTO_BUF saved_text = BUF_INIT;
    struct layout layout = {.prefix = prefix};
    struct saved_images saved;

    if (saved_index_parse(&index, text->s, text->len, err) < 0)
        return -1;
    int has_saved = 0;
    if (!is_exact(&index))
        has_saved = import_part_document(import, prefix, "manifest.json", &saved_text, err);
    if (has_saved < 0)
        return -1;
    if (has_saved && saved_images_are_there(saved_text.s, saved_text.len)) {
        if (saved_images_parse(&saved, saved_text.s, saved_text.len, err) < 0)
            return -1;
        layout.saved = import_found_keep(&import->found, &saved);
        layout.by_docker = !index.incomplete;
    }
    int result = find_in_layout(import, &layout, &index, err);
    digest_map_free(&layout.known);
    digest_map_free(&layout.children);
    digest_map_free(&layout.referrers);
    digest_map_free(&layout.subjects);
    return result;
}
