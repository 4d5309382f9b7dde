/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes manifests: what is accepted says one thing, and its descriptor is JSON. */
#include "fuzz/fuzz.h"

#include "oci/digester.h"
#include "oci/manifest.h"

static void check_references(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->n_references; i++) {
        const struct descriptor *descriptor = &manifest->references[i];
        struct digest digest;
        struct err err;
        must_hold(descriptor->size >= 0);
        must_hold((descriptor->role == DESCRIPTOR_CHILD) == manifest->is_index);
        must_hold(descriptor->role != DESCRIPTOR_CONFIG || i == 0);
        must_hold(digest_parse(&digest, descriptor->digest.s, strlen(descriptor->digest.s), &err) ==
                  0);
        must_hold(json_is_object(descriptor->json));
    }
}

static void check_description(const struct manifest *manifest, const char *bytes, size_t len)
{
    struct digest digest;
    struct err err;
    AUTO_BUF out = BUF_INIT;

    digester_of(&digest, DIGEST_SHA256, bytes, len);
    manifest_describe(manifest, &digest, (int64_t)len, &out);
    struct json *json = json_parse(out.s, out.len, MANIFEST_DEPTH_MAX, &err);
    must_hold(json);
    must_hold(!strcmp(json_text(json_get(json, "mediaType")), manifest->media_type));
    must_hold(!strcmp(json_text(json_get(json, "digest")), digest.s));
    json_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO_MANIFEST manifest = {0};
    struct err err;

    if (manifest_parse(&manifest, (const char *)bytes, len, &err) < 0) {
        must_hold(err.code == ERR_MANIFEST_INVALID);
        return 0;
    }
    must_hold(!strpbrk(manifest.media_type, "\r\n; \t")); /* it becomes a header */
    must_hold(manifest_check_type(&manifest, manifest.media_type, &err) == 0);
    check_references(&manifest);
    check_description(&manifest, (const char *)bytes, len);
    return 0;
}
