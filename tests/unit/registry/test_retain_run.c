/* SPDX-License-Identifier: Apache-2.0
 * registry/retain_run.c and retain_read.c: what a run makes of a store. */
#include "unit/registry/content.h"

#include "registry/copy.h"
#include "registry/pulled.h"
#include "registry/remove.h"
#include "registry/retain_run.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/repo.h"
#include "store/tag.h"

#include <stdio.h>

#define DAY ((int64_t)86400)
#define CHILD                                                                                      \
    "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\",\"size\":2}"

/* What another process does between the decision and the first removal: lock_gc, with which each
 * removal begins, stands for that moment. */
static void (*meanwhile)(const struct store *store);

int __real_lock_gc(const struct store *store, enum fs_lock kind, struct lock *lock,
                   struct err *err);
int __wrap_lock_gc(const struct store *store, enum fs_lock kind, struct lock *lock,
                   struct err *err);

int __wrap_lock_gc(const struct store *store, enum fs_lock kind, struct lock *lock, struct err *err)
{
    void (*now)(const struct store *) = meanwhile;

    meanwhile = NULL; /* once */
    if (now)
        now(store);
    return __real_lock_gc(store, kind, lock, err);
}

static void age_tag(const struct store *store, const char *text, long seconds)
{
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag(text);
    struct layout_path path;

    unit_age(store->path, layout_tag_current(&path, &name, &tag), seconds);
}

static void age_link(const struct store *store, const struct digest *digest, long seconds)
{
    const struct name name = unit_name("a");
    struct layout_path path;

    unit_age(store->path, layout_revision(&path, &name, digest), seconds);
}

static struct digest have_old(const struct store *store, const char *tag, const char *mark)
{
    const struct digest digest = have_image(store, "a", tag, mark);

    if (tag)
        age_tag(store, tag, 90 * DAY);
    age_link(store, &digest, 90 * DAY);
    return digest;
}

static struct digest have_old_index(const struct store *store, const char *reference,
                                    const struct digest *child)
{
    const struct digest digest = have_manifest(
        store, "a", reference, "{\"schemaVersion\":2,\"manifests\":[" CHILD "]}", child->s);

    age_link(store, &digest, 90 * DAY);
    age_link(store, child, 90 * DAY);
    return digest;
}

static struct digest have_old_referrer(const struct store *store, const struct digest *subject)
{
    const struct digest digest = have_manifest(
        store, "a", NULL, "{\"schemaVersion\":2,\"layers\":[],\"subject\":" CHILD "}", subject->s);

    age_link(store, &digest, 90 * DAY);
    return digest;
}

static bool has(const struct store *store, const struct digest *digest)
{
    const struct name name = unit_name("a");
    struct err err;

    return repo_has_revision(store, &name, digest, &err) > 0;
}

static struct retain_section week = {
    .pattern = (char[]){"**"},
    .younger = {(char[]){"7d"}, 7 * 86400},
    .untagged = {(char[]){"7d"}, 7 * 86400},
};

static struct retain_run run_by(const struct retain_section *section)
{
    return (struct retain_run){.section = section, .untagged = 7 * DAY};
}

static int run(const struct store *store, const struct retain_section *section,
               struct retain_history *history)
{
    const struct name name = unit_name("a");
    struct retain_run run = run_by(section);

    *history = (struct retain_history){0};
    return retain_run(unit_registry(store), &run, &name, history, &failure);
}

static const struct retain_tag *find_tag(const struct retain_history *history, const char *text)
{
    for (size_t i = 0; i < history->n_tags; i++)
        if (!strcmp(history->tags[i].name, text))
            return &history->tags[i];
    return NULL;
}

