/* SPDX-License-Identifier: Apache-2.0
 * store/repo.c: what repositories have, and the walk through them all. */
#include "unit/unit.h"

#include "base/buf.h"
#include "base/dir_read.h"
#include "base/fs_path.h"
#include "store/layout.h"
#include "store/repo.h"

#include <stdio.h>

static void test_creating_makes_both_marks(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a/b");
    AUTO_DIRTY dirty = {0};

    assert_returns(0, repo_exists(store, &name, &failure));
    assert_returns(0, repo_create(store, &name, &dirty, &failure));
    assert_returns(1, repo_exists(store, &name, &failure));
    assert_true(unit_exists(store->path, "repositories/a/b/_layers"));
    assert_true(unit_exists(store->path, "repositories/a/b/_manifests"));
    const struct name parent = unit_name("a");
    assert_returns(0, repo_exists(store, &parent, &failure));
}

static void test_exists_by_either_mark(void **state)
{
    const struct store *store = *state;
    const struct name two = unit_name("two"), three = unit_name("three");

    unit_put(store->path, "repositories/two/_layers/x", "");
    unit_put(store->path, "repositories/three/_manifests/x", "");
    assert_returns(1, repo_exists(store, &two, &failure));
    assert_returns(1, repo_exists(store, &three, &failure));
}

static void test_layers(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    const struct digest digest = unit_digest_of("1"), another = unit_digest_of("2");
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    assert_returns(0, repo_has_layer(store, &name, &digest, &failure));
    assert_returns(0, repo_link_layer(store, &name, &digest, &dirty, &failure));
    assert_returns(1, repo_has_layer(store, &name, &digest, &failure));
    assert_content(digest.s, store->path, layout_layer(&path, &name, &digest));
    assert_true(unit_exists(store->path, "repositories/a/_manifests")); /* 3.x looks for it */
    assert_returns(0, repo_has_layer(store, &name, &another, &failure));
    assert_returns(0, repo_has_layer(store, &other, &digest, &failure));
    assert_returns(0, repo_has_revision(store, &name, &digest, &failure));
    assert_returns(1, repo_unlink_layer(store, &name, &digest, &dirty, &failure));
    assert_returns(0, repo_has_layer(store, &name, &digest, &failure));
    assert_returns(0, repo_unlink_layer(store, &name, &digest, &dirty, &failure));
}

static void test_revisions(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest a = unit_digest_of("1"), b = unit_digest(DIGEST_SHA512, "2");
    struct layout_path path;
    AUTO_STRINGS hex = {0};
    AUTO_DIRTY dirty = {0};

    assert_returns(0, repo_list_revisions(store, &name, DIGEST_SHA256, &hex, &failure));
    assert_returns(0, repo_link_revision(store, &name, &a, &dirty, &failure));
    assert_returns(0, repo_link_revision(store, &name, &b, &dirty, &failure));
    assert_content(a.s, store->path, layout_revision(&path, &name, &a));
    assert_true(unit_exists(store->path, "repositories/a/_layers")); /* 2.x looks for it */
    assert_returns(1, repo_has_revision(store, &name, &a, &failure));
    assert_returns(1, repo_has_revision(store, &name, &b, &failure));
    assert_returns(0, repo_has_layer(store, &name, &a, &failure));
    assert_returns(1, repo_list_revisions(store, &name, DIGEST_SHA512, &hex, &failure));
    assert_int_equal(1, hex.n);
    assert_string_equal(digest_hex(&b), hex.v[0]);
    assert_returns(1, repo_unlink_revision(store, &name, &a, &dirty, &failure));
    assert_returns(0, repo_has_revision(store, &name, &a, &failure));
    assert_returns(0, repo_unlink_revision(store, &name, &a, &dirty, &failure));
}

struct manifests {
    const struct store *store;
    struct strings digests; /* in the order of algorithms and bytes: see visit_manifest */
    size_t stop_at;
    int stop;
    bool removes;
};

