/* SPDX-License-Identifier: Apache-2.0
 * registry/push_manifest.c: what others do in the repository meanwhile. */
#include "unit/registry/content.h"

#include "store/blob.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/referrer.h"
#include "store/repo.h"
#include "store/tag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define V2 "\"schemaVersion\":2"

/* A DELETE that took the lock before the push did, which had looked already. */
struct meddler {
    const struct store *store;
    struct digest digest;
    bool is_child;
    int asked;
};

static bool deletes(const void *context, const struct digest *current)
{
    struct meddler *meddler = (struct meddler *)context;
    const struct name name = unit_name("a");
    AUTO_DIRTY dirty = {0};

    (void)current;
    if (++meddler->asked == 2 && meddler->is_child)
        assert_returns(
            1, repo_unlink_revision(meddler->store, &name, &meddler->digest, &dirty, &failure));
    else if (meddler->asked == 2)
        assert_returns(
            1, repo_unlink_layer(meddler->store, &name, &meddler->digest, &dirty, &failure));
    return true;
}

/* Issue 10, item 18: it saw no tag that needs this, and the tag, which may be immutable, would be
 * broken when it is made. */
static void test_18_what_goes_before_the_lock_is_missed(void **state)
{
    const struct store *store = *state;
    const struct meddler meddlers[] = {
        {.store = store, .digest = have_blob(store, "a", "layer")},
        {.store = store, .digest = have_image(store, "a", NULL, "image"), .is_child = true}};

    for (size_t i = 0; i < LENGTH_OF(meddlers); i++) {
        struct meddler meddler = meddlers[i];
        struct pushed_manifest pushed;
        int64_t size;
        AUTO_BUF text = BUF_INIT;
        assert_returns(1, blob_stat(store, &meddler.digest, &size, &failure));
        buf_addf(&text, "{" V2 ",\"%s\":[{\"digest\":\"%s\",\"size\":%jd}]}",
                 meddler.is_child ? "manifests" : "layers", meddler.digest.s, (intmax_t)size);
        struct push_manifest push = {
            .name = unit_name("a"),
            .reference = reference_to("v1"),
            .bytes = text.s,
            .len = text.len,
            .precondition = {deletes, &meddler},
        };
        assert_fails(MANIFEST_BLOB_UNKNOWN,
                     push_manifest(unit_registry(store), &push, &pushed, &failure));
        assert_int_equal(2, meddler.asked);
        assert_int_equal(1, pushed.missing.n);
        assert_string_equal(meddler.digest.s, pushed.missing.v[0].s);
        assert_string_equal("", tag_digest(store, "a", "v1"));
        assert_returns(0, repo_has_revision(store, &push.name, &pushed.digest, &failure));
    }
}

int __real_repo_freshen_layer(const struct store *store, const struct name *name,
                              const struct digest *digest, struct err *err);
int __wrap_repo_freshen_layer(const struct store *store, const struct name *name,
                              const struct digest *digest, struct err *err);
int __real_repo_freshen_revision(const struct store *store, const struct name *name,
                                 const struct digest *digest, struct err *err);
int __wrap_repo_freshen_revision(const struct store *store, const struct name *name,
                                 const struct digest *digest, struct err *err);
int __real_blob_freshen(const struct store *store, const struct digest *digest, struct err *err);
int __wrap_blob_freshen(const struct store *store, const struct digest *digest, struct err *err);

static bool others_push; /* each time that something is freshened */
static int pushes;

static void push_meanwhile(const struct store *store)
{
    struct pushed_manifest pushed;

    if (!others_push)
        return;
    others_push = false;
    assert_returns(0, push_text(store, "a", "other", "{" V2 "}", &pushed));
    pushes++;
    others_push = true;
}

int __wrap_repo_freshen_layer(const struct store *store, const struct name *name,
                              const struct digest *digest, struct err *err)
{
    push_meanwhile(store);
    return __real_repo_freshen_layer(store, name, digest, err);
}

int __wrap_repo_freshen_revision(const struct store *store, const struct name *name,
                                 const struct digest *digest, struct err *err)
{
    push_meanwhile(store);
    return __real_repo_freshen_revision(store, name, digest, err);
}