static void test_what_goes_and_what_stays(void **state)
{
    const struct store *store = *state;
    AUTO_HISTORY history = {0};

    have_old(store, "old", "old");
    have_image(store, "a", "new", "new");
    const struct digest untagged = have_old(store, NULL, "untagged");
    const struct digest child = have_old(store, NULL, "child");
    const struct digest live = have_old_index(store, "index", &child);
    const struct digest signature = have_old_referrer(store, &live);
    const struct digest useless = have_old_referrer(store, &untagged);
    age_link(store, &useless, 0);
    assert_returns(0, run(store, &week, &history));
    assert_string_equal("", tag_digest(store, "a", "old"));
    assert_string_not_equal("", tag_digest(store, "a", "new"));
    assert_false(has(store, &untagged) || has(store, &useless));
    assert_true(has(store, &child) && has(store, &live) && has(store, &signature));
    assert_true(find_tag(&history, "old")->gone);
    assert_false(find_tag(&history, "new")->gone);
}

static void test_a_dry_run_writes_nothing(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct retain_section section = week;
    struct retain_run run = run_by(&section);
    AUTO_HISTORY history = {0};
    int64_t when;

    section.pulled = (struct settings_age){(char[]){"1d"}, 86400};
    const struct digest digest = have_old(store, "old", "old");
    const struct digest untagged = have_old(store, NULL, "untagged");
    run.dry_run = true;
    assert_returns(0, retain_run(unit_registry(store), &run, &name, &history, &failure));
    assert_true(find_tag(&history, "old")->stays); /* since no pulls are known */
    assert_string_equal(digest.s, tag_digest(store, "a", "old"));
    assert_true(has(store, &untagged));
    assert_returns(0, pulled_since(store, &name, &when, &failure));
}

/* From the first run on; then what was not pulled goes. */
static void test_pulls_are_recorded_from_the_first_run_on(void **state)
{
    const struct store *store = *state;
    struct retain_section section = {.pulled = {(char[]){"14d"}, 14 * 86400}};
    const struct name name = unit_name("a");
    const struct tag used = unit_tag("used"), unused = unit_tag("unused");
    struct retain_history history;
    struct layout_path path;
    int64_t when;

    have_old(store, "used", "used");
    have_old(store, "unused", "unused");
    assert_returns(0, run(store, &section, &history));
    retain_history_free(&history);
    assert_string_not_equal("", tag_digest(store, "a", "unused"));
    assert_returns(1, pulled_since(store, &name, &when, &failure));
    unit_age(store->path, layout_pulled_of(&path, &name, "_since"), 15 * DAY);
    assert_returns(1, pulled_record(store, &name, &used, &failure));
    assert_returns(1, pulled_record(store, &name, &unused, &failure));
    unit_age(store->path, layout_pulled(&path, &name, &unused), 15 * DAY);
    assert_returns(0, run(store, &section, &history));
    retain_history_free(&history);
    assert_string_equal("", tag_digest(store, "a", "unused"));
    assert_string_not_equal("", tag_digest(store, "a", "used"));
    assert_returns(0, pulled_time(store, &name, &unused, &when, &failure)); /* forgotten */
    assert_returns(1, pulled_time(store, &name, &used, &when, &failure));
}

static void signature_tag(const struct digest *subject, const char *end, char text[129])
{
    snprintf(text, 129, "%.6s-%.64s%s", subject->s, digest_hex(subject), end);
}

/* With a tag, as cosign does it, and under every rule. */
static void test_signatures_go_with_their_subject(void **state)
{
    static const char *const ends[] = {".sig", ".att", ".sbom", ""};
    const struct store *store = *state;
    struct retain_history history;
    char kept[4][129], going[4][129], other[129];

    const struct digest live = have_image(store, "a", "live", "live");
    const struct digest dead = have_old(store, NULL, "dead");
    const struct digest elsewhere = unit_digest_of("elsewhere");
    signature_tag(&elsewhere, ".sig", other);
    have_old(store, other, "other");
    for (size_t i = 0; i < 4; i++) {
        char mark[2][8];
        signature_tag(&live, ends[i], kept[i]);
        signature_tag(&dead, ends[i], going[i]);
        snprintf(mark[0], sizeof mark[0], "k%zu", i);
        snprintf(mark[1], sizeof mark[1], "g%zu", i);
        have_old(store, kept[i], mark[0]);
        have_old(store, going[i], mark[1]);
    }
    assert_returns(0, run(store, &week, &history));
    retain_history_free(&history);
    assert_false(has(store, &dead));
    for (size_t i = 0; i < 4; i++) {
        assert_string_not_equal("", tag_digest(store, "a", kept[i]));
        assert_string_equal("", tag_digest(store, "a", going[i]));
    }
    assert_string_not_equal("", tag_digest(store, "a", other));
}

