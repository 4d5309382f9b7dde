/* SPDX-License-Identifier: Apache-2.0
 *
 * A manifest as read, never as written: its bytes are stored and served as they came (OCI Image
 * Specification, "Image Manifest", "Image Index"; Docker Image Manifest Version 2, Schema 2 and
 * manifest lists).
 */
#ifndef BERTH_OCI_MANIFEST_H
#define BERTH_OCI_MANIFEST_H

#include "base/json.h"
#include "oci/digest.h"

#include <stdbool.h>
#include <stdint.h>

#define MEDIA_TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_TYPE_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_TYPE_OCI_ARTIFACT "application/vnd.oci.artifact.manifest.v1+json" /* withdrawn */
#define MEDIA_TYPE_DOCKER_SCHEMA1 "application/vnd.docker.distribution.manifest.v1+prettyjws"
#define MEDIA_TYPE_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"

/* How deep a manifest may nest; OCI's own types need 5. */
#define MANIFEST_DEPTH_MAX 64

/* How deep indexes may be nested: an image is 0 deep, an index of images 1. What is deeper is
 * refused when it is pushed, and by whoever walks what is stored. */
#define MANIFEST_NESTING_MAX 32

enum descriptor_role { DESCRIPTOR_CONFIG, DESCRIPTOR_LAYER, DESCRIPTOR_CHILD };

/* OCI Image Specification, "OCI Content Descriptors". */
struct descriptor {
    enum descriptor_role role;
    struct digest digest;
    int64_t size;            /* bytes; -1: it does not say, as in schema 1 */
    const char *media_type;  /* NULL: it does not say */
    bool has_urls;           /* its content may be elsewhere */
    const struct json *json; /* the whole */
};

struct manifest {
    struct json *json;
    bool is_index;
    bool is_obsolete;       /* of schema 1, see manifest_parse_stored */
    const char *media_type; /* the document's, or where it has none the one its shape implies */
    char *own_media_type;   /* manifest_shrink's copy of it */
    struct descriptor *references; /* config, layers, children: in the document's order; `blobs` of
                                    * what is no image and no index count as layers */
    size_t n_references;
    bool has_subject;
    struct digest subject;
    bool is_cut; /* a text in it is longer than JSON_TEXT_MAX, of which the rest is not here */
};
#define AUTO_MANIFEST __attribute__((cleanup(manifest_free))) struct manifest

/* Parses and validates. What two clients could read in two ways is refused: `manifests` beside
 * `layers` or `config` (CVE-2021-41190), duplicate keys. Strings belong to manifest->json;
 * manifest_free afterwards. MANIFEST_INVALID; MANIFEST_TOO_LARGE: its JSON takes more memory than
 * JSON_BYTES_MAX. */
int manifest_parse(struct manifest *manifest, const char *bytes, size_t len, struct err *err);
/* The same for one that is stored already: that may also be of schema 1 (Docker Image Manifest
 * Version 2, Schema 1), which CNCF Distribution 2.x took. Nothing can push one here. */
int manifest_parse_stored(struct manifest *manifest, const char *bytes, size_t len,
                          struct err *err);
/* The same of its JSON, which is the manifest's afterwards, also after an error; is_cut stays as it
 * is. */
enum manifest_kind {
    MANIFEST_NEW,    /* as manifest_parse */
    MANIFEST_STORED, /* as manifest_parse_stored */
    MANIFEST_TOP,    /* a stored one, of whose JSON only the top was read: it tells what it is, but
                      * has no references, and no subject */
};
int manifest_take(struct manifest *manifest, struct json *json, enum manifest_kind kind,
                  struct err *err);
void manifest_free(struct manifest *manifest);

/* Keeps of the manifest what takes little memory: of its references all but media_type and json,
 * and its own media type; its JSON goes. */
void manifest_shrink(struct manifest *manifest);

/* Checks a Content-Type (without parameters; NULL or empty: none was sent) against the document. */
int manifest_check_type(const struct manifest *manifest, const char *content_type, struct err *err);

/* Appends the descriptor of this manifest as the referrers list shows it ("Listing Referrers"):
 * digest, mediaType, size, artifactType (of an image without one: its config's mediaType),
 * annotations. */
void manifest_describe(const struct manifest *manifest, const struct digest *digest, int64_t size,
                       struct buf *out);

#endif