static int visit_manifest(void *context, const struct digest *digest, int64_t when, struct err *err)
{
    struct manifests *seen = context;
    const struct name name = unit_name("a");
    int64_t expected;
    AUTO_DIRTY dirty = {0};

    (void)err;
    assert_returns(1, repo_revision_time(seen->store, &name, digest, &expected, &failure));
    assert_true(when == expected);
    strings_add(&seen->digests, digest->s);
    for (int i = 1; seen->removes && i <= 3; i++) { /* all but this one */
        char text[2] = {(char)('0' + i)};
        const struct digest other = unit_digest_of(text);
        if (!digest_equal(&other, digest))
            assert_returns(1, repo_unlink_revision(seen->store, &name, &other, &dirty, &failure));
    }
    return seen->digests.n == seen->stop_at ? seen->stop : 0;
}

static void test_each_manifest(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), none = unit_name("b");
    const struct digest a = unit_digest_of("1"), b = unit_digest(DIGEST_SHA512, "2"),
                        empty = unit_digest_of("3"), layer = unit_digest_of("4");
    struct manifests seen = {.store = store};
    struct layout_path path;
    AUTO_DIRTY dirty = {0};

    assert_returns(0, repo_each_manifest(store, &none, visit_manifest, &seen, &failure));
    assert_int_equal(0, seen.digests.n);
    assert_returns(0, repo_link_revision(store, &name, &a, &dirty, &failure));
    assert_returns(0, repo_link_revision(store, &name, &b, &dirty, &failure));
    assert_returns(0, repo_link_revision(store, &name, &empty, &dirty, &failure));
    assert_returns(0, repo_link_layer(store, &name, &layer, &dirty, &failure));
    unit_delete(store->path, layout_revision(&path, &name, &empty)); /* its directory stays */
    unit_put(store->path, "repositories/a/_manifests/revisions/sha256/no-digest/link", "x");
    unit_age(store->path, layout_revision(&path, &name, &b), 1000);
    assert_returns(0, repo_each_manifest(store, &name, visit_manifest, &seen, &failure));
    strings_sort(&seen.digests);
    assert_int_equal(2, seen.digests.n);
    assert_string_equal(a.s, seen.digests.v[0]);
    assert_string_equal(b.s, seen.digests.v[1]);
    strings_free(&seen.digests);
}

static void test_each_manifest_until_it_is_enough(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct manifests seen = {.store = store, .stop_at = 2, .stop = 1};
    AUTO_DIRTY dirty = {0};

    for (int i = 1; i <= 3; i++) {
        char text[2] = {(char)('0' + i)};
        const struct digest digest = unit_digest_of(text);
        assert_returns(0, repo_link_revision(store, &name, &digest, &dirty, &failure));
    }
    assert_returns(0, repo_each_manifest(store, &name, visit_manifest, &seen, &failure));
    assert_int_equal(2, seen.digests.n);
    strings_free(&seen.digests);
    seen.stop = -1;
    assert_int_equal(-1, repo_each_manifest(store, &name, visit_manifest, &seen, &failure));
    assert_int_equal(2, seen.digests.n);
    strings_free(&seen.digests);
    seen.removes = true; /* what goes meanwhile is none */
    assert_returns(0, repo_each_manifest(store, &name, visit_manifest, &seen, &failure));
    assert_int_equal(1, seen.digests.n);
    strings_free(&seen.digests);
}

static void test_has_manifests(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    const struct digest a = unit_digest_of("1"), b = unit_digest(DIGEST_SHA512, "2");
    AUTO_DIRTY dirty = {0};

    assert_returns(0, repo_has_manifests(store, &name, &failure));
    assert_returns(0, repo_link_layer(store, &name, &a, &dirty, &failure));
    assert_returns(0, repo_has_manifests(store, &name, &failure));
    /* Distribution leaves the directory when it deletes the link. */
    unit_put(store->path, "repositories/a/_manifests/revisions/sha256/aa/x", "");
    unit_put(store->path,
             "repositories/a/_manifests/revisions/sha256/"
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad/x",
             "");
    assert_returns(0, repo_has_manifests(store, &name, &failure));
    assert_returns(0, repo_link_revision(store, &name, &b, &dirty, &failure));
    assert_returns(1, repo_has_manifests(store, &name, &failure));
    assert_returns(1, repo_unlink_revision(store, &name, &b, &dirty, &failure));
    assert_returns(0, repo_has_manifests(store, &name, &failure));
    assert_returns(0, repo_link_revision(store, &name, &a, &dirty, &failure));
    assert_returns(1, repo_has_manifests(store, &name, &failure));
}