/* The specification cuts the digits of a sha512 so that they fit into a tag. */
static void test_the_fallback_tag_of_a_sha512(void **state)
{
    static const char text[] = "{\"schemaVersion\":2,\"layers\":[]}";
    const struct store *store = *state;
    const struct digest digest = unit_digest(DIGEST_SHA512, text);
    struct pushed_manifest pushed;
    struct retain_history history;
    char tag[129];

    assert_returns(0, push_text(store, "a", digest.s, text, &pushed));
    signature_tag(&digest, "", tag);
    have_old(store, tag, "x");
    assert_returns(0, run(store, &week, &history));
    assert_int_equal(RETAIN_SUBJECT, find_tag(&history, tag)->reason);
    retain_history_free(&history);
}

static void test_what_only_looks_like_a_signature(void **state)
{
    const struct store *store = *state;
    const struct digest digest = unit_digest_of("x");
    struct retain_history history;
    char other_end[129], longer[129];

    signature_tag(&digest, ".x", other_end);
    signature_tag(&digest, "0", longer);
    have_old(store, "sha256-abc.sig", "1");
    have_old(store, other_end, "2");
    have_old(store, longer, "3");
    assert_returns(0, run(store, &week, &history));
    for (size_t i = 0; i < history.n_tags; i++)
        assert_true(history.tags[i].gone);
    retain_history_free(&history);
}

static bool releases_stay(const void *context, const struct name *name, const struct tag *tag)
{
    (void)context;
    return strcmp(name->s, "a") != 0 || tag->s[0] != 'v';
}

static void test_immutable_tags_stay(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct retain_run run = run_by(&week);
    struct registry registry = {.store = store};
    AUTO_HISTORY history = {0};

    registry.rules.may_move = releases_stay;
    have_old(store, "v1", "1");
    have_old(store, "x1", "2");
    assert_returns(0, retain_run(&registry, &run, &name, &history, &failure));
    assert_string_not_equal("", tag_digest(store, "a", "v1"));
    assert_string_equal("", tag_digest(store, "a", "x1"));
    assert_int_equal(RETAIN_IMMUTABLE, find_tag(&history, "v1")->reason);
}

static void test_damage_keeps_all(void **state)
{
    const struct store *store = *state;
    struct retain_history history;
    struct layout_path path;
    const char *damaged_tag = "repositories/a/_manifests/tags/bad/current/link";

    const struct digest untagged = have_old(store, NULL, "untagged");
    const struct digest bad = have_old(store, NULL, "bad");
    have_old(store, "old", "old");
    /* A tag that holds no digest, and one that points at what is not there. */
    unit_put(store->path, damaged_tag, "x");
    assert_fails(IO, run(store, &week, &history));
    retain_history_free(&history);
    unit_put(store->path, damaged_tag, unit_digest_of("nothing").s);
    assert_fails(IO, run(store, &week, &history));
    assert_non_null(strstr(failure.msg, "the tag bad"));
    retain_history_free(&history);
    unit_delete(store->path, "repositories/a/_manifests/tags/bad");
    /* A manifest that is another, one that is none, and one that is missing. */
    static const char *const contents[] = {"{}", NULL};
    for (size_t i = 0; i < LENGTH_OF(contents); i++) {
        unit_delete(store->path, layout_blob(&path, &bad));
        if (contents[i])
            unit_put(store->path, path.s, contents[i]);
        assert_fails(IO, run(store, &week, &history));
        assert_non_null(strstr(failure.msg, bad.s));
        retain_history_free(&history);
    }
    assert_string_not_equal("", tag_digest(store, "a", "old"));
    assert_true(has(store, &untagged));
}

