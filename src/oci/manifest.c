/* SPDX-License-Identifier: Apache-2.0
 * L1: reading and validating manifests. */
#include "oci/manifest.h"

#include "base/array.h"
#include "base/json_writer.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* RFC 6838, section 4.2. It will stand in a header, so nothing else may pass. */
static bool media_type_valid(const char *s)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+";
    size_t type = strspn(s, allowed);
    size_t subtype = s[type] == '/' ? strspn(s + type + 1, allowed) : 0;

    return type > 0 && subtype > 0 && s[type + 1 + subtype] == '\0' && type + subtype < 255;
}

static bool is_index_type(const char *media_type)
{
    return !strcmp(media_type, MEDIA_TYPE_OCI_INDEX) || !strcmp(media_type, MEDIA_TYPE_DOCKER_LIST);
}

static bool is_image_type(const char *media_type)
{
    return !strcmp(media_type, MEDIA_TYPE_OCI_MANIFEST) ||
           !strcmp(media_type, MEDIA_TYPE_DOCKER_MANIFEST);
}

static int parse_descriptor(struct descriptor *descriptor, const struct json *json,
                            const char *where, struct err *err)
{
    const char *digest = json_text(json_get(json, "digest"));
    const struct json *media_type = json_get(json, "mediaType");

    if (!digest)
        return err_set(err, ERR_MANIFEST_INVALID, "a descriptor in %s has no digest", where);
    if (digest_parse(&descriptor->digest, digest, strlen(digest), err) < 0)
        return err_recode(err, ERR_MANIFEST_INVALID);
    if (!json_size(json_get(json, "size"), &descriptor->size))
        return err_set(err, ERR_MANIFEST_INVALID, "the size of %s in %s is no length in bytes",
                       digest, where);
    descriptor->media_type = json_text(media_type);
    if (media_type && !descriptor->media_type)
        return err_set(err, ERR_MANIFEST_INVALID, "the mediaType of %s in %s is no text", digest,
                       where);
    descriptor->has_urls = json_array_len(json_get(json, "urls")) > 0;
    descriptor->json = json;
    return 0;
}

static int add_reference(struct manifest *manifest, enum descriptor_role role,
                         const struct json *json, const char *where, struct err *err)
{
    struct descriptor *descriptor = ARRAY_ADD(manifest->references, manifest->n_references);

    descriptor->role = role;
    return parse_descriptor(descriptor, json, where, err);
}

static int parse_list(struct manifest *manifest, const char *key, struct err *err)
{
    const struct json *list = json_get(manifest->json, key);
    size_t n = json_array_len(list);

    if (list && !json_is_array(list))
        return err_set(err, ERR_MANIFEST_INVALID, "%s is no list", key);
    for (size_t i = 0; i < n; i++)
        if (add_reference(manifest, manifest->is_index ? DESCRIPTOR_CHILD : DESCRIPTOR_LAYER,
                          json_array_at(list, i), key, err) < 0)
            return -1;
    return 0;
}

static int parse_references(struct manifest *manifest, struct err *err)
{
    const struct json *config = json_get(manifest->json, "config");

    if (config && add_reference(manifest, DESCRIPTOR_CONFIG, config, "config", err) < 0)
        return -1;
    if (parse_list(manifest, manifest->is_index ? "manifests" : "layers", err) < 0)
        return -1;
    if (manifest->is_index || is_image_type(manifest->media_type))
        return 0;
    return parse_list(manifest, "blobs", err);
}

static int parse_subject(struct manifest *manifest, struct err *err)
{
    const struct json *json = json_get(manifest->json, "subject");
    struct descriptor subject;

    if (!json)
        return 0;
    if (parse_descriptor(&subject, json, "subject", err) < 0)
        return -1;
    manifest->has_subject = true;
    manifest->subject = subject.digest;
    return 0;
}

/* Settles what the document is, or refuses it if that is ambiguous. */
static int parse_kind(struct manifest *manifest, struct err *err)
{
    const struct json *media_type = json_get(manifest->json, "mediaType");
    bool has_children = json_get(manifest->json, "manifests") != NULL;
    bool has_content =
        json_get(manifest->json, "layers") != NULL || json_get(manifest->json, "config") != NULL;

    if (has_children && has_content)
        return err_set(
            err, ERR_MANIFEST_INVALID,
            "it has both `manifests` and `layers` or `config`: an index or an image, not both");
    manifest->is_index = has_children;
    manifest->media_type = has_children ? MEDIA_TYPE_OCI_INDEX : MEDIA_TYPE_OCI_MANIFEST;
    if (!media_type)
        return 0;
    manifest->media_type = json_text(media_type);
    if (!manifest->media_type || !media_type_valid(manifest->media_type))
        return err_set(err, ERR_MANIFEST_INVALID, "its mediaType is no media type");
    if (is_image_type(manifest->media_type) && has_children)
        return err_set(err, ERR_MANIFEST_INVALID,
                       "its mediaType is an image's, but it has `manifests`");
    if (is_index_type(manifest->media_type) && has_content)
        return err_set(err, ERR_MANIFEST_INVALID,
                       "its mediaType is an index's, but it has `layers` or `config`");
    manifest->is_index = has_children || is_index_type(manifest->media_type);
    return 0;
}