/* Collects names as text, up to a number of them. */
struct collector {
    struct buf names;
    int left;
};

static int collect(void *context, const struct name *name, struct err *err)
{
    struct collector *collector = context;

    (void)err;
    buf_addf(&collector->names, "%s ", name->s);
    return --collector->left == 0;
}

/* page: of so many, all if 0. */
static void assert_walk_by(const struct store *store, const char *after, int limit, size_t page,
                           const char *expected)
{
    struct collector collector = {.left = limit};

    buf_addstr(&collector.names, "");
    if (page)
        assert_returns(0, repo_walk_page(store, after, page, collect, &collector, &failure));
    else
        assert_returns(0, repo_walk(store, after, collect, &collector, &failure));
    if (strcmp(collector.names.s, expected) != 0)
        fail_msg("behind %s: \"%s\", not \"%s\"", after ? after : "nothing", collector.names.s,
                 expected);
    buf_free(&collector.names);
}

static void assert_walk(const struct store *store, const char *after, int limit,
                        const char *expected)
{
    for (size_t page = 0; page < 5; page++)
        assert_walk_by(store, after, limit, page, expected);
    assert_walk_by(store, after, limit, 1000, expected);
}

/* How many names were read from directories, and how many files were looked at. */
static size_t n_read, n_looks;

const struct dirent64 *__real_dir_read_next(struct dir_read *read);
const struct dirent64 *__wrap_dir_read_next(struct dir_read *read);
const struct dirent64 *__wrap_dir_read_next(struct dir_read *read)
{
    n_read++;
    return __real_dir_read_next(read);
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
    n_looks++;
    return __real_fstat(fd, st);
}

/* The place below the parent is not that of its name. */
static void test_a_walk_behind_a_child_of_another_letter(void **state)
{
    const struct store *store = *state;

    unit_put(store->path, "repositories/m/b/_layers/x", "");
    unit_put(store->path, "repositories/m/n/_layers/x", "");
    assert_walk(store, "m/a", -1, "m/b m/n ");
    assert_walk(store, "m/b", -1, "m/n ");
}

/* One repository of a hundred is all that is opened. */
static void test_a_page_of_a_walk_opens_few(void **state)
{
    const struct store *store = *state;
    char path[64];

    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "repositories/r%02d/_layers/x", i);
        unit_put(store->path, path, "");
        snprintf(path, sizeof path, "repositories/r%02d/_manifests/x", i);
        unit_put(store->path, path, "");
    }
    n_read = n_looks = 0;
    assert_walk_by(store, NULL, 1, 1, "r00 ");
    assert_walk_by(store, "r50", 1, 1, "r51 ");
    assert_true(n_read < 2 * 120);
    assert_true(n_looks < 20);
    n_read = n_looks = 0;
    assert_walk_by(store, "r50", 1, 0, "r51 ");
    assert_true(n_read > 100); /* they are counted */
    n_read = 0;
    assert_walk_by(store, "r97", -1, 1, "r98 r99 ");
    assert_true(n_read < 4 * 110);
}

/* In Distribution's order. */
#define ALL "a a/b a/b/c a-b a.b a_b aa b/c b/c-d z "

static void make_repositories(const struct store *store)
{
    static const char *const names[] = {"z",   "b/c-d", "b/c", "aa",    "a_b",
                                        "a.b", "a-b",   "a/b", "a/b/c", "a"};

    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        const struct name name = unit_name(names[i]);
        AUTO_DIRTY dirty = {0};
        assert_returns(0, repo_create(store, &name, &dirty, &failure));
    }
}

static void test_walk_through_directories(void **state)
{
    const struct store *store = *state;
    struct collector collector = {.left = -1};

    make_repositories(store);
    unit_put(store->path, "repositories/new/_uploads/x/data", "");
    unit_put(store->path, "repositories/Stray/x", "");
    assert_returns(0, repo_walk_directories(store, collect, &collector, &failure));
    assert_string_equal("a a/b a/b/c a-b a.b a_b aa b b/c b/c-d new z ", collector.names.s);
    buf_free(&collector.names);
}

