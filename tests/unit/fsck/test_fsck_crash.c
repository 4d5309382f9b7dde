/* SPDX-License-Identifier: Apache-2.0
 * src/fsck: a repair that is killed before any of its changes is gone on with by the next. */
#include "unit/fsck/fsck_runs.h"
#include "unit/registry/content.h"

#include "registry/pull.h"
#include "store/layout.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLED 9
#define CHANGES_MAX 1000

static int changes_left = -1; /* -1: as many as it likes */

static void change(void)
{
    if (changes_left == 0)
        _exit(KILLED);
    if (changes_left > 0)
        changes_left--;
}

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    change();
    return __real_renameat(from_dir, from, to_dir, to);
}

int __real_unlinkat(int dir, const char *path, int flags);
int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_unlinkat(int dir, const char *path, int flags)
{
    change();
    return __real_unlinkat(dir, path, flags);
}

int __real_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_mkdirat(int dir, const char *path, mode_t mode)
{
    change();
    return __real_mkdirat(dir, path, mode);
}

static void put(const struct store *store, const char *path, const char *text)
{
    unit_put(store->path, path, text);
}

/* A sound image, and faults of each kind of repair. */
static struct digest plant(const struct store *store)
{
    const struct name name = unit_name("a");
    const struct digest sound = have_image(store, "a", "sound", "sound");
    const struct digest bad = have_image(store, "a", "bad", "bad");
    const struct digest gone = have_image(store, "a", "gone", "gone");
    const struct digest layer = have_blob(store, "a", "layer");
    const struct digest damaged = have_blob(store, "a", "damaged");
    struct layout_path path;

    have_manifest(store, "a", "layers",
                  "{\"schemaVersion\":2,\"layers\":["
                  "{\"mediaType\":\"x/y\",\"size\":5,\"digest\":\"%s\"},"
                  "{\"mediaType\":\"x/y\",\"size\":7,\"digest\":\"%s\"}]}",
                  layer.s, damaged.s);
    put(store, layout_blob(&path, &bad), "bad");
    unit_delete(store->path, layout_blob(&path, &gone));
    unit_delete(store->path, layout_layer(&path, &name, &layer));
    put(store, layout_blob(&path, &damaged), "DAMAGED");
    put(store, layout_revision(&path, &name, &sound), "");
    put(store, "repositories/a/_file", "x");
    put(store, "repositories/a/_manifests/tags/sound/current/link", sound.s);
    unit_symlink("/", store->path, "repositories/link");
    return sound;
}

static int repair_in_child(const struct store *store, int changes)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        changes_left = changes;
        fsck_repair(store);
        _exit(0);
    }
    assert_int_equal(pid, waitpid(pid, &status, 0));
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_killed_before_each_change(void **state)
{
    int changes = 0, status = KILLED;

    (void)state;
    for (; status == KILLED && changes < CHANGES_MAX; changes++) {
        void *made = NULL;
        unit_store_make(&made);
        const struct store *store = made;
        const struct digest sound = plant(store);
        struct reference reference = {.is_digest = true, .digest = sound};
        const struct name name = unit_name("a");
        AUTO_PULLED pulled = {0};
        status = repair_in_child(store, changes);
        assert_true(status == KILLED || status == 0);
        const char *rest = fsck_repair(store);
        assert_true(status == KILLED || !*rest);
        assert_string_equal("", fsck_check(store));
        assert_string_equal(sound.s, tag_digest(store, "a", "sound"));
        assert_returns(0, pull_read(unit_registry(store), &name, &reference, &pulled, &failure));
        assert_string_equal("", tag_digest(store, "a", "bad"));
        assert_string_equal("", tag_digest(store, "a", "gone"));
        pull_free(&pulled);
        unit_store_remove(&made);
    }
    assert_int_equal(0, status);
    assert_true(changes > 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_before_each_change),
    };

    return RUN(tests);
}
