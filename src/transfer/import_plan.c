/* SPDX-License-Identifier: Apache-2.0
 * L4: import: what an image needs, and where it is. */
#include "transfer/import_plan.h"

#include "base/array.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "transfer/import_part.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

/* Of one image: what has more is an attack. */
#define PARTS_MAX 200000

void import_plan_free(struct import_plan *plan)
{
    free(plan->blobs);
    free(plan->manifests);
    buf_free(&plan->made);
    digest_map_free(&plan->seen);
}

void import_plan_add_blob(struct import_plan *plan, const struct import_plan_blob *blob)
{
    *ARRAY_ADD(plan->blobs, plan->n_blobs) = *blob;
    plan->size += blob->size;
}

void import_plan_add_manifest(struct import_plan *plan, const struct digest *digest)
{
    *ARRAY_ADD(plan->manifests, plan->n_manifests) = *digest;
}

/* In plan->seen: what is one's layer may be another's child. */
enum { AS_BLOB = 1, AS_MANIFEST = 2 };

struct planning {
    struct import *import;
    const struct import_found_image *image;
    struct import_plan *plan;
    size_t missing;       /* parts that are neither in the source nor in the store */
    struct strings shown; /* the first of them */
};

static void note_missing(struct planning *planning, const struct digest *digest, int64_t size)
{
    AUTO_BUF line = BUF_INIT;

    if (planning->missing++ >= IMPORT_RUN_SHOWN_MAX)
        return;
    buf_addf(&line, "%s  %jd bytes", digest->s, (intmax_t)size);
    strings_add(&planning->shown, line.s);
}

/* True once. */
static bool is_first(struct planning *planning, const struct digest *digest, uint32_t as)
{
    uint32_t *seen = digest_map_put(&planning->plan->seen, digest);
    bool first = !(*seen & as);

    *seen |= as;
    return first;
}

/* A blob is in the store, or in the source with the right length. */
static int plan_blob(struct planning *planning, const struct descriptor *descriptor,
                     struct err *err)
{
    struct import_plan_blob blob = {.digest = descriptor->digest, .size = descriptor->size};
    struct source_file file;
    AUTO_BUF name = BUF_INIT;
    int64_t size;

    if (!is_first(planning, &blob.digest, AS_BLOB))
        return 0;
    int found = blob_stat(planning->import->options->registry->store, &blob.digest, &size, err);
    blob.in_store = found > 0 && size == blob.size;
    if (found >= 0 && !blob.in_store) {
        import_part_blob_name(planning->image, &blob.digest, &name);
        found = source_find(planning->import->source, name.s, &file, err);
        if (found > 0)
            source_file_close(&file);
        if (found > 0 && file.size != blob.size)
            return err_set(err, ERR_SIZE_INVALID, "%s has %jd bytes, not %jd", name.s,
                           (intmax_t)file.size, (intmax_t)blob.size);
        blob.elsewhere = found == 0 && descriptor->has_urls;
        if (found == 0 && !blob.elsewhere) {
            note_missing(planning, &blob.digest, blob.size);
            return 0;
        }
    }
    if (found < 0)
        return -1;
    planning->plan->n_layers += descriptor->role == DESCRIPTOR_LAYER;
    import_plan_add_blob(planning->plan, &blob);
    return 0;
}

static int plan_manifest(struct planning *planning, const struct digest *digest, int64_t size,
                         int depth, struct err *err);

static int plan_child(struct planning *planning, const struct descriptor *child, int depth,
                      struct err *err)
{
    const uint32_t *seen = digest_map_get(&planning->plan->seen, &child->digest);

    if (seen && (*seen & AS_MANIFEST))
        return 0;
    int is_manifest =
        import_part_is_manifest(planning->import, planning->image, &child->digest, err);
    if (is_manifest < 0)
        return -1;
    return is_manifest ? plan_manifest(planning, &child->digest, child->size, depth + 1, err)
                       : plan_blob(planning, child, err);
}

/* An image that is another's subject is imported as what it is itself. A layer is nothing, unless
 * who names it brings it along. */