static void push_again(const struct store *store)
{
    have_image(store, "a", "old", "old");
}

static void push_another(const struct store *store)
{
    have_image(store, "a", "old", "another");
}

static void pull_old(const struct store *store)
{
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("old");

    assert_int_equal(1, pulled_record(store, &name, &tag, &failure));
}

/* A tag that is used between decision and removal is not what was decided about. */
static void test_a_tag_that_is_used_meanwhile_stays(void **state)
{
    static void (*const uses[])(const struct store *) = {push_again, push_another, pull_old};
    const struct store *store = *state;
    struct retain_section section = {.pulled = {(char[]){"14d"}, 14 * 86400}};
    const struct name name = unit_name("a");
    struct layout_path path;

    for (size_t i = 0; i < LENGTH_OF(uses); i++) {
        struct retain_history history;
        have_old(store, "old", "old");
        assert_return_code(pulled_begin(store, &name, &failure), 0);
        unit_age(store->path, layout_pulled_of(&path, &name, "_since"), 15 * DAY);
        meanwhile = uses[i];
        assert_returns(0, run(store, &section, &history));
        assert_null(meanwhile);
        assert_string_not_equal("", tag_digest(store, "a", "old"));
        assert_int_equal(RETAIN_PULLED, find_tag(&history, "old")->reason);
        retain_history_free(&history);
    }
}

static void remove_old(const struct store *store)
{
    const struct name name = unit_name("a");
    const struct reference reference = reference_to("old");

    assert_int_equal(0, remove_manifest(unit_registry(store), &name, &reference,
                                        (struct precondition){0}, NULL, &failure));
}

static void test_a_tag_that_goes_meanwhile(void **state)
{
    const struct store *store = *state;
    struct retain_history history;

    have_old(store, "old", "old");
    have_old(store, "older", "older");
    meanwhile = remove_old;
    assert_returns(0, run(store, &week, &history));
    assert_null(find_tag(&history, "old"));
    assert_string_equal("", tag_digest(store, "a", "older"));
    retain_history_free(&history);
}

static struct digest the_child, the_index;

static void push_index_again(const struct store *store)
{
    have_manifest(store, "a", "again", "{\"schemaVersion\":2,\"manifests\":[" CHILD "]}",
                  the_child.s);
}

static void push_index_of_it(const struct store *store)
{
    have_manifest(store, "a", NULL,
                  "{\"schemaVersion\":2,\"annotations\":{\"a\":\"b\"},\"manifests\":[" CHILD "]}",
                  the_child.s);
}

/* As berth tag does. */
static void tag_index(const struct store *store)
{
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("again");
    const struct copy copy = {.from = name, .to = name, .digest = the_index, .tag = &tag};

    assert_int_equal(0, copy_manifest(unit_registry(store), &copy, &failure));
}

/* Docker's well-known trap, and a narrow one: an index that was to go with its children. */
static void test_an_index_that_is_pushed_meanwhile_keeps_its_children(void **state)
{
    static void (*const pushes[])(const struct store *) = {push_index_again, push_index_of_it,
                                                           tag_index};
    static const char *const marks[] = {"0", "1", "2"};
    struct store *store = *state;

    for (size_t i = 0; i < LENGTH_OF(pushes); i++) {
        struct retain_history history;
        the_child = have_old(store, NULL, marks[i]);
        the_index = have_old_index(store, NULL, &the_child);
        meanwhile = pushes[i];
        assert_returns(0, run(store, &week, &history));
        assert_null(meanwhile);
        assert_true(has(store, &the_child));
        retain_history_free(&history);
    }
}