int __wrap_blob_freshen(const struct store *store, const struct digest *digest, struct err *err)
{
    push_meanwhile(store);
    return __real_blob_freshen(store, digest, err);
}

/* Issue 10, item 7: a manifest that names a lot takes long to freshen, and nobody who pushes there
 * waits for it, or is told to come back. */
static void test_7_others_push_while_one_freshens(void **state)
{
    enum { LAYERS = 40 };
    struct store *store = *state;
    const struct digest child = have_image(store, "a", NULL, "image");
    struct pushed_manifest pushed;
    AUTO_BUF image = BUF_INIT, index = BUF_INIT;
    int64_t size;

    for (int i = 0; i < LAYERS; i++) {
        char text[8];
        snprintf(text, sizeof text, "%07d", i);
        const struct digest layer = have_blob(store, "a", text);
        buf_addf(&image, "%s{\"digest\":\"%s\",\"size\":7}", i ? "," : "{" V2 ",\"layers\":[",
                 layer.s);
    }
    buf_addstr(&image, "]}");
    assert_returns(1, blob_stat(store, &child, &size, &failure));
    buf_addf(&index, "{" V2 ",\"manifests\":[{\"digest\":\"%s\",\"size\":%jd}]}", child.s,
             (intmax_t)size);
    store->lock_timeout_ms = 0;
    others_push = true;
    assert_returns(0, push_text(store, "a", "v1", image.s, &pushed));
    assert_int_equal(2 * LAYERS, pushes);
    assert_returns(0, push_text(store, "a", "v2", index.s, &pushed));
    assert_true(pushes > 2 * LAYERS);
    others_push = false;
}

int __real_file_sync(int fd);
int __wrap_file_sync(int fd);

static struct store
    *free_for; /* whose repository "a" must be free whenever the disk is waited for */
static int syncs;

/* Of two who come just when the directory of something that a push has placed is synced: the first
 * deletes that, durably, and the second, who pushes the same, has placed it again, and has synced
 * nothing yet. */
struct others {
    const struct store *store;
    struct digest subject, digest;
    bool is_referrer; /* it is the entry among the referrers, else the links of manifest and tag */
    bool again;       /* they come as often as they can */
    int came, missed; /* how often they were there, and that others had the lock */
    bool is_late;
    int was[16];       /* the directories, open so that no inode is had again */
    struct stat is[2]; /* the directories that the second has made or changed */
    bool is_synced[2];
};
static struct others *others;

static int watched_parent(const struct layout_path *path)
{
    char dir[sizeof *path];
    int fd = -1;

    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path->s, '/') - path->s), path->s);
    fs_open(&others->store->fs, dir, O_RDONLY | O_DIRECTORY, &fd, &failure);
    return fd;
}

static void watched_path(struct layout_path *path)
{
    const struct name name = unit_name("a");

    if (others->is_referrer)
        layout_referrer(path, &name, &others->subject, &others->digest);
    else
        layout_revision(path, &name, &others->digest);
}

static void delete_and_push(void)
{
    const struct store *store = others->store;
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("v1");
    const struct digest *digest = &others->digest;
    struct layout_path path;
    struct fs_new file[2] = {0};
    AUTO_DIRTY gone = {0}, made = {0};
    AUTO_STRINGS trash = {0};

    for (int i = 0; i < 2; i++)
        assert_returns(
            0, store_prepare(store, digest->s, strlen(digest->s), &file[i], &made, &failure));
    if (others->is_referrer) {
        assert_returns(1, referrer_remove(store, &name, &others->subject, digest, &gone, &failure));
        assert_returns(0,
                       referrer_place(&name, &others->subject, digest, &file[0], &made, &failure));
        fs_new_drop(&file[1]);
    } else {
        assert_returns(1, repo_unlink_revision(store, &name, digest, &gone, &failure));
        assert_returns(1, tag_take(store, &name, &tag, &trash, &gone, &failure));
        assert_returns(0, repo_place_revision(store, &name, digest, &file[0], &made, &failure));
        assert_returns(0, tag_place_index(&name, &tag, digest, &file[1], &made, &failure));
        layout_tag_index(&path, &name, &tag, digest);
        AUTO_FD index = watched_parent(&path);
        assert_return_code(fstat(index, &others->is[1]), errno);
    }
    watched_path(&path);
    AUTO_FD parent = watched_parent(&path);
    assert_return_code(fstat(parent, &others->is[0]), errno);
}

