/* SPDX-License-Identifier: Apache-2.0
 *
 * What says which images an archive holds: manifest.json of `docker save`, index.json of an OCI
 * image layout (OCI Image Specification, "Image Layout"), and the part of an image's configuration
 * that names its layers. They come from anywhere; ARCHIVE_INVALID says what is wrong.
 */
#ifndef BERTH_OCI_SAVED_H
#define BERTH_OCI_SAVED_H

#include "base/fs.h"
#include "base/strings.h"
#include "oci/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* None is longer, and no index.json has more entries: `berth export` writes no other. */
#define SAVED_LENGTH_MAX ((size_t)16 << 20)
#define SAVED_ENTRIES_MAX ((size_t)20000)

/* An entry of manifest.json. */
struct saved_image {
    char *config;          /* path in the archive */
    struct strings names;  /* RepoTags, perhaps none */
    struct strings layers; /* paths, lowest first */
    bool has_sources;      /* LayerSources: it is docker's own, of version 25 or later */
};
struct saved_images {
    struct saved_image *v;
    size_t n;
};
#define AUTO_SAVED_IMAGES __attribute__((cleanup(saved_images_free))) struct saved_images
int saved_images_parse(struct saved_images *images, const char *bytes, size_t len, struct err *err);
void saved_images_free(struct saved_images *images);
/* Whether it is a list, as of docker, and no manifest, as in skopeo's directories. */
bool saved_images_are_there(const char *bytes, size_t len);

/* An entry of index.json, whose name may be in one of several annotations. */
struct saved_entry {
    struct digest digest;
    int64_t size;
    char *name;       /* io.containerd.image.name: whole. NULL: none */
    char *ref;        /* org.opencontainers.image.ref.name: whole, or a tag. NULL: none */
    char *repository; /* dev.berth.repository, of `berth export`: exactly this. NULL: none */
};
struct saved_index {
    struct saved_entry *v;
    size_t n;
    bool incomplete; /* dev.berth.incomplete: of `berth export --have` */
};
#define AUTO_SAVED_INDEX __attribute__((cleanup(saved_index_free))) struct saved_index
int saved_index_parse(struct saved_index *index, const char *bytes, size_t len, struct err *err);
void saved_index_free(struct saved_index *index);

/* The digests of an image's uncompressed layers, lowest first: rootfs.diff_ids (OCI Image
 * Specification, "Image Configuration"). */
int saved_diff_ids_parse(struct strings *diff_ids, const char *bytes, size_t len, struct err *err);

/* A path in an archive as one can compare it: without "./", empty components and a slash at the
 * end. Appends to out. False: it is absolute, leaves the archive, is too long, or has control
 * characters in it. link_at: it is the target of a symbolic link at this path. */
bool saved_path(struct buf *out, const char *path, const char *link_at);

#endif
