/* SPDX-License-Identifier: Apache-2.0
 * Issue 10, item 5: what one command accepts no other calls damaged. Repositories at random, of
 * images, indexes, artifacts, schema 1, layers as children and as subjects, and parts that are
 * missing; then the collector, fsck, du and the lists must say the same of them. */
#include "unit/fsck/fsck_runs.h"
#include "unit/gc/gc_runs.h"

#include "registry/usage.h"
#include "store/blob.h"
#include "store/layout.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 40
#define THINGS 14 /* in a repository */

struct thing {
    struct digest digest;
    int64_t size;
    bool is_manifest;
};

struct world {
    const struct store *store;
    unsigned seed;
    struct thing things[THINGS];
    int n;
};

static int pick(struct world *world, int below)
{
    world->seed = world->seed * 1103515245u + 12345u;
    return (int)((world->seed >> 16) % (unsigned)below);
}

static const struct thing *any(struct world *world)
{
    return &world->things[pick(world, world->n)];
}

static void add_descriptor(struct world *world, struct buf *text)
{
    const struct thing *thing = any(world);

    buf_addf(text, "{\"digest\":\"%s\",\"size\":%jd}", thing->digest.s, (intmax_t)thing->size);
}

static void add_list(struct world *world, struct buf *text, const char *key)
{
    buf_addf(text, ",\"%s\":[", key);
    for (int i = pick(world, 4); i >= 0; i--) {
        add_descriptor(world, text);
        buf_addstr(text, i ? "," : "");
    }
    buf_addc(text, ']');
}

static void add_schema1(struct world *world, struct buf *text)
{
    buf_addf(text, "{\"schemaVersion\":1,\"fsLayers\":[{\"blobSum\":\"%s\"}]}",
             any(world)->digest.s);
}

/* Children and layers are whatever is there already, so layers are children, and the other way. */
static void make_manifest(struct world *world)
{
    static const char *const keys[] = {"layers", "manifests", "blobs"};
    static const char *const types[] = {
        "", "", ",\"mediaType\":\"application/vnd.oci.artifact.manifest.v1+json\""};
    AUTO_BUF text = BUF_INIT;
    char tag[20];
    int kind = pick(world, 4);

    snprintf(tag, sizeof tag, "tag%d", pick(world, 6)); /* which may move */
    if (kind == 3) {
        add_schema1(world, &text);
    } else {
        buf_addf(&text, "{\"schemaVersion\":2%s,\"annotations\":{\"n\":\"%d\"}", types[kind],
                 world->n);
        add_list(world, &text, keys[kind]);
        if (pick(world, 3) == 0) {
            buf_addstr(&text, ",\"subject\":");
            add_descriptor(world, &text);
        }
        buf_addc(&text, '}');
    }
    struct digest digest = put_manifest(world->store, "a", tag, text.s);
    world->things[world->n++] = (struct thing){digest, (int64_t)text.len, true};
}

static void make_blob(struct world *world)
{
    char content[40];

    snprintf(content, sizeof content, pick(world, 4) ? "layer %d" : "{\"x\":%d}", world->n);
    world->things[world->n++] =
        (struct thing){have_blob(world->store, "a", content), (int64_t)strlen(content), false};
}

static void make(struct world *world, const struct store *store, unsigned seed)
{
    *world = (struct world){.store = store, .seed = seed};
    make_blob(world);
    while (world->n < THINGS)
        if (pick(world, 3))
            make_manifest(world);
        else
            make_blob(world);
}

/* Faults that count: schema 1 is a note, and content that somebody does without is one too. */
static int64_t faults(const struct store *store, bool repair)
{
    struct fsck_options options = {.jobs = 1, .grace = 3600, .repair = repair};
    struct fsck_summary summary;

    fsck_found(store, &options, &summary);
    return summary.errors + summary.warnings - summary.repaired;
}

static int64_t blobs_there(const struct store *store)
{
    struct usage usage;

    assert_returns(0, usage_measure(unit_registry(store), true, NULL, &usage, &failure));
    int64_t n = usage.blobs.n;
    assert_int_equal(usage.blobs.n, usage.referenced.n + usage.unreferenced.n);
    usage_free(&usage);
    return n;
}

static void start_anew(const struct store *store)
{
    unit_delete(store->path, "repositories/a");
    unit_delete(store->path, "blobs");
    unit_put(store->path, "blobs/sha256/00/.x", "");
}

/* All parts are there: nobody finds anything, and the collector keeps all that fsck would miss. */
static void test_5_sound_repositories(void **state)
{
    const struct store *store = *state;

    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        struct world world;
        struct told told = {.store = NULL};
        make(&world, store, seed);
        fsck_repair(store); /* entries among the referrers */
        assert_int_equal(0, faults(store, false));
        age_all(store);
        struct gc_totals totals = gc(store, &told);
        assert_string_equal("", told.problems);
        assert_int_equal(0, faults(store, false));
        assert_int_equal(totals.blobs.kept, blobs_there(store));
        struct told again = {.store = NULL};
        totals = gc(store, &again);
        assert_int_equal(0, totals.blobs.removed);
        start_anew(store);
    }
}

/* A part is missing: where the collector stops, fsck says why; and after a repair both are content.
 */
static void test_5_missing_parts(void **state)
{
    const struct store *store = *state;

    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        struct world world;
        struct told told = {.store = NULL}, after = {.store = NULL};
        struct layout_path path;
        make(&world, store, seed);
        fsck_repair(store);
        unit_delete(store->path, layout_blob(&path, &any(&world)->digest));
        age_all(store);
        struct gc_totals totals = collect(store, &told, true);
        if (totals.problems > 0)
            assert_true(faults(store, false) > 0);
        faults(store, true);
        totals = gc(store, &after);
        assert_string_equal("", after.problems);
        assert_int_equal(0, faults(store, false));
        start_anew(store);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_5_sound_repositories),
        STORE_TEST(test_5_missing_parts),
    };

    return RUN(tests);
}