static const struct store *told_store;
static int told_tags, told_manifests;

static void tell_tag(void *context, const struct retain_history *history,
                     const struct retain_tag *tag)
{
    (void)context;
    (void)history;
    told_tags++;
    assert_string_equal("", tag_digest(told_store, "a", tag->name));
}

/* The index before its child, the subject before what refers to it. */
static void tell_manifest(void *context, const struct retain_history *history,
                          const struct retain_manifest *manifest)
{
    (void)context;
    (void)history;
    told_manifests++;
    assert_false(has(told_store, &manifest->digest));
    if (digest_equal(&manifest->digest, &the_child))
        assert_false(has(told_store, &the_index));
}

static void test_each_removal_is_told(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    struct retain_run run = run_by(&week);
    AUTO_HISTORY history = {0};

    told_store = store;
    told_tags = told_manifests = 0;
    run.tag_gone = tell_tag;
    run.manifest_gone = tell_manifest;
    have_old(store, "old", "old");
    the_child = have_old(store, NULL, "child");
    the_index = have_old_index(store, NULL, &the_child);
    have_old_referrer(store, &the_child);
    assert_returns(0, retain_run(unit_registry(store), &run, &name, &history, &failure));
    assert_int_equal(1, told_tags);
    assert_int_equal(3, told_manifests);
}

static void again_and_again(const struct store *store)
{
    static int n;
    char mark[16];

    snprintf(mark, sizeof mark, "%d", n++);
    have_image(store, "a", "old", mark);
    age_tag(store, "old", 90 * DAY + n);
    meanwhile = again_and_again;
}

static void test_what_changes_all_the_time_is_left(void **state)
{
    const struct store *store = *state;
    struct retain_history history;

    have_old(store, "old", "old");
    meanwhile = again_and_again;
    assert_returns(0, run(store, &week, &history));
    meanwhile = NULL;
    assert_int_equal(RETAIN_CHANGED, find_tag(&history, "old")->reason);
    assert_true(find_tag(&history, "old")->stays);
    assert_string_not_equal("", tag_digest(store, "a", "old"));
    retain_history_free(&history);
}

static void test_a_busy_store_is_an_error(void **state)
{
    struct store *store = *state;
    struct retain_history history;
    AUTO_LOCK gc = {-1};

    have_old(store, "old", "old");
    store->lock_timeout_ms = 0;
    assert_returns(0, lock_gc(store, FS_LOCK_EXCLUSIVE, &gc, &failure));
    assert_fails(BUSY, run(store, &week, &history));
    retain_history_free(&history);
}

static void test_a_repository_without_anything(void **state)
{
    const struct store *store = *state;
    struct retain_history history;

    have_blob(store, "a", "x");
    assert_returns(0, run(store, &week, &history));
    assert_int_equal(0, history.n_tags + history.n_manifests);
    retain_history_free(&history);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_what_goes_and_what_stays),
        STORE_TEST(test_a_dry_run_writes_nothing),
        STORE_TEST(test_pulls_are_recorded_from_the_first_run_on),
        STORE_TEST(test_signatures_go_with_their_subject),
        STORE_TEST(test_the_fallback_tag_of_a_sha512),
        STORE_TEST(test_what_only_looks_like_a_signature),
        STORE_TEST(test_immutable_tags_stay),
        STORE_TEST(test_damage_keeps_all),
        STORE_TEST(test_a_tag_that_is_used_meanwhile_stays),
        STORE_TEST(test_a_tag_that_goes_meanwhile),
        STORE_TEST(test_an_index_that_is_pushed_meanwhile_keeps_its_children),
        STORE_TEST(test_each_removal_is_told),
        STORE_TEST(test_what_changes_all_the_time_is_left),
        STORE_TEST(test_a_busy_store_is_an_error),
        STORE_TEST(test_a_repository_without_anything),
    };

    return RUN(tests);
}
