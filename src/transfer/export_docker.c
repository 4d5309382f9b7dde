/* SPDX-License-Identifier: Apache-2.0
 * L4: export: docker's manifest.json. */
#include "transfer/export_docker.h"

#include "base/array.h"
#include "base/json_writer.h"
#include "registry/pull.h"
#include "store/blob.h"
#include "transfer/export_platform.h"

#include <stdlib.h>
#include <string.h>

/* An image under all its names. */
struct image {
    struct digest digest;
    struct strings names;
};

struct images {
    struct image *v;
    size_t n;
    struct digest_map numbers; /* index in v, and one more */
    size_t unfit;              /* have no image of the platform */
    size_t zstd;
};

void export_docker_name(const struct export_plan_root *root, struct buf *out)
{
    const char *slash = strchr(root->repository, '/');
    size_t first = slash ? (size_t)(slash - root->repository) : 0;
    bool has_host =
        slash && (memchr(root->repository, '.', first) ||
                  (first == strlen("localhost") && !strncmp(root->repository, "localhost", first)));

    buf_addf(out, "%s%s:%s",
             has_host ? ""
             : slash  ? "docker.io/"
                      : "docker.io/library/",
             root->repository, root->tag);
}

static void add_image(struct images *images, const struct digest *digest,
                      const struct export_plan_root *root)
{
    AUTO_BUF name = BUF_INIT;
    uint32_t *number = digest_map_put(&images->numbers, digest);

    if (*number == 0) {
        *ARRAY_ADD(images->v, images->n) = (struct image){.digest = *digest};
        *number = (uint32_t)images->n;
    }
    struct image *image = &images->v[*number - 1];
    if (!root->tag)
        return;
    export_docker_name(root, &name);
    strings_add(&image->names, name.s);
}

/* 1; 0: it is no manifest. */
static int read_manifest(const struct store *store, const struct digest *digest,
                         struct manifest *manifest, struct err *err)
{
    struct err failure;

    int found = blob_parse_manifest(store, digest, store->manifest_limit, JSON_BYTES_MAX, manifest,
                                    NULL, &failure);
    if (found < 0 && failure.code != ERR_MANIFEST_INVALID && failure.code != ERR_MANIFEST_TOO_LARGE)
        return err_copy(err, &failure);
    if (found > 0 && manifest->is_obsolete)
        manifest_free(manifest);
    return found > 0 && manifest->json;
}

/* Of an index the image that fits the platform: 1, or 0: it has none. */
static int find_child(const struct export_plan *plan, const struct export_plan_root *root,
                      const struct manifest *index, struct digest *digest, struct err *err)
{
    AUTO_EXPORT_PLATFORMS platforms = {0};
    struct name name;

    if (name_parse(&name, root->repository, strlen(root->repository), err) < 0 ||
        export_platform_list(plan->options->registry, &name, index, &platforms, err) < 0)
        return -1;
    const struct export_platform *best = export_platform_best(&platforms, &plan->request->platform);
    if (best)
        *digest = best->digest;
    return best != NULL;
}

static int find_image(const struct export_plan *plan, const struct export_plan_root *root,
                      struct images *images, struct err *err)
{
    AUTO_MANIFEST manifest = {0};
    struct digest digest = root->digest;

    if (!root->is_image || root->is_referrer)
        return 0;
    int found = read_manifest(plan->options->registry->store, &root->digest, &manifest, err);
    if (found <= 0)
        return found;
    if (manifest.is_index) {
        found = find_child(plan, root, &manifest, &digest, err);
        images->unfit += found == 0;
        if (found <= 0)
            return found;
    }
    add_image(images, &digest, root);
    return 0;
}