static void test_walk_goes_by_components(void **state)
{
    const struct store *store = *state;

    assert_walk(store, NULL, -1, "");
    make_repositories(store);
    assert_walk(store, NULL, -1, ALL);
    assert_walk(store, "", -1, ALL);
}

static void test_walk_behind_each_one(void **state)
{
    const struct store *store = *state;

    make_repositories(store);
    for (const char *rest = ALL; *rest;) {
        char after[32];
        const char *space = strchr(rest, ' ');
        snprintf(after, sizeof after, "%.*s", (int)(space - rest), rest);
        rest = space + 1;
        assert_walk(store, after, -1, rest);
    }
}

static void test_walk_behind_what_is_not_there(void **state)
{
    const struct store *store = *state;

    make_repositories(store);
    assert_walk(store, "0", -1, ALL);
    assert_walk(store, "a/a", -1, "a/b a/b/c a-b a.b a_b aa b/c b/c-d z ");
    assert_walk(store, "a/b/b/b", -1, "a/b/c a-b a.b a_b aa b/c b/c-d z ");
    assert_walk(store, "a/c", -1, "a-b a.b a_b aa b/c b/c-d z ");
    assert_walk(store, "a/", -1, "a/b a/b/c a-b a.b a_b aa b/c b/c-d z ");
    assert_walk(store, "a!", -1, "a-b a.b a_b aa b/c b/c-d z ");
    assert_walk(store, "b", -1, "b/c b/c-d z ");
    assert_walk(store, "b/c/x", -1, "b/c-d z ");
    assert_walk(store, "z", -1, "");
    assert_walk(store, "zz/../a", -1, "");
    assert_walk(store, "\xff", -1, "");
}

static void test_walk_stops_when_told(void **state)
{
    const struct store *store = *state;

    make_repositories(store);
    assert_walk(store, NULL, 1, "a ");
    assert_walk(store, NULL, 3, "a a/b a/b/c ");
    assert_walk(store, "a/b", 2, "a/b/c a-b ");
}

static int fail_at_b(void *context, const struct name *name, struct err *err)
{
    ++*(int *)context;
    return strcmp(name->s, "a/b") == 0 ? err_set(err, ERR_BUSY, "told so") : 0;
}

static void test_walk_passes_an_error_on(void **state)
{
    const struct store *store = *state;
    int visited = 0;

    make_repositories(store);
    assert_fails(BUSY, repo_walk(store, NULL, fail_at_b, &visited, &failure));
    assert_int_equal(2, visited);
}

static void test_walk_passes_over_foreign_entries(void **state)
{
    const struct store *store = *state;
    static const char *const entries[] = {
        "repositories/_file",          "repositories/file",
        "repositories/.hidden/x",      "repositories/_dir/_layers/x",
        "repositories/.dir/_layers/x", "repositories/Upper/_layers/x",
        "repositories/a b/_layers/x",  "repositories/a--/_layers/x",
        "repositories/no-repo/x",      "repositories/a/_file",
        "repositories/a/file",         "repositories/a/_uploads/x/data",
        "repositories/\xff/_layers/x", "repositories/.tmp",
    };

    make_repositories(store);
    for (size_t i = 0; i < LENGTH_OF(entries); i++)
        unit_put(store->path, entries[i], "x");
    assert_walk(store, NULL, -1, ALL);
}

static void test_walk_follows_no_link(void **state)
{
    const struct store *store = *state;

    make_repositories(store);
    unit_put(store->path, "outside/inner/_layers/x", "");
    unit_symlink("../outside", store->path, "repositories/link");
    unit_symlink("../../outside/inner", store->path, "repositories/a/link");
    unit_symlink("a", store->path, "repositories/c-alias");
    unit_symlink(".", store->path, "repositories/loop");
    unit_symlink("nowhere", store->path, "repositories/dangling");
    assert_walk(store, NULL, -1, ALL);
    fs_path_force_walk(true); /* as on a kernel without openat2 */
    assert_walk(store, NULL, -1, ALL);
    fs_path_force_walk(false);
}

