/* SPDX-License-Identifier: Apache-2.0
 * remote/remote_state.c: what processes share. */
#include "unit/unit.h"

#include "base/file.h"
#include "base/fs_lock.h"
#include "remote/remote_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_state(void **state)
{
    const struct unit_dir *dir = *state;
    int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void test_a_pause_only_grows(void **state)
{
    AUTO_FD fd = open_state(state);

    assert_int_equal(0, remote_state_pause(fd, "k"));
    assert_int_equal(0, remote_state_set_pause(fd, "k", 1000, NULL));
    assert_int_equal(0, remote_state_set_pause(fd, "k", 900, NULL));
    assert_int_equal(1000, remote_state_pause(fd, "k"));
    assert_int_equal(0, remote_state_set_pause(fd, "k", 1100, NULL));
    assert_int_equal(1100, remote_state_pause(fd, "k"));
    assert_int_equal(0, remote_state_pause(fd, "other"));
    assert_int_equal(0, remote_state_set_pause(-1, "k", 1, NULL));
    assert_int_equal(0, remote_state_pause(-1, "k"));
}

static void test_what_is_no_pause(void **state)
{
    AUTO_FD fd = open_state(state);
    AUTO_FD file = openat(fd, "pause-k", O_WRONLY | O_CREAT, 0600);

    assert_int_equal(0, remote_state_pause(fd, "k"));
    assert_int_equal(4, write(file, "soon", 4));
    assert_int_equal(0, remote_state_pause(fd, "k"));
}

static void test_a_pause_that_cannot_be_noted(void **state)
{
    AUTO_FD fd = open_state(state);
    struct err err = {0};

    assert_int_equal(0, mkdirat(fd, "pause-k", 0700));
    assert_int_equal(-1, remote_state_set_pause(fd, "k", 5, &err));
    assert_int_not_equal(ERR_NONE, err.code);
    assert_int_equal(0, unlinkat(fd, "pause-k", AT_REMOVEDIR));
}

static void test_the_lock_of_a_token(void **state)
{
    AUTO_FD fd = open_state(state);
    AUTO_LOCKED_FD mine = -1, other = -1;
    struct err err = {0};
    struct stat st;

    assert_int_equal(0, remote_state_file(fd, "token", "k", true, 10, &other, NULL)); /* not made */
    assert_int_equal(1, remote_state_file(fd, "token", "k", false, 10, &mine, NULL));
    assert_int_equal(0, fstat(mine, &st));
    assert_int_equal(0600, st.st_mode & 0777);
    assert_int_equal(-1, remote_state_file(fd, "token", "k", true, 10, &other, &err));
    assert_int_equal(ERR_UPSTREAM_TIMEOUT, err.code);
    assert_int_equal(-1, other);
    fs_lock_close(&mine);
    assert_int_equal(1, remote_state_file(fd, "token", "k", true, 10, &mine, NULL));
    assert_int_equal(1, remote_state_file(fd, "token", "k", true, 10, &other, NULL));
}

static void test_keys(void **state)
{
    char one[REMOTE_STATE_KEY_SIZE], other[REMOTE_STATE_KEY_SIZE];

    (void)state;
    remote_state_key(one, "https://a", 9);
    remote_state_key(other, "https://b", 9);
    assert_int_equal(32, strlen(one));
    assert_string_not_equal(one, other);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_a_pause_only_grows),
        DIR_TEST(test_what_is_no_pause),
        DIR_TEST(test_a_pause_that_cannot_be_noted),
        DIR_TEST(test_the_lock_of_a_token),
        cmocka_unit_test(test_keys),
    };

    return RUN(tests);
}
