/* SPDX-License-Identifier: Apache-2.0
 * store/upload.c: the lock of a session where others learn of its end a moment later. */
#include "unit/unit.h"

#include "base/fs_lock.h"
#include "store/upload.h"

#include <unistd.h>

/* The linker (--wrap) leads upload.c here when it takes a lock. */
int __real_fs_lock_try(int fd, enum fs_lock kind, struct err *err);
int __wrap_fs_lock_try(int fd, enum fs_lock kind, struct err *err);

static int fails_to_lock; /* so often somebody else seems to hold it */

int __wrap_fs_lock_try(int fd, enum fs_lock kind, struct err *err)
{
    if (fails_to_lock > 0) {
        fails_to_lock--;
        return 0;
    }
    return __real_fs_lock_try(fd, kind, err);
}

static int create(const struct store *store, const char *user, struct upload *upload)
{
    const struct name name = unit_name("a");

    return upload_create(store, &name, user, DIGEST_SHA256, upload, &failure);
}

static int reopen(const struct store *store, const char *id, const char *user,
                  struct upload *upload)
{
    const struct name name = unit_name("a");

    return upload_open(store, &name, id, user, upload, &failure);
}

/* Issue 10, item 33: on GlusterFS a descriptor that was closed may be open for others still. */
static void test_33_the_lock_is_free_before_the_file_is_closed(void **state)
{
    const struct store *store = *state;
    AUTO_UPLOAD upload = {.fd = -1};
    AUTO_UPLOAD again = {.fd = -1};

    assert_returns(0, create(store, "", &upload));
    assert_returns(0, upload_save(&upload, &failure));
    AUTO_FD lingering = dup(upload.fd);
    assert_true(lingering >= 0);
    upload_close(&upload);
    assert_returns(0, reopen(store, upload.id, "", &again));
}

/* And one who has just ended is waited for, for a moment. */
static void test_33_a_lock_that_is_free_a_moment_later(void **state)
{
    const struct store *store = *state;
    AUTO_UPLOAD upload = {.fd = -1};
    AUTO_UPLOAD again = {.fd = -1};

    assert_returns(0, create(store, "", &upload));
    assert_returns(0, upload_save(&upload, &failure));
    upload_close(&upload);
    fails_to_lock = 1;
    assert_returns(0, reopen(store, upload.id, "", &again));
    assert_int_equal(0, fails_to_lock);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_33_the_lock_is_free_before_the_file_is_closed),
        STORE_TEST(test_33_a_lock_that_is_free_a_moment_later),
    };

    return RUN(tests);
}