static int plan_subject(struct planning *planning, const struct digest *digest, struct err *err)
{
    struct descriptor subject = {.role = DESCRIPTOR_CHILD, .digest = *digest};
    AUTO_BUF name = BUF_INIT;
    struct source_file file;

    import_part_blob_name(planning->image, digest, &name);
    int found = source_find(planning->import->source, name.s, &file, err);
    if (found <= 0)
        return found;
    subject.size = file.size;
    source_file_close(&file);
    int is_manifest = import_part_is_manifest(planning->import, planning->image, digest, err);
    if (is_manifest)
        return is_manifest < 0 ? -1 : 0;
    return plan_blob(planning, &subject, err);
}

static int plan_references(struct planning *planning, const struct manifest *manifest, int depth,
                           struct err *err)
{
    for (size_t i = 0; i < manifest->n_references; i++) {
        const struct descriptor *descriptor = &manifest->references[i];
        if (planning->plan->seen.n > PARTS_MAX)
            return err_set(err, ERR_MANIFEST_INVALID, "an image of more than %d parts", PARTS_MAX);
        int planned = descriptor->role == DESCRIPTOR_CHILD
                          ? plan_child(planning, descriptor, depth, err)
                          : plan_blob(planning, descriptor, err);
        if (planned < 0)
            return -1;
    }
    return manifest->has_subject ? plan_subject(planning, &manifest->subject, err) : 0;
}

/* size: of the descriptor that names it; -1: none does. */
static int plan_manifest(struct planning *planning, const struct digest *digest, int64_t size,
                         int depth, struct err *err)
{
    struct import_plan *plan = planning->plan;
    AUTO_BUF bytes = BUF_INIT;
    AUTO_MANIFEST manifest = {0};

    if (transfer_check(planning->import->options, err) < 0)
        return -1;
    if (!is_first(planning, digest, AS_MANIFEST))
        return 0;
    if (depth > DEPTH_MAX)
        return err_set(err, ERR_MANIFEST_INVALID, "%s is nested too deeply", digest->s);
    int found = import_part_manifest(planning->import, planning->image, digest, &bytes, err);
    if (found == 0)
        note_missing(planning, digest, size);
    if (found <= 0)
        return found;
    if (size >= 0 && size != (int64_t)bytes.len)
        return err_set(err, ERR_SIZE_INVALID, "the manifest %s has %zu bytes, not %jd", digest->s,
                       bytes.len, (intmax_t)size);
    if (manifest_parse(&manifest, bytes.s, bytes.len, err) < 0 ||
        plan_references(planning, &manifest, depth, err) < 0)
        return -1;
    plan->n_images += !manifest.is_index;
    plan->size += (int64_t)bytes.len;
    import_plan_add_manifest(plan, digest);
    return 0;
}

static int plan_referrers_of(struct planning *planning, struct digest subject, bool is_blob,
                             struct err *err)
{
    const struct import_found *found = &planning->import->found;

    for (size_t i = import_found_first_referrer(found, &subject);
         i < found->n_referrers && digest_equal(&found->referrers[i].subject, &subject); i++)
        if (found->referrers[i].prefix == planning->image->prefix &&
            !(is_blob && found->referrers[i].is_listed) &&
            plan_manifest(planning, &found->referrers[i].digest, -1, 0, err) < 0)
            return -1;
    return 0;
}

/* What refers to one of the manifests comes along, and what refers to that. What refers to a layer
 * does, unless it has an entry of its own: the layer may be in images of many repositories. */
static int plan_referrers(struct planning *planning, struct err *err)
{
    struct import_plan *plan = planning->plan;
    size_t own = plan->n_manifests, images = plan->n_images, layers = plan->n_layers;

    for (size_t i = 0, k = 0; i < plan->n_manifests || k < plan->n_blobs;) {
        bool is_blob = i == plan->n_manifests;
        struct digest subject = is_blob ? plan->blobs[k++].digest : plan->manifests[i++];
        if (plan_referrers_of(planning, subject, is_blob, err) < 0)
            return -1;
    }
    plan->n_referrers = plan->n_manifests - own;
    plan->n_images = images;
    plan->n_layers = layers;
    return 0;
}