/* Whether all of it is written: what was left out cannot be loaded. */
static bool is_whole(const struct export_plan *plan, const struct manifest *manifest)
{
    int64_t size;

    for (size_t i = 0; i < manifest->n_references; i++) {
        const struct descriptor *reference = &manifest->references[i];
        if (!digest_map_get(&plan->known, &reference->digest) ||
            (plan->request->have && digest_map_get(plan->request->have, &reference->digest)) ||
            (reference->has_urls &&
             blob_stat(plan->options->registry->store, &reference->digest, &size, NULL) <= 0))
            return false;
    }
    return true;
}

static void write_path(struct json_writer *json, const char *key, const struct digest *digest)
{
    json_writer_stringf(json, key, "blobs/%s/%s", digest_algorithm_name(digest->algorithm),
                        digest_hex(digest));
}

static bool ends_in(const char *s, const char *end)
{
    return s && strlen(s) >= strlen(end) && !strcmp(s + strlen(s) - strlen(end), end);
}

static void write_image(struct json_writer *json, const struct image *image,
                        const struct manifest *manifest)
{
    json_writer_object(json, NULL);
    write_path(json, "Config", &manifest->references[0].digest);
    if (image->names.n) {
        json_writer_array(json, "RepoTags");
        for (size_t i = 0; i < image->names.n; i++)
            json_writer_string(json, NULL, image->names.v[i]);
        json_writer_end(json);
    } else {
        json_writer_null(json, "RepoTags");
    }
    json_writer_array(json, "Layers");
    for (size_t i = 1; i < manifest->n_references; i++)
        write_path(json, NULL, &manifest->references[i].digest);
    json_writer_end(json);
    json_writer_end(json);
}

static bool has_zstd(const struct manifest *manifest)
{
    for (size_t i = 1; i < manifest->n_references; i++)
        if (ends_in(manifest->references[i].media_type, "+zstd"))
            return true;
    return false;
}

/* 1; 0: it is none that docker could load. */
static int add_entry(const struct export_plan *plan, struct images *images,
                     const struct image *image, struct json_writer *json, struct err *err)
{
    AUTO_MANIFEST manifest = {0};

    int found = read_manifest(plan->options->registry->store, &image->digest, &manifest, err);
    if (found <= 0 || !export_plan_is_image(&manifest) || !is_whole(plan, &manifest))
        return found < 0 ? -1 : 0;
    write_image(json, image, &manifest);
    images->zstd += has_zstd(&manifest);
    return 1;
}

static void say_what_does_not_load(const struct export_plan *plan, const struct images *images)
{
    char platform[PLATFORM_TEXT_SIZE];

    platform_text(platform, &plan->request->platform);
    if (images->unfit)
        transfer_note(plan->options,
                      "%zu of the images are not for %s: podman and docker with containerd load "
                      "them, docker without it does not",
                      images->unfit, platform);
    if (images->zstd)
        transfer_note(plan->options,
                      "%zu of the images have layers packed with zstd, which docker before "
                      "version 23 cannot load",
                      images->zstd);
}

static int add_entries(const struct export_plan *plan, struct images *images, struct buf *out,
                       struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);
    bool any = false;

    json_writer_array(&json, NULL);
    for (size_t i = 0; i < images->n; i++) {
        int added = add_entry(plan, images, &images->v[i], &json, err);
        if (added < 0)
            return -1;
        any = any || added;
    }
    json_writer_end(&json);
    if (any)
        buf_addf(out, "%s\n", text.s);
    return 0;
}

int export_docker(const struct export_plan *plan, struct buf *out, struct err *err)
{
    struct images images = {0};
    int result = 0;

    for (size_t i = 0; i < plan->n_roots && result == 0; i++)
        result = find_image(plan, &plan->roots[i], &images, err);
    if (result == 0)
        result = add_entries(plan, &images, out, err);
    if (result == 0)
        say_what_does_not_load(plan, &images);
    for (size_t i = 0; i < images.n; i++)
        strings_free(&images.v[i].names);
    free(images.v);
    digest_map_free(&images.numbers);
    return result;
}