static void test_walk_over_a_failing_disk(void **state)
{
    const struct store *store = *state;
    struct collector collector = {.left = -1};

    make_repositories(store);
    unit_allow_opening(false);
    int walked = repo_walk(store, NULL, collect, &collector, &failure);
    unit_allow_opening(true);
    assert_int_equal(-1, walked);
    assert_int_equal(ERR_IO, failure.code);
    assert_null(collector.names.s);
}

static int exhaust(void *context, const struct name *name, struct err *err)
{
    (void)name;
    (void)err;
    ++*(int *)context;
    unit_allow_opening(false);
    return 0;
}

static void test_walk_that_fails_on_its_way(void **state)
{
    const struct store *store = *state;
    int visited = 0;

    make_repositories(store);
    int walked = repo_walk(store, NULL, exhaust, &visited, &failure);
    unit_allow_opening(true);
    assert_int_equal(-1, walked);
    assert_int_equal(ERR_IO, failure.code);
    assert_int_equal(1, visited);
}

static void test_a_failing_disk_is_an_error(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a"), other = unit_name("b");
    const struct digest digest = unit_digest_of("1");
    AUTO_DIRTY dirty = {0};
    AUTO_STRINGS hex = {0};

    assert_returns(0, repo_link_revision(store, &name, &digest, &dirty, &failure));
    unit_break(store->path, "repositories/a/_manifests/revisions/sha256");
    assert_fails(IO, repo_has_manifests(store, &name, &failure));
    assert_fails(IO, repo_has_revision(store, &name, &digest, &failure));
    assert_fails(IO, repo_list_revisions(store, &name, DIGEST_SHA256, &hex, &failure));
    assert_fails(IO, repo_each_manifest(store, &name, visit_manifest, NULL, &failure));
    unit_break(store->path, "repositories/a/_manifests");
    assert_fails(IO, repo_create(store, &name, &dirty, &failure));
    unit_break(store->path, "repositories/b");
    assert_fails(IO, repo_create(store, &other, &dirty, &failure));
    assert_fails(IO, repo_link_layer(store, &other, &digest, &dirty, &failure));
    assert_fails(IO, repo_link_revision(store, &other, &digest, &dirty, &failure));
    assert_fails(IO, repo_unlink_layer(store, &other, &digest, &dirty, &failure));
    assert_fails(IO, repo_exists(store, &other, &failure));
}

static void test_walk_of_the_longest_names(void **state)
{
    const struct store *store = *state;
    char text[NAME_LEN_MAX + 1], below[NAME_LEN_MAX + 40], expected[NAME_LEN_MAX + 3];
    AUTO_DIRTY dirty = {0};

    memset(text, 'n', sizeof text);
    text[100] = text[200] = '/';
    text[NAME_LEN_MAX] = '\0';
    const struct name name = unit_name(text);
    assert_returns(0, repo_create(store, &name, &dirty, &failure));
    snprintf(below, sizeof below, "repositories/%s/b/_layers/x", text); /* longer than a name */
    unit_put(store->path, below, "");
    snprintf(expected, sizeof expected, "%s ", text);
    assert_walk(store, NULL, -1, expected);
    assert_walk(store, text, -1, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_walk_behind_a_child_of_another_letter),
        STORE_TEST(test_a_page_of_a_walk_opens_few),
        STORE_TEST(test_creating_makes_both_marks),
        STORE_TEST(test_exists_by_either_mark),
        STORE_TEST(test_layers),
        STORE_TEST(test_revisions),
        STORE_TEST(test_each_manifest),
        STORE_TEST(test_each_manifest_until_it_is_enough),
        STORE_TEST(test_has_manifests),
        STORE_TEST(test_walk_through_directories),
        STORE_TEST(test_walk_goes_by_components),
        STORE_TEST(test_walk_behind_each_one),
        STORE_TEST(test_walk_behind_what_is_not_there),
        STORE_TEST(test_walk_stops_when_told),
        STORE_TEST(test_walk_passes_an_error_on),
        STORE_TEST(test_walk_passes_over_foreign_entries),
        STORE_TEST(test_walk_follows_no_link),
        STORE_TEST(test_walk_over_a_failing_disk),
        STORE_TEST(test_walk_that_fails_on_its_way),
        STORE_TEST(test_a_failing_disk_is_an_error),
        STORE_TEST(test_walk_of_the_longest_names),
    };

    return RUN(tests);
}
