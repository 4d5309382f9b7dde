/* SPDX-License-Identifier: Apache-2.0
 * fsck/fsck_upload.c, and upload_is_whole and upload_clear, which it is made of */
#include "unit/fsck/fsck_runs.h"

#include "base/uuid.h"
#include "store/layout.h"
#include "store/upload.h"

#include <stdio.h>

#define SESSION "repositories/a/_uploads/"
#define OLD 7200 /* seconds; the grace is an hour */

/* A session with one acknowledged byte, that nobody has open. */
static void begin(const struct store *store, char id[UUID_SIZE])
{
    const struct name name = unit_name("a");
    AUTO_UPLOAD upload = {.fd = -1};

    assert_returns(0, upload_create(store, &name, "", DIGEST_SHA256, &upload, &failure));
    assert_returns(0, upload_write(&upload, "x", 1, &failure));
    assert_returns(0, upload_save(&upload, &failure));
    memcpy(id, upload.id, UUID_SIZE);
}

static const char *path_of(const char *id, const char *file)
{
    static char path[200];

    snprintf(path, sizeof path, SESSION "%s%s%s", id, *file ? "/" : "", file);
    return path;
}

static void age(const struct store *store, const char *id)
{
    static const char *const files[] = {"data", "startedat", "state", ""};

    for (size_t i = 0; i < LENGTH_OF(files); i++)
        if (unit_exists(store->path, path_of(id, files[i])))
            unit_age(store->path, path_of(id, files[i]), OLD);
}

static void test_whole_or_half(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    static const char *const needed[] = {"data", "startedat"};
    char id[UUID_SIZE];

    begin(store, id);
    assert_returns(1, upload_is_whole(store, &name, id, &failure));
    unit_put(store->path, path_of(id, "state"), "user \nalgorithm sha256\noffset 2\n");
    assert_returns(0, upload_is_whole(store, &name, id, &failure));
    unit_put(store->path, path_of(id, "state"), "");
    assert_returns(0, upload_is_whole(store, &name, id, &failure));
    unit_delete(store->path, path_of(id, "state")); /* as Distribution's */
    assert_returns(1, upload_is_whole(store, &name, id, &failure));
    unit_put(store->path, path_of(id, "startedat"), "");
    assert_returns(0, upload_is_whole(store, &name, id, &failure));
    for (size_t i = 0; i < LENGTH_OF(needed); i++) {
        begin(store, id);
        unit_delete(store->path, path_of(id, needed[i]));
        assert_returns(0, upload_is_whole(store, &name, id, &failure));
    }
}

static void test_only_old_ones_are_faults(void **state)
{
    const struct store *store = *state;
    char half[UUID_SIZE], whole[UUID_SIZE];

    begin(store, half);
    begin(store, whole);
    unit_delete(store->path, path_of(half, "startedat"));
    assert_string_equal("", fsck_check(store));
    age(store, whole);
    assert_string_equal("", fsck_check(store));
    age(store, half);
    assert_string_equal("UPLOAD-HALF ", fsck_check(store));
    assert_string_equal("UPLOAD-HALF ", fsck_repair(store));
    assert_false(unit_exists(store->path, path_of(half, "")));
    assert_true(unit_exists(store->path, path_of(whole, "state")));
    assert_string_equal("", fsck_check(store));
}

/* A damaged state ends a session for its client only when he comes again. */
static void test_one_that_is_written_to_stays(void **state)
{
    const struct store *store = *state;
    const struct name name = unit_name("a");
    AUTO_UPLOAD upload = {.fd = -1};

    assert_returns(0, upload_create(store, &name, "", DIGEST_SHA256, &upload, &failure));
    unit_put(store->path, path_of(upload.id, "state"), "");
    age(store, upload.id);
    assert_fails(UPLOAD_BUSY, upload_clear(store, &name, upload.id, &failure));
    assert_string_equal("UPLOAD-HALF ", fsck_repair(store));
    assert_true(unit_exists(store->path, path_of(upload.id, "data")));
    file_close(&upload.fd);
    assert_returns(0, upload_clear(store, &name, upload.id, &failure));
    assert_false(unit_exists(store->path, path_of(upload.id, "")));
    assert_returns(0, upload_clear(store, &name, upload.id, &failure));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_whole_or_half),
        STORE_TEST(test_only_old_ones_are_faults),
        STORE_TEST(test_one_that_is_written_to_stays),
    };

    return RUN(tests);
}
