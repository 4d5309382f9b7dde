/* SPDX-License-Identifier: Apache-2.0
 * L4: import: images of docker save, which come without a manifest for registries. */
#include "transfer/import_saved.h"

#include "base/amount.h"
#include "base/array.h"
#include "base/json_writer.h"
#include "base/mem.h"
#include "oci/digester.h"
#include "oci/manifest.h"
#include "registry/push_blob.h"
#include "transfer/import_layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX ((size_t)16 << 20)

int import_saved_find(struct import *import, const char *prefix, const struct buf *text,
                      struct err *err)
{
    struct saved_images parsed;

    if (saved_images_parse(&parsed, text->s, text->len, err) < 0)
        return -1;
    struct saved_images *saved = import_found_keep(&import->found, &parsed);
    for (size_t i = 0; i < saved->n; i++) {
        struct import_found_image *image =
            import_found_add(&import->found, IMPORT_FOUND_SAVED, prefix);
        image->saved = &saved->v[i];
        import_found_add_names(image, &saved->v[i].names);
    }
    return 0;
}

/* What such an image is, before anything of it is stored. */
struct saved {
    struct buf config;
    struct digest config_digest;
    struct strings diff_ids;
    struct import_run_layer *layers;
    size_t n;
};

static void saved_free(struct saved *saved)
{
    buf_free(&saved->config);
    strings_free(&saved->diff_ids);
    free(saved->layers);
}

/* Paths in manifest.json are relative to it. */
static int path_of(const struct import_found_image *image, const char *text, struct buf *path,
                   struct err *err)
{
    buf_addstr(path, image->prefix);
    if (!saved_path(path, text, NULL))
        return err_set(err, ERR_ARCHIVE_INVALID, "manifest.json: %s is no path in the archive",
                       text);
    return 0;
}

/* Old archives call it <hex>.json, newer ones blobs/sha256/<hex>. */
static int check_config_digest(const char *path, const struct digest *actual, struct err *err)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t len = strcspn(base, ".");
    char hex[65];
    struct digest stated;

    snprintf(hex, sizeof hex, "%.*s", (int)(len < sizeof hex ? len : 0), base);
    if (digest_from_hex(&stated, DIGEST_SHA256, hex, NULL) < 0 || digest_equal(&stated, actual))
        return 0;
    return err_set(err, ERR_DIGEST_INVALID, "%s is damaged: it has the digest %s", path, actual->s);
}

static int read_config(struct import *import, const struct import_found_image *image,
                       struct saved *saved, struct err *err)
{
    AUTO_BUF path = BUF_INIT;

    if (path_of(image, image->saved->config, &path, err) < 0)
        return -1;
    int found = source_read(import->source, path.s, CONFIG_MAX, &saved->config, err);
    if (found < 0)
        return -1;
    if (!found)
        return err_set(err, ERR_ARCHIVE_INVALID, "manifest.json names %s, which is not there",
                       path.s);
    digester_of(&saved->config_digest, DIGEST_SHA256, saved->config.s, saved->config.len);
    if (check_config_digest(path.s, &saved->config_digest, err) < 0 ||
        saved_diff_ids_parse(&saved->diff_ids, saved->config.s, saved->config.len, err) < 0)
        return -1;
    if (saved->diff_ids.n == image->saved->layers.n)
        return 0;
    return err_set(err, ERR_ARCHIVE_INVALID,
                   "manifest.json has %zu layers for %s, which itself has %zu",
                   image->saved->layers.n, path.s, saved->diff_ids.n);
}

static struct import_run_layer *known_layer(struct import *import, const struct digest *diff_id)
{
    for (size_t i = 0; i < import->n_layers; i++)
        if (digest_equal(&import->layers[i].diff_id, diff_id))
            return &import->layers[i];
    return NULL;
}

static void learn_layer(struct import *import, const struct import_run_layer *layer)
{
    *ARRAY_ADD(import->layers, import->n_layers) = *layer;
}

static int check_layers(struct import *import, const struct import_found_image *image,
                        struct err *err)
{
    char layers[AMOUNT_TEXT];
    struct source_file file;
    AUTO_STRINGS missing = {0};
    AUTO_BUF heading = BUF_INIT;
    size_t n = 0;

    for (size_t i = 0; i < image->saved->layers.n; i++) {
        AUTO_BUF path = BUF_INIT;
        if (path_of(image, image->saved->layers.v[i], &path, err) < 0)
            return -1;
        int found = source_find(import->source, path.s, &file, err);
        if (found < 0)
            return -1;
        if (found)
            source_file_close(&file);
        else if (n++ < IMPORT_RUN_SHOWN_MAX)
            strings_add(&missing, path.s);
    }
    if (n == 0)
        return 0;
    buf_addf(&heading, "missing in %s:", import->source->label);
    import_run_list(import, heading.s, &missing, n);
    amount_count(layers, (int64_t)n, "layer");
    return err_set(err, ERR_ARCHIVE_INVALID, "missing of %s: %s", image->saved->config, layers);
}

/* Stores layer number i, unless this run did so for another image. */
static int store_layer(struct import *import, const struct import_found_image *image,
                       struct saved *saved, size_t i, struct err *err)
{
    const struct name *repository = &image->targets[0].name;
    struct digest diff_id;
    struct source_file file;
    AUTO_BUF path = BUF_INIT;