static void watch(int fd)
{
    const struct name name = unit_name("a");
    struct digest tagged;
    struct layout_path path;
    struct stat st, synced;

    assert_return_code(fstat(fd, &synced), errno);
    for (int i = 0; others->came && i < 2; i++) {
        if (synced.st_ino != others->is[i].st_ino)
            continue;
        others->is_synced[i] = true;
        others->is_late |=
            others->is_referrer
                ? repo_has_revision(others->store, &name, &others->digest, &failure) > 0
                : tag_get(others->store, &name, &(struct tag){"v1"}, &tagged, &failure) > 0;
    }
    if (others->came && !others->again)
        return;
    watched_path(&path);
    int parent = watched_parent(&path);
    if (parent < 0 || fstat(parent, &st) < 0 || st.st_ino != synced.st_ino) {
        file_close(&parent);
        return;
    }
    AUTO_LOCK repo = {-1};
    if (lock_repo(others->store, &name, &repo, &failure) < 0) {
        file_close(&parent);
        others->missed++;
        return;
    }
    assert_true(others->came < (int)LENGTH_OF(others->was));
    others->was[others->came++] = parent;
    delete_and_push();
}

int __wrap_file_sync(int fd)
{
    const struct name name = unit_name("a");
    AUTO_LOCK lock = {-1};

    if (others) {
        int synced = __real_file_sync(fd);
        watch(fd);
        return synced;
    }
    if (free_for) {
        assert_returns(0, lock_repo(free_for, &name, &lock, &failure));
        syncs++;
    }
    return __real_file_sync(fd);
}

static void test_nobody_waits_for_the_disk_under_the_lock(void **state)
{
    struct store *store = *state;
    struct pushed_manifest pushed;

    store->fs.durable = true;
    store->lock_timeout_ms = 0;
    free_for = store;
    syncs = 0;
    assert_returns(0, push_text(store, "a", "v1", "{" V2 "}", &pushed));
    free_for = NULL;
    assert_true(syncs > 8);
}

/* What it builds on may be another's, of the same push, and a power cut must not take it away. */
static void test_what_another_made_again_is_synced_before_it_is_built_on(void **state)
{
    struct store *store = *state;
    const struct digest subject = have_image(store, "a", NULL, "subject");
    int64_t size;

    assert_returns(1, blob_stat(store, &subject, &size, &failure));
    store->fs.durable = true;
    store->lock_timeout_ms = 0;
    for (int i = 0; i < 4; i++) {
        AUTO_BUF text = BUF_INIT;
        struct pushed_manifest pushed;
        buf_addf(&text,
                 "{" V2 ",\"subject\":{\"digest\":\"%s\",\"size\":%jd},"
                 "\"annotations\":{\"n\":\"%d\"}}",
                 subject.s, (intmax_t)size, i);
        struct others two = {.store = store,
                             .subject = subject,
                             .digest = unit_digest_of(text.s),
                             .is_referrer = i % 2,
                             .again = i >= 2};
        others = &two;
        assert_returns(0, push_text(store, "a", "v1", text.s, &pushed));
        others = NULL;
        for (int j = 0; j < two.came; j++)
            file_close(&two.was[j]);
        assert_true(two.again ? two.came > 1 : two.came == 1);
        assert_true(two.is_synced[0]);
        assert_true(two.is_synced[1] || two.is_referrer);
        assert_false(two.is_late);
        assert_int_equal(two.again, two.missed); /* at last it holds the lock, and goes on */
    }
}

/* Somebody who deletes the same manifest, or the tag, whenever it was just linked. */
struct deleter {
    const struct store *store;
    const char *text;
    bool is_tag;
    int asked, at, times;
};

static bool deletes_again(const void *context, const struct digest *current)
{
    struct deleter *deleter = (struct deleter *)context;
    const struct name name = unit_name("a");
    const struct digest digest = unit_digest_of(deleter->text);
    const struct tag tag = unit_tag("v1");
    AUTO_DIRTY dirty = {0};
    AUTO_STRINGS trash = {0};

    (void)current;
    if (++deleter->asked < deleter->at || deleter->times == 0 ||
        repo_has_revision(deleter->store, &name, &digest, &failure) <= 0)
        return true;
    deleter->times--;
    if (deleter->is_tag)
        assert_returns(1, tag_take(deleter->store, &name, &tag, &trash, &dirty, &failure));
    else
        assert_returns(1, repo_unlink_revision(deleter->store, &name, &digest, &dirty, &failure));
    return true;
}

