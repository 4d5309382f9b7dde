/* SPDX-License-Identifier: Apache-2.0
 *
 * `berth import`, in four steps for each file or directory: what is in it (import_find.c), what it
 * will be called (import_name.c), what each image needs (import_plan.c, import_saved.c), and into
 * the store with it by the verbs of a push, tags last (import_push.c).
 */
#ifndef BERTH_TRANSFER_IMPORT_H
#define BERTH_TRANSFER_IMPORT_H

#include "admin/progress.h"
#include "base/strings.h"
#include "oci/digest_map.h"
#include "oci/image_name.h"
#include "oci/manifest.h"
#include "oci/saved.h"
#include "pack/compress.h"
#include "registry/registry.h"
#include "transfer/import_source.h"

enum import_form {
    IMPORT_LAYOUT,    /* of an OCI image layout: blobs/<algorithm>/<hex> */
    IMPORT_DIRECTORY, /* skopeo's: manifest.json, <hex>, <hex>.manifest.json */
    IMPORT_SAVED,     /* `docker save`'s: configuration and layers, the manifest is made here */
};

struct import_image {
    enum import_form form;
    const char *prefix;        /* in front of its names in the source: "" or like "a/b/" */
    struct digest digest;      /* of its manifest; of IMPORT_SAVED not known yet */
    int64_t size;              /* of that; -1: not known */
    struct saved_image *saved; /* of IMPORT_SAVED */
    bool saved_as_oci;         /* make an OCI manifest, as docker did */
    bool may_be_partial;       /* an index by docker, which saves the platforms that it has */
    bool is_referrer;          /* whose subject is not in the source: it goes by its digest */
    struct strings names;      /* whole, with a host or without */
    struct strings tags;
    struct image_name *exact; /* as `berth export` wrote them */
    size_t n_exact;
    struct image_name *targets; /* import_name's: no two are equal */
    size_t n_targets;
};

/* A manifest that names another one as its subject. */
struct import_referrer {
    const char *prefix; /* of the layout that has it */
    struct digest subject, digest;
};

struct import_found {
    struct import_image *v;
    size_t n;
    struct saved_images *saved; /* what images point at */
    size_t n_saved;
    struct import_referrer *referrers; /* sorted by subject */
    size_t n_referrers;
    struct arena texts;
};

/* A layer of docker save that is in the store already, by the digest of its content. */
struct import_layer {
    struct digest diff_id, digest;
    int64_t size;
    enum compress_kind kind;
};

struct import {
    const char *as; /* REPOSITORY[:TAG] that the one image is to have, NULL: its own */
    bool json;
    const struct conf *conf;
    const struct registry *registry;
    enum compress_kind compress;
    int jobs;
    struct source source;
    struct import_found found;
    struct import_layer *layers;
    size_t n_layers;
    struct bar bar;
    int64_t done, total; /* bytes of the source */
    int64_t new_size;    /* that were written to the store */
};

/* Fills import->found with what is in import->source. ARCHIVE_INVALID. (import_find.c) */
int import_find(struct import *import, struct err *err);
void import_found_free(struct import_found *found);
/* Gives each image its targets, by the names in the source or --as; ARCHIVE_INVALID where that is
 * not possible, after a list of the images on standard error. (import_name.c) */
int import_name(struct import *import, struct err *err);

struct import_blob {
    struct digest digest;
    int64_t size;
    bool in_store;
    bool elsewhere; /* its descriptor says where (`urls`), and it is nowhere here */
};

/* All that an image needs, in the order in which it can be stored. */
struct import_plan {
    struct import_blob *blobs;
    size_t n_blobs;
    struct digest *manifests; /* those that refer to one of the others come behind it */
    size_t n_manifests;
    struct digest top;
    struct buf made; /* the bytes of top, if they are in neither the source nor the store */
    size_t n_layers, n_images, n_referrers;
    int64_t size; /* of blobs and manifests */
    struct digest_map seen;
};
#define AUTO_PLAN __attribute__((cleanup(import_plan_free))) struct import_plan
void import_plan_free(struct import_plan *plan);
void import_plan_add_blob(struct import_plan *plan, const struct import_blob *blob);
void import_plan_add_manifest(struct import_plan *plan, const struct digest *digest);

/* Collects what is needed, and makes sure that all of it is in the source or in the store; what is
 * missing is listed on standard error. Stores nothing. (import_plan.c) */
int import_plan(struct import *import, const struct import_image *image, struct import_plan *plan,
                struct err *err);
/* A manifest's bytes, verified: from the source, or else from the store. 0: in neither. */
int import_read_manifest(struct import *import, const struct import_image *image,
                         const struct digest *digest, struct buf *bytes, struct err *err);
/* The name in the source under which a blob would be. */
void import_blob_name(const struct import_image *image, const struct digest *digest,
                      struct buf *name);

/* The same for an image of docker save, whose layers and configuration it stores in the first
 * target's repository, where nobody sees them yet. (import_saved.c) */
int import_saved(struct import *import, const struct import_image *image, struct import_plan *plan,
                 struct err *err);

/* Puts a planned image under its targets. (import_push.c) */
int import_push(struct import *import, const struct import_image *image,
                const struct import_plan *plan, struct err *err);

/* Tells who waits that so many more bytes of the source are done. */
void import_progress(struct import *import, int64_t bytes);

#endif
