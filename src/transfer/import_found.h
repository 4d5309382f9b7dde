/* SPDX-License-Identifier: Apache-2.0
 *
 * The images that a source was found to hold.
 */
#ifndef BERTH_TRANSFER_IMPORT_FOUND_H
#define BERTH_TRANSFER_IMPORT_FOUND_H

#include "base/arena.h"
#include "oci/digest.h"
#include "oci/image_name.h"
#include "oci/saved.h"

enum import_found_form {
    IMPORT_FOUND_LAYOUT, /* of an OCI image layout: blobs/<algorithm>/<hex> */
    IMPORT_FOUND_SKOPEO, /* a directory of skopeo: manifest.json, <hex>, <hex>.manifest.json */
    IMPORT_FOUND_SAVED,  /* `docker save`'s: configuration and layers, the manifest is made here */
};

struct import_found_image {
    enum import_found_form form;
    const char *prefix;        /* in front of its names in the source: "" or like "a/b/" */
    struct digest digest;      /* of its manifest; of IMPORT_FOUND_SAVED not known yet */
    int64_t size;              /* of that; -1: not known */
    struct saved_image *saved; /* of IMPORT_FOUND_SAVED */
    bool saved_as_oci;         /* make an OCI manifest, as docker did */
    bool may_be_partial;       /* an index by docker, which saves the platforms that it has */
    bool is_referrer;          /* whose subject is not in the source: it goes by its digest */
    struct strings names;      /* whole, with a host or without */
    struct strings tags;
    struct image_name *exact; /* as `berth export` wrote them */
    size_t n_exact;
    struct image_name *targets; /* import_name.h's: no two are equal */
    size_t n_targets;
};

/* A manifest that names another one as its subject. */
struct import_found_referrer {
    const char *prefix; /* of the layout that has it */
    struct digest subject, digest;
    bool is_listed; /* in index.json, which says where it goes */
};

struct import_found {
    struct import_found_image *v;
    size_t n;
    struct saved_images *saved; /* what images point at */
    size_t n_saved;
    struct import_found_referrer *referrers; /* sorted by subject when all are found */
    size_t n_referrers;
    struct arena texts;
};
void import_found_free(struct import_found *found);

/* prefix: lives as long as found. The image may move when the next one is added. */
struct import_found_image *import_found_add(struct import_found *found, enum import_found_form form,
                                            const char *prefix);
/* Keeps a parsed manifest.json for the images that point into it. */
struct saved_images *import_found_keep(struct import_found *found,
                                       const struct saved_images *saved);
void import_found_add_names(struct import_found_image *image, const struct strings *names);
/* Whether somebody gave it a name or a tag. */
bool import_found_is_named(const struct import_found_image *image);

void import_found_add_referrer(struct import_found *found, const char *prefix,
                               const struct digest *subject, const struct digest *digest,
                               bool is_listed);
void import_found_sort_referrers(struct import_found *found);
/* The number of the first of the sorted referrers that is not before this subject. */
size_t import_found_first_referrer(const struct import_found *found, const struct digest *subject);

#endif