static int plan_top(struct planning *planning, const struct digest *top, int64_t size,
                    struct err *err)
{
    planning->plan->top = *top;
    if (plan_manifest(planning, top, size, 0, err) < 0)
        return -1;
    return plan_referrers(planning, err);
}

/* Attestations, by BuildKit, are of no platform. */
static bool is_image(const struct descriptor *child)
{
    const char *os = json_text(json_get(json_get(child->json, "platform"), "os"));

    return !os || strcmp(os, "unknown") != 0;
}

/* The only child of an index that is there with all that it needs. 0: there is none, or several. */
static int find_whole_child(struct import *import, const struct import_found_image *image,
                            struct digest *child, struct err *err)
{
    AUTO_BUF bytes = BUF_INIT;
    AUTO_MANIFEST index = {0};
    size_t whole = 0;

    int found = import_part_manifest(import, image, &image->digest, &bytes, err);
    if (found <= 0)
        return found;
    if (manifest_parse(&index, bytes.s, bytes.len, err) < 0)
        return -1;
    for (size_t i = 0; i < index.n_references; i++) {
        const struct descriptor *descriptor = &index.references[i];
        AUTO_IMPORT_PLAN plan = {0};
        struct planning trial = {.import = import, .image = image, .plan = &plan};
        if (descriptor->role != DESCRIPTOR_CHILD || !is_image(descriptor))
            continue;
        int planned = plan_child(&trial, descriptor, 0, err);
        strings_free(&trial.shown);
        if (planned < 0)
            return -1;
        if (trial.missing == 0 && plan.n_manifests > 0 && whole++ == 0)
            *child = descriptor->digest;
    }
    return whole == 1;
}

/* Of an image for many platforms docker has the one that it runs on, and saves the index with it.
 * That cannot be served, but the image can. */
static int plan_partial(struct planning *planning, struct err *err)
{
    const struct import_found_image *image = planning->image;
    struct digest child;

    int planned = plan_top(planning, &image->digest, image->size, err);
    if (planned < 0 || planning->missing == 0)
        return planned;
    int found = find_whole_child(planning->import, image, &child, err);
    if (found <= 0)
        return found;
    import_plan_free(planning->plan);
    *planning->plan = (struct import_plan){0};
    strings_free(&planning->shown);
    planning->missing = 0;
    transfer_note(planning->import->options,
                  "of the index %s docker saved one image, which takes its place: %s",
                  image->digest.s, child.s);
    return plan_top(planning, &child, -1, err);
}

static bool may_lack(const struct planning *planning)
{
    const struct import_found_image *image = planning->image;

    for (size_t i = 0; i < image->n_targets; i++)
        if (!registry_is_sparse(planning->import->options->registry, &image->targets[i].name))
            return false;
    return true;
}

static int refuse_missing(const struct planning *planning, struct err *err)
{
    const struct import *import = planning->import;
    bool permitted = may_lack(planning);
    AUTO_BUF heading = BUF_INIT;

    if (planning->missing == 0)
        return 0;
    buf_addf(&heading, "neither in %s nor in the store%s:", import->source->label,
             permitted ? ", as `sparse` permits" : "");
    import_run_list(import, heading.s, &planning->shown, planning->missing);
    /* Its manifest itself is always needed. */
    if (permitted && planning->plan->n_manifests > 0)
        return 0;
    return err_set(err, ERR_BLOB_UNKNOWN, "%zu parts of %s are missing: import first what has them",
                   planning->missing, planning->image->digest.s);
}

int import_plan_make(struct import *import, const struct import_found_image *image,
                     struct import_plan *plan, struct err *err)
{
    struct planning planning = {.import = import, .image = image, .plan = plan};

    int planned = image->may_be_partial ? plan_partial(&planning, err)
                                        : plan_top(&planning, &image->digest, image->size, err);
    if (planned == 0)
        planned = refuse_missing(&planning, err);
    strings_free(&planning.shown);
    return planned;
}
