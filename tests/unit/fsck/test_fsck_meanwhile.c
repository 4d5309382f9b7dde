/* SPDX-License-Identifier: Apache-2.0
 * src/fsck: between any two looks of a check somebody pushes, deletes or collects, in one go
 * or step by step, and none of it is a fault. */
#include "unit/fsck/fsck_runs.h"
#include "unit/registry/content.h"

#include "base/dir.h"
#include "gc/gc.h"
#include "registry/remove.h"
#include "store/blob.h"
#include "store/layout.h"

#include <stdlib.h>

#define LOOKS_MAX 2000

/* What goes on meanwhile. Returns false when there is nothing left to do; ERR_BUSY: fsck holds the
 * lock, so it is tried again at the next look. */
typedef bool step_fn(const struct store *store, int step, struct err *err);

static struct {
    step_fn *step;
    struct store store; /* as another process has it */
    int wait;           /* looks at repositories before it begins */
    bool spread;        /* one step at each look, or all at the first */
    int done;           /* steps; -1: all */
} meanwhile = {.done = -1};

static void look(const char *path)
{
    step_fn *step = meanwhile.step;

    if (!step || meanwhile.done < 0 ||
        strncmp(path, LAYOUT_REPOSITORIES, strlen(LAYOUT_REPOSITORIES)) != 0 ||
        meanwhile.wait-- > 0)
        return;
    meanwhile.step = NULL; /* its own looks do not count */
    do {
        struct err err = {0};
        bool more = step(&meanwhile.store, meanwhile.done, &err);
        if (err.code == ERR_BUSY)
            break;
        assert_int_equal(ERR_NONE, err.code);
        meanwhile.done = more ? meanwhile.done + 1 : -1;
    } while (meanwhile.done >= 0 && !meanwhile.spread);
    meanwhile.step = step;
}

int __real_fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err);
int __wrap_fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err);
int __wrap_fs_stat(const struct fs_root *root, const char *path, struct stat *st, struct err *err)
{
    look(path);
    return __real_fs_stat(root, path, st, err);
}

int __real_fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                   struct err *err);
int __wrap_fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                   struct err *err);
int __wrap_fs_read(const struct fs_root *root, const char *path, size_t limit, struct buf *out,
                   struct err *err)
{
    look(path);
    return __real_fs_read(root, path, limit, out, err);
}

int __real_fs_open(const struct fs_root *root, const char *path, int flags, int *fd,
                   struct err *err);
int __wrap_fs_open(const struct fs_root *root, const char *path, int flags, int *fd,
                   struct err *err);
int __wrap_fs_open(const struct fs_root *root, const char *path, int flags, int *fd,
                   struct err *err)
{
    look(path);
    return __real_fs_open(root, path, flags, fd, err);
}

int __real_dir_each(const struct fs_root *root, const char *path, dir_visit_fn *visit,
                    void *context, struct err *err);
int __wrap_dir_each(const struct fs_root *root, const char *path, dir_visit_fn *visit,
                    void *context, struct err *err);
int __wrap_dir_each(const struct fs_root *root, const char *path, dir_visit_fn *visit,
                    void *context, struct err *err)
{
    look(path);
    return __real_dir_each(root, path, visit, context, err);
}

int __real_dir_list(const struct fs_root *root, const char *path, struct strings *names,
                    struct err *err);
int __wrap_dir_list(const struct fs_root *root, const char *path, struct strings *names,
                    struct err *err);
int __wrap_dir_list(const struct fs_root *root, const char *path, struct strings *names,
                    struct err *err)
{
    look(path);
    return __real_dir_list(root, path, names, err);
}

static struct digest layer, image, image_index, signature;

static intmax_t size_of(const struct store *store, const struct digest *digest)
{
    int64_t size;

    assert_returns(1, blob_stat(store, digest, &size, &failure));
    return size;
}

static void fill(const struct store *store)
{
    layer = have_blob(store, "a/b", "layer");
    image =
        have_manifest(store, "a/b", "v1",
                      "{\"schemaVersion\":2,\"layers\":[{\"digest\":\"%s\",\"size\":5}]}", layer.s);
    image_index =
        have_manifest(store, "a/b", "multi",
                      "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\",\"size\":%jd}]}",
                      image.s, size_of(store, &image));
    signature = have_manifest(store, "a/b", NULL,
                              "{\"schemaVersion\":2,\"subject\":{\"digest\":\"%s\",\"size\":%jd}}",
                              image.s, size_of(store, &image));
}