    if (path_of(image, image->saved->layers.v[i], &path, err) < 0 ||
        digest_parse(&diff_id, saved->diff_ids.v[i], strlen(saved->diff_ids.v[i]), err) < 0)
        return -1;
    int found = source_find(import->source, path.s, &file, err);
    if (found <= 0)
        return found < 0 ? -1 : err_set(err, ERR_ARCHIVE_INVALID, "%s vanished", path.s);
    const struct import_run_layer *known = known_layer(import, &diff_id);
    int linked = known ? push_blob_link(import->options->registry, repository, &known->digest,
                                        known->size, err)
                       : 0;
    if (linked > 0) {
        saved->layers[i] = *known;
        import_run_progress(import, file.size);
    } else if (linked == 0) {
        linked =
            import_layer_push(import, path.s, &file, &diff_id, repository, &saved->layers[i], err);
        if (linked == 0 && !known)
            learn_layer(import, &saved->layers[i]);
    }
    source_file_close(&file);
    return linked < 0 ? -1 : 0;
}

static ssize_t text_read(void *from, void *bytes, size_t len, struct err *err)
{
    struct buf *rest = from; /* a view that gets shorter */
    size_t n = rest->len < len ? rest->len : len;

    (void)err;
    memcpy(bytes, rest->s, n);
    rest->s += n;
    rest->len -= n;
    return (ssize_t)n;
}

static int store_config(struct import *import, const struct name *repository,
                        const struct saved *saved, struct err *err)
{
    struct push_session session = {.name = *repository, .user = ""};
    struct buf rest = saved->config;
    struct push_body body = {text_read, &rest};
    struct pushed_blob pushed;

    if (push_blob_new(import->options->registry, &session, DIGEST_SHA256, body, &pushed, err) < 0)
        return -1;
    import->new_size += pushed.is_new ? pushed.size : 0;
    return 0;
}

static const char *layer_type(bool oci, enum compress_kind kind)
{
    static const char *const types[2][3] = {
        {"application/vnd.docker.image.rootfs.diff.tar",
         "application/vnd.docker.image.rootfs.diff.tar.gzip", NULL},
        {"application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.v1.tar+gzip",
         "application/vnd.oci.image.layer.v1.tar+zstd"},
    };

    return types[oci][kind];
}

static void write_descriptor(struct json_writer *json, const char *key, const char *media_type,
                             const struct digest *digest, int64_t size)
{
    json_writer_object(json, key);
    json_writer_string(json, "mediaType", media_type);
    json_writer_string(json, "digest", digest->s);
    json_writer_number(json, "size", size);
    json_writer_end(json);
}

/* docker's own format, as docker push makes it of the same image, unless there is zstd in it, for
 * which that has no type. */
static void make_manifest(const struct import_found_image *image, const struct saved *saved,
                          struct buf *out)
{
    bool oci = image->saved_as_oci;

    for (size_t i = 0; i < saved->n; i++)
        oci = oci || saved->layers[i].kind == COMPRESS_ZSTD;
    struct json_writer json = json_writer_begin(out);
    json_writer_object(&json, NULL);
    json_writer_number(&json, "schemaVersion", 2);
    json_writer_string(&json, "mediaType",
                       oci ? MEDIA_TYPE_OCI_MANIFEST : MEDIA_TYPE_DOCKER_MANIFEST);
    write_descriptor(&json, "config",
                     oci ? "application/vnd.oci.image.config.v1+json"
                         : "application/vnd.docker.container.image.v1+json",
                     &saved->config_digest, (int64_t)saved->config.len);
    json_writer_array(&json, "layers");
    for (size_t i = 0; i < saved->n; i++)
        write_descriptor(&json, NULL, layer_type(oci, saved->layers[i].kind),
                         &saved->layers[i].digest, saved->layers[i].size);
    json_writer_end(&json);
    json_writer_end(&json);
}

static void fill_plan(const struct saved *saved, struct import_plan *plan)
{
    struct import_plan_blob config = {saved->config_digest, (int64_t)saved->config.len, true,
                                      false};

    import_plan_add_blob(plan, &config);
    for (size_t i = 0; i < saved->n; i++) {
        struct import_plan_blob layer = {saved->layers[i].digest, saved->layers[i].size, true,
                                         false};
        if (digest_map_get(&plan->seen, &layer.digest))
            continue;
        digest_map_put(&plan->seen, &layer.digest);
        import_plan_add_blob(plan, &layer);
    }
    digester_of(&plan->top, DIGEST_SHA256, plan->made.s, plan->made.len);
    import_plan_add_manifest(plan, &plan->top);
    plan->size += (int64_t)plan->made.len;
    plan->n_layers = saved->n;
    plan->n_images = 1;
}

static int store_parts(struct import *import, const struct import_found_image *image,
                       struct saved *saved, struct err *err)
{
    saved->n = saved->diff_ids.n;
    saved->layers = mem_alloc((saved->n + 1) * sizeof *saved->layers);
    for (size_t i = 0; i < saved->n; i++)
        if (store_layer(import, image, saved, i, err) < 0)
            return -1;
    return store_config(import, &image->targets[0].name, saved, err);
}

int import_saved_push(struct import *import, const struct import_found_image *image,
                      struct import_plan *plan, struct err *err)
{
    struct saved saved = {0};
    int result = -1;

    if (read_config(import, image, &saved, err) == 0 && check_layers(import, image, err) == 0 &&
        store_parts(import, image, &saved, err) == 0) {
        make_manifest(image, &saved, &plan->made);
        fill_plan(&saved, plan);
        result = 0;
    }
    saved_free(&saved);
    return result;
}
