/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth import`: what an image needs, and where it is. */
#include "transfer/import.h"

#include "base/mem.h"
#include "oci/digester.h"
#include "store/blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16
#define SHOWN_MAX 50

/* Of one image: what has more is an attack. */
#define PARTS_MAX 200000

void import_plan_free(struct import_plan *plan)
{
    free(plan->blobs);
    free(plan->manifests);
    buf_free(&plan->made);
    digest_map_free(&plan->seen);
}

static void *grown(void *items, size_t n, size_t size)
{
    return (n & (n - 1)) == 0 ? mem_grow(items, n ? 2 * n : 1, size) : items;
}

void import_plan_add_blob(struct import_plan *plan, const struct import_blob *blob)
{
    plan->blobs = grown(plan->blobs, plan->n_blobs, sizeof *plan->blobs);
    plan->blobs[plan->n_blobs++] = *blob;
    plan->size += blob->size;
}

void import_plan_add_manifest(struct import_plan *plan, const struct digest *digest)
{
    plan->manifests = grown(plan->manifests, plan->n_manifests, sizeof *plan->manifests);
    plan->manifests[plan->n_manifests++] = *digest;
}

void import_blob_name(const struct import_image *image, const struct digest *digest,
                      struct buf *name)
{
    buf_addstr(name, image->prefix);
    if (image->form != IMPORT_DIRECTORY)
        buf_addf(name, "blobs/%s/", digest_algorithm_name(digest->algorithm));
    buf_addstr(name, digest_hex(digest));
}

static void manifest_name(const struct import_image *image, const struct digest *digest,
                          struct buf *name)
{
    if (image->form == IMPORT_DIRECTORY && digest_equal(digest, &image->digest)) {
        buf_addf(name, "%smanifest.json", image->prefix);
        return;
    }
    import_blob_name(image, digest, name);
    if (image->form == IMPORT_DIRECTORY)
        buf_addstr(name, ".manifest.json");
}

int import_read_manifest(struct import *import, const struct import_image *image,
                         const struct digest *digest, struct buf *bytes, struct err *err)
{
    AUTO_BUF name = BUF_INIT;
    struct digest actual;

    manifest_name(image, digest, &name);
    int found =
        source_read(&import->source, name.s, (size_t)import->conf->manifest_limit, bytes, err);
    if (found < 0)
        return -1;
    if (found == 0)
        return blob_read_manifest(import->registry->store, digest, bytes, err);
    digester_of(&actual, digest->algorithm, bytes->s, bytes->len);
    if (!digest_equal(&actual, digest))
        return err_set(err, ERR_DIGEST_INVALID, "%s is damaged: it has the digest %s", name.s,
                       actual.s);
    return 1;
}

struct planning {
    struct import *import;
    const struct import_image *image;
    struct import_plan *plan;
    bool quiet; /* about what is missing */
    size_t missing;
};

static void note_missing(struct planning *planning, const struct digest *digest, int64_t size)
{
    planning->missing++;
    if (planning->quiet)
        return;
    if (planning->missing == 1)
        fprintf(stderr, "berth: neither in %s nor in the store:\n", planning->import->source.path);
    if (planning->missing <= SHOWN_MAX)
        fprintf(stderr, "  %s  %jd bytes\n", digest->s, (intmax_t)size);
}

/* A blob is in the store, or in the source with the right length. */
static int plan_blob(struct planning *planning, const struct descriptor *descriptor,
                     struct err *err)
{
    struct import_blob blob = {.digest = descriptor->digest, .size = descriptor->size};
    struct source_file file;
    AUTO_BUF name = BUF_INIT;
    int64_t size;

    int found = blob_stat(planning->import->registry->store, &blob.digest, &size, err);
    blob.in_store = found > 0 && size == blob.size;
    if (found >= 0 && !blob.in_store) {
        import_blob_name(planning->image, &blob.digest, &name);
        found = source_find(&planning->import->source, name.s, &file, err);
        if (found > 0)
            source_file_close(&file);
        if (found > 0 && file.size != blob.size)
            return err_set(err, ERR_SIZE_INVALID, "%s has %jd bytes, not %jd", name.s,
                           (intmax_t)file.size, (intmax_t)blob.size);
        blob.elsewhere = found == 0 && descriptor->has_urls;
        if (found == 0 && !blob.elsewhere)
            note_missing(planning, &blob.digest, blob.size);
    }
    if (found < 0)
        return -1;
    planning->plan->n_layers += descriptor->role == DESCRIPTOR_LAYER;
    import_plan_add_blob(planning->plan, &blob);
    return 0;
}

static int plan_manifest(struct planning *planning, const struct digest *digest, int64_t size,
                         int depth, struct err *err);

static int plan_references(struct planning *planning, const struct manifest *manifest, int depth,
                           struct err *err)
{
    for (size_t i = 0; i < manifest->n_references; i++) {
        const struct descriptor *descriptor = &manifest->references[i];
        if (planning->plan->seen.n > PARTS_MAX)
            return err_set(err, ERR_MANIFEST_INVALID, "an image of more than %d parts", PARTS_MAX);
        if (descriptor->role == DESCRIPTOR_CHILD) {
            if (plan_manifest(planning, &descriptor->digest, descriptor->size, depth + 1, err) < 0)
                return -1;
            continue;
        }
        if (digest_map_get(&planning->plan->seen, &descriptor->digest))
            continue;
        digest_map_put(&planning->plan->seen, &descriptor->digest);
        if (plan_blob(planning, descriptor, err) < 0)
            return -1;
    }
    return 0;
}

/* size: of the descriptor that names it; -1: none does. */
static int plan_manifest(struct planning *planning, const struct digest *digest, int64_t size,
                         int depth, struct err *err)
{
    struct import_plan *plan = planning->plan;
    AUTO_BUF bytes = BUF_INIT;
    AUTO_MANIFEST manifest = {0};

    if (digest_map_get(&plan->seen, digest))
        return 0;
    if (depth > DEPTH_MAX)
        return err_set(err, ERR_MANIFEST_INVALID, "%s is nested too deeply", digest->s);
    digest_map_put(&plan->seen, digest);
    int found = import_read_manifest(planning->import, planning->image, digest, &bytes, err);
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

/* The first of the referrers that is not before this subject. */
static size_t lower_bound(const struct import_found *found, const struct digest *subject)
{
    size_t low = 0, high = found->n_referrers;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(found->referrers[middle].subject.s, subject->s) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What refers to one of the manifests comes along, and what refers to that. */
static int plan_referrers(struct planning *planning, struct err *err)
{
    const struct import_found *found = &planning->import->found;
    struct import_plan *plan = planning->plan;
    size_t own = plan->n_manifests, images = plan->n_images, layers = plan->n_layers;

    for (size_t i = 0; i < plan->n_manifests; i++) {
        struct digest subject = plan->manifests[i];
        for (size_t j = lower_bound(found, &subject);
             j < found->n_referrers && digest_equal(&found->referrers[j].subject, &subject); j++)
            if (found->referrers[j].prefix == planning->image->prefix &&
                plan_manifest(planning, &found->referrers[j].digest, -1, 0, err) < 0)
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
static int find_whole_child(struct import *import, const struct import_image *image,
                            struct digest *child, struct err *err)
{
    AUTO_BUF bytes = BUF_INIT;
    AUTO_MANIFEST index = {0};
    size_t whole = 0;

    int found = import_read_manifest(import, image, &image->digest, &bytes, err);
    if (found <= 0)
        return found;
    if (manifest_parse(&index, bytes.s, bytes.len, err) < 0)
        return -1;
    for (size_t i = 0; i < index.n_references; i++) {
        const struct descriptor *descriptor = &index.references[i];
        AUTO_PLAN plan = {0};
        struct planning trial = {import, image, &plan, true, 0};
        if (descriptor->role != DESCRIPTOR_CHILD || !is_image(descriptor))
            continue;
        if (plan_manifest(&trial, &descriptor->digest, descriptor->size, 1, err) < 0)
            return -1;
        if (trial.missing == 0 && whole++ == 0)
            *child = descriptor->digest;
    }
    return whole == 1;
}

/* Of an image for many platforms docker has the one that it runs on, and saves the index with it.
 * That cannot be served, but the image can. */
static int plan_partial(struct planning *planning, struct err *err)
{
    const struct import_image *image = planning->image;
    struct digest child;

    planning->quiet = true;
    int planned = plan_top(planning, &image->digest, image->size, err);
    if (planned < 0 || planning->missing == 0)
        return planned;
    int found = find_whole_child(planning->import, image, &child, err);
    if (found < 0)
        return -1;
    import_plan_free(planning->plan);
    *planning->plan = (struct import_plan){0};
    planning->quiet = false;
    planning->missing = 0;
    if (!found)
        return plan_top(planning, &image->digest, image->size, err);
    fprintf(stderr, "berth: of the index %s docker saved one image, which takes its place: %s\n",
            image->digest.s, child.s);
    return plan_top(planning, &child, -1, err);
}

int import_plan(struct import *import, const struct import_image *image, struct import_plan *plan,
                struct err *err)
{
    struct planning planning = {import, image, plan, false, 0};

    int planned = image->may_be_partial ? plan_partial(&planning, err)
                                        : plan_top(&planning, &image->digest, image->size, err);
    if (planned < 0)
        return -1;
    if (planning.missing > 0)
        return err_set(err, ERR_BLOB_UNKNOWN,
                       "%zu parts of %s are missing: import first what has them", planning.missing,
                       image->digest.s);
    return 0;
}