static int parse_members(struct manifest *manifest, struct err *err)
{
    const struct json *annotations = json_get(manifest->json, "annotations");
    const struct json *artifact_type = json_get(manifest->json, "artifactType");
    int64_t version;

    if (!json_is_object(manifest->json))
        return err_set(err, ERR_MANIFEST_INVALID, "it is no JSON object");
    if (!json_size(json_get(manifest->json, "schemaVersion"), &version) || version != 2)
        return err_set(err, ERR_MANIFEST_INVALID,
                       "schemaVersion must be 2 (schema 1 is obsolete: push with a newer client)");
    /* Both are copied into the referrers list, where one bad entry would spoil the list for its
     * readers. */
    if (annotations && !json_is_string_map(annotations))
        return err_set(err, ERR_MANIFEST_INVALID, "annotations must map text to text");
    if (artifact_type && !json_text(artifact_type))
        return err_set(err, ERR_MANIFEST_INVALID, "artifactType is no text");
    if (parse_kind(manifest, err) < 0 || parse_references(manifest, err) < 0)
        return -1;
    return parse_subject(manifest, err);
}

/* Schema 1 lists its layers as {"blobSum": "sha256:..."}, the same one several times. */
static int parse_schema1(struct manifest *manifest, struct err *err)
{
    const struct json *layers = json_get(manifest->json, "fsLayers");

    manifest->is_obsolete = true;
    manifest->media_type = MEDIA_TYPE_DOCKER_SCHEMA1;
    for (size_t i = 0; i < json_array_len(layers); i++) {
        const char *digest = json_text(json_get(json_array_at(layers, i), "blobSum"));
        struct descriptor *descriptor = ARRAY_ADD(manifest->references, manifest->n_references);
        *descriptor = (struct descriptor){
            .role = DESCRIPTOR_LAYER, .size = -1, .json = json_array_at(layers, i)};
        if (!digest)
            return err_set(err, ERR_MANIFEST_INVALID, "an entry of fsLayers has no blobSum");
        if (digest_parse(&descriptor->digest, digest, strlen(digest), err) < 0)
            return err_recode(err, ERR_MANIFEST_INVALID);
    }
    return 0;
}

static bool is_schema1(const struct json *json)
{
    int64_t version;

    return json_size(json_get(json, "schemaVersion"), &version) && version == 1 &&
           json_is_array(json_get(json, "fsLayers"));
}

static int parse_top(struct manifest *manifest, struct err *err)
{
    if (!json_is_object(manifest->json))
        return err_set(err, ERR_MANIFEST_INVALID, "it is no JSON object");
    return parse_kind(manifest, err);
}

int manifest_take(struct manifest *manifest, struct json *json, enum manifest_kind kind,
                  struct err *err)
{
    *manifest = (struct manifest){.json = json, .is_cut = manifest->is_cut};
    int parsed = kind != MANIFEST_NEW && is_schema1(json) ? parse_schema1(manifest, err)
                 : kind == MANIFEST_TOP                   ? parse_top(manifest, err)
                                                          : parse_members(manifest, err);
    if (parsed < 0)
        manifest_free(manifest);
    return parsed;
}

static int parse(struct manifest *manifest, const char *bytes, size_t len, enum manifest_kind kind,
                 struct err *err)
{
    struct json_reading *reading = json_begin(MANIFEST_DEPTH_MAX, JSON_BYTES_MAX, JSON_ALL);

    *manifest = (struct manifest){0};
    json_feed(reading, bytes, len);
    struct json *json = json_end(reading, &manifest->is_cut, err);
    return json ? manifest_take(manifest, json, kind, err) : -1;
}

int manifest_parse(struct manifest *manifest, const char *bytes, size_t len, struct err *err)
{
    return parse(manifest, bytes, len, MANIFEST_NEW, err);
}

int manifest_parse_stored(struct manifest *manifest, const char *bytes, size_t len, struct err *err)
{
    return parse(manifest, bytes, len, MANIFEST_STORED, err);
}

void manifest_free(struct manifest *manifest)
{
    free(manifest->references);
    free(manifest->own_media_type);
    json_free(manifest->json);
    *manifest = (struct manifest){0};
}

void manifest_shrink(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->n_references; i++) {
        manifest->references[i].media_type = NULL;
        manifest->references[i].json = NULL;
    }
    free(manifest->own_media_type);
    manifest->own_media_type = mem_strdup(manifest->media_type);
    manifest->media_type = manifest->own_media_type;
    json_free(manifest->json);
    manifest->json = NULL;
}

int manifest_check_type(const struct manifest *manifest, const char *content_type, struct err *err)
{
    bool declared = json_get(manifest->json, "mediaType") != NULL;

    if (!content_type || !*content_type || !strcmp(content_type, manifest->media_type))
        return 0;
    if (declared)
        return err_set(err, ERR_MANIFEST_INVALID, "its mediaType is %s, but the Content-Type %s",
                       manifest->media_type, content_type);
    /* Without a mediaType it will be served as what its shape implies, so a type that says
     * otherwise is a lie. */
    if (is_image_type(content_type) || is_index_type(content_type))
        return err_set(err, ERR_MANIFEST_INVALID,
                       "without a mediaType it is an %s, but the Content-Type says %s",
                       manifest->media_type, content_type);
    return 0;
}

void manifest_describe(const struct manifest *manifest, const struct digest *digest, int64_t size,
                       struct buf *out)
{
    const struct json *annotations = json_get(manifest->json, "annotations");
    const char *artifact_type = json_text(json_get(manifest->json, "artifactType"));

    if ((!artifact_type || !*artifact_type) && manifest->n_references > 0 &&
        manifest->references[0].role == DESCRIPTOR_CONFIG)
        artifact_type = manifest->references[0].media_type;
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(out);
    json_writer_object(&json, NULL);
    json_writer_string(&json, "mediaType", manifest->media_type);
    json_writer_string(&json, "digest", digest->s);
    json_writer_number(&json, "size", size);
    if (artifact_type && *artifact_type)
        json_writer_string(&json, "artifactType", artifact_type);
    if (annotations) {
        json_print(annotations, &text);
        json_writer_raw(&json, "annotations", text.s, text.len);
    }
    json_writer_end(&json);
}