static void remove_one(const struct store *store, const char *text, struct err *err)
{
    const struct name name = unit_name("a/b");
    const struct reference reference = reference_to(text);

    remove_manifest(unit_registry(store), &name, &reference, (struct precondition){0}, NULL, err);
}

/* As a client that deletes names before what they need. */
static bool deletes(const struct store *store, int step, struct err *err)
{
    const struct name name = unit_name("a/b");
    const char *names[] = {"v1", "multi", signature.s, image_index.s, image.s};

    if (step < (int)LENGTH_OF(names))
        remove_one(store, names[step], err);
    else
        remove_blob(unit_registry(store), &name, &layer, err);
    return step < (int)LENGTH_OF(names);
}

static bool pushes(const struct store *store, int step, struct err *err)
{
    static const char *const texts[] = {
        "{\"schemaVersion\":2,\"layers\":[]}",
        "{\"schemaVersion\":2,\"layers\":[],\"annotations\":{\"a\":\"b\"}}"};
    const char *repository = step % 2 ? "a/b" : "new";
    struct pushed_manifest pushed;
    struct text_body body = {"a new layer", false};
    struct push_session session = session_in(repository, "");
    struct digest digest = unit_digest_of("a new layer");

    if (step < 2)
        push_blob_whole(unit_registry(store), &session, &digest, body_of(&body), err);
    else {
        struct push_manifest push = {.name = unit_name(repository),
                                     .reference = reference_to("v1"), /* one of them moves a tag */
                                     .bytes = texts[step % 2],
                                     .len = strlen(texts[step % 2])};
        push_manifest(unit_registry(store), &push, &pushed, err);
    }
    return step < 3;
}

static bool removes_the_repository(const struct store *store, int step, struct err *err)
{
    const struct name name = unit_name("a/b");
    size_t busy;

    (void)step;
    remove_repository(unit_registry(store), &name, &busy, err);
    return false;
}

/* A collector meets a store that somebody has just untagged everything in. */
static bool collects(const struct store *store, int step, struct err *err)
{
    static const char *const tags[] = {"v1", "multi"};
    struct gc_options options = {.grace = 0};
    struct gc_totals totals;

    if (step < (int)LENGTH_OF(tags))
        remove_one(store, tags[step], err);
    else
        gc_run(store, &options, &totals, err);
    return step < (int)LENGTH_OF(tags);
}

/* Whether it was over before the check was; then there are no more looks to try. */
static bool check(step_fn *step, int wait, bool spread)
{
    void *state = NULL;

    unit_store_make(&state);
    struct store *store = state;
    fill(store);
    assert_returns(0, unit_store_open(&meanwhile.store, store));
    meanwhile.store.lock_timeout_ms = 0;
    meanwhile.wait = wait;
    meanwhile.spread = spread;
    meanwhile.done = 0;
    meanwhile.step = step;
    struct fsck_options options = {.jobs = 1, .fast = true, .grace = 3600};
    const char *found = fsck_found(store, &options, NULL);
    meanwhile.step = NULL;
    if (*found)
        print_error("after %d looks: %s\n", wait, found);
    assert_string_equal("", found);
    bool began = meanwhile.done != 0;
    store_close(&meanwhile.store);
    if (wait % 8 == 0) /* what it left is sound, too; this costs as much again */
        assert_string_equal("", fsck_check(store));
    unit_store_remove(&state);
    return began;
}

static void check_all(step_fn *step)
{
    for (int spread = 0; spread < 2; spread++) {
        int wait = 0;
        while (wait < LOOKS_MAX && check(step, wait, spread))
            wait++;
        assert_true(wait > 50 && wait < LOOKS_MAX);
    }
}

static void test_deletions(void **state)
{
    (void)state;
    check_all(deletes);
}

static void test_pushes(void **state)
{
    (void)state;
    check_all(pushes);
}

static void test_removal_of_the_repository(void **state)
{
    (void)state;
    check_all(removes_the_repository);
}

static void test_collection(void **state)
{
    (void)state;
    check_all(collects);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deletions),
        cmocka_unit_test(test_pushes),
        cmocka_unit_test(test_removal_of_the_repository),
        cmocka_unit_test(test_collection),
    };

    return RUN(tests);
}