static void test_what_is_deleted_meanwhile_is_made_again(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");

    for (int i = 0; i < 3; i++) {
        char text[100];
        struct pushed_manifest pushed;
        AUTO_DIRTY unneeded = {0};
        snprintf(text, sizeof text, "{" V2 ",\"annotations\":{\"n\":\"%d\"}}", i);
        struct deleter deleter = {store, text, i == 1, 0, 3, i == 2 ? 100 : 2};
        struct push_manifest push = {
            .name = name,
            .reference = reference_to("v1"),
            .bytes = text,
            .len = strlen(text),
            .precondition = {deletes_again, &deleter},
        };
        if (i == 2) { /* it does not go on for ever */
            assert_fails(BUSY, push_manifest(unit_registry(store), &push, &pushed, &failure));
            continue;
        }
        assert_returns(0, push_manifest(unit_registry(store), &push, &pushed, &failure));
        assert_int_equal(0, deleter.times);
        assert_string_equal(pushed.digest.s, tag_digest(store, "a", "v1"));
        assert_returns(1, repo_has_revision(store, &name, &pushed.digest, &failure));
        assert_returns(1, tag_settle_index(store, &name, &push.reference.tag, &pushed.digest,
                                           &unneeded, &failure));
    }
}

int __real_futimens(int fd, const struct timespec times[2]);
int __wrap_futimens(int fd, const struct timespec times[2]);
int __real_utimensat(int dir, const char *path, const struct timespec times[2], int flags);
int __wrap_utimensat(int dir, const char *path, const struct timespec times[2], int flags);

static bool stands_still; /* the clock of files, between two of its ticks */

int __wrap_futimens(int fd, const struct timespec times[2])
{
    return stands_still && !times ? 0 : __real_futimens(fd, times);
}

int __wrap_utimensat(int dir, const char *path, const struct timespec times[2], int flags)
{
    return stands_still && !times ? 0 : __real_utimensat(dir, path, times, flags);
}

/* Somebody who is about to delete it, has seen no tag, and waits for the lock. */
struct looker {
    const struct store *store;
    struct digest digest;
    struct repo_stamp stamp;
    bool looked;
};

static bool looks(const void *context, const struct digest *current)
{
    struct looker *looker = (struct looker *)context;
    const struct name name = unit_name("a");

    (void)current;
    if (repo_stamp_revision(looker->store, &name, &looker->digest, &looker->stamp, &failure) > 0)
        looker->looked = true;
    return true;
}

/* Or else a tag stays that points at nothing. */
static void test_a_tag_makes_a_manifest_another(void **state)
{
    const struct store *store = *state;
    struct looker looker = {.store = store, .digest = unit_digest_of("{" V2 "}")};
    struct push_manifest push = {
        .name = unit_name("a"),
        .reference = reference_to("v1"),
        .bytes = "{" V2 "}",
        .len = strlen("{" V2 "}"),
        .precondition = {looks, &looker},
    };
    struct pushed_manifest pushed;
    struct repo_stamp after;

    stands_still = true;
    assert_returns(0, push_manifest(unit_registry(store), &push, &pushed, &failure));
    stands_still = false;
    assert_true(looker.looked);
    assert_returns(1, repo_stamp_revision(store, &push.name, &pushed.digest, &after, &failure));
    assert_true(after.ino != looker.stamp.ino || after.when != looker.stamp.when);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_18_what_goes_before_the_lock_is_missed),
        STORE_TEST(test_7_others_push_while_one_freshens),
        STORE_TEST(test_nobody_waits_for_the_disk_under_the_lock),
        STORE_TEST(test_what_another_made_again_is_synced_before_it_is_built_on),
        STORE_TEST(test_what_is_deleted_meanwhile_is_made_again),
        STORE_TEST(test_a_tag_makes_a_manifest_another),
    };

    return RUN(tests);
}
