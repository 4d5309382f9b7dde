/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth export`: manifest.json, by which docker without containerd's image store, podman and
 * skopeo's docker-archive find images in a tar. It points at the layout's blobs, and its layers may
 * be compressed: docker 20.10 takes both. */
#include "transfer/export.h"

#include "base/mem.h"
#include "registry/pull.h"
#include "store/blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An image under all its names. */
struct image {
    struct digest digest;
    struct buf names; /* as JSON, with commas between */
};

struct images {
    struct image *v;
    size_t n;
    struct digest_map numbers; /* index in v, and one more */
    size_t unfit;              /* have no image of the platform */
    size_t zstd;
};

void export_docker_name(const struct export_root *root, struct buf *out)
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
                      const struct export_root *root)
{
    AUTO_BUF name = BUF_INIT;
    uint32_t *number = digest_map_put(&images->numbers, digest);

    if (*number == 0) {
        if ((images->n & (images->n - 1)) == 0) /* the room doubles at each power of two */
            images->v = mem_grow(images->v, images->n ? 2 * images->n : 1, sizeof *images->v);
        images->v[images->n++] = (struct image){.digest = *digest};
        *number = (uint32_t)images->n;
    }
    struct image *image = &images->v[*number - 1];
    if (!root->tag)
        return;
    export_docker_name(root, &name);
    buf_addstr(&image->names, image->names.len ? "," : "");
    json_quote(name.s, &image->names);
}

/* 1; 0: it is no manifest. */
static int read_manifest(const struct store *store, const struct digest *digest,
                         struct manifest *manifest, struct err *err)
{
    AUTO_BUF bytes = BUF_INIT;

    int found = blob_read_manifest(store, digest, &bytes, err);
    if (found <= 0)
        return found;
    return manifest_parse(manifest, bytes.s, bytes.len, NULL) == 0;
}

static int find_image(const struct export_plan *plan, const struct export_root *root,
                      struct images *images, struct err *err)
{
    AUTO_MANIFEST manifest = {0};
    AUTO_BUF listed = BUF_INIT;
    char text[PLATFORM_TEXT_SIZE];
    struct digest digest = root->digest;
    struct name name;

    if (!root->is_image || root->is_referrer)
        return 0;
    int found = read_manifest(plan->registry->store, &root->digest, &manifest, err);
    if (found <= 0)
        return found;
    if (manifest.is_index) {
        if (name_parse(&name, root->repository, strlen(root->repository), err) < 0)
            return -1;
        found = export_pick(plan->registry, &name, &manifest, &plan->platform, &digest, text,
                            &listed, err);
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
        if (digest_map_get(plan->have, &reference->digest) ||
            (reference->has_urls &&
             blob_stat(plan->registry->store, &reference->digest, &size, NULL) <= 0))
            return false;
    }
    return true;
}

static void print_path(const struct digest *digest, struct buf *out)
{
    buf_addf(out, "\"blobs/%s/%s\"", digest_algorithm_name(digest->algorithm), digest_hex(digest));
}

static bool ends_in(const char *s, const char *end)
{
    return s && strlen(s) >= strlen(end) && !strcmp(s + strlen(s) - strlen(end), end);
}

static int print_image(const struct export_plan *plan, struct images *images,
                       const struct image *image, struct buf *out, struct err *err)
{
    AUTO_MANIFEST manifest = {0};
    bool zstd = false;

    int found = read_manifest(plan->registry->store, &image->digest, &manifest, err);
    if (found <= 0 || !export_is_image(&manifest) || !is_whole(plan, &manifest))
        return found < 0 ? -1 : 0;
    buf_addstr(out, out->len > 1 ? ",{\"Config\":" : "{\"Config\":");
    print_path(&manifest.references[0].digest, out);
    buf_addf(out, ",\"RepoTags\":%s%s%s,\"Layers\":[", image->names.len ? "[" : "",
             image->names.len ? image->names.s : "null", image->names.len ? "]" : "");
    for (size_t i = 1; i < manifest.n_references; i++) {
        buf_addstr(out, i > 1 ? "," : "");
        print_path(&manifest.references[i].digest, out);
        zstd = zstd || ends_in(manifest.references[i].media_type, "+zstd");
    }
    buf_addstr(out, "]}");
    images->zstd += zstd;
    return 0;
}

static void say_what_does_not_load(const struct export_plan *plan, const struct images *images)
{
    char platform[PLATFORM_TEXT_SIZE];

    platform_text(platform, &plan->platform);
    if (images->unfit)
        fprintf(stderr,
                "berth: %zu of the images are not for %s: podman and docker with containerd "
                "load them, docker without it does not\n",
                images->unfit, platform);
    if (images->zstd)
        fprintf(stderr,
                "berth: %zu of the images have layers packed with zstd, which docker "
                "before version 23 cannot load\n",
                images->zstd);
}

int export_docker(const struct export_plan *plan, struct buf *out, struct err *err)
{
    struct images images = {0};
    AUTO_BUF text = BUF_INIT;
    int result = 0;

    buf_addc(&text, '[');
    for (size_t i = 0; i < plan->n_roots && result == 0; i++)
        result = find_image(plan, &plan->roots[i], &images, err);
    for (size_t i = 0; i < images.n && result == 0; i++)
        result = print_image(plan, &images, &images.v[i], &text, err);
    if (result == 0) {
        if (text.len > 1)
            buf_addf(out, "%s]\n", text.s);
        say_what_does_not_load(plan, &images);
    }
    for (size_t i = 0; i < images.n; i++)
        buf_free(&images.v[i].names);
    free(images.v);
    digest_map_free(&images.numbers);
    return result;
}
