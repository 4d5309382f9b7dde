/* SPDX-License-Identifier: Apache-2.0
 * base/file.c: a file is read whole, and replaced whole and durably or not at all. */
#include "unit/unit.h"

#include "base/file.h"
#include "unit/trace.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_read(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_BUF text = BUF_INIT;

    unit_put(dir->path, "file", "text");
    unit_symlink("file", dir->path, "link");
    assert_returns(0, file_read(unit_path(dir, "file"), 4, &text, &failure));
    assert_returns(0, file_read(unit_path(dir, "link"), 4, &text, &failure));
    assert_string_equal("texttext", text.s);
    assert_fails(IO, file_read(unit_path(dir, "file"), 3, &text, &failure));
    assert_fails(IO, file_read(unit_path(dir, "other"), 3, &text, &failure));
    assert_int_equal(ENOENT, failure.sys);
    assert_string_equal("No such file or directory", failure.msg);
    assert_int_equal(0, mkfifo(unit_path(dir, "pipe"), 0600));
    assert_fails(IO, file_read(unit_path(dir, "pipe"), 3, &text, &failure)); /* and doesn't wait */
    assert_string_equal("texttext", text.s);
}

static void test_create_makes_what_is_not_there(void **state)
{
    const struct unit_dir *dir = *state;

    mode_t before = umask(0777);
    unit_before_call();
    int made = file_create(unit_path(dir, "file"), 0640, "text", 4, &failure);
    umask(before);
    assert_int_equal(0, made);
    assert_content("text", dir->path, "file");
    assert_int_equal(0640, unit_mode(dir->path, "file"));
    assert_fails(IO, file_create(unit_path(dir, "file"), 0600, "other", 5, &failure));
    assert_int_equal(EEXIST, failure.sys);
    assert_content("text", dir->path, "file");
    assert_int_equal(1, unit_count(dir->path, ".")); /* nothing else is left */
    assert_fails(IO, file_create("/nowhere/file", 0600, "other", 5, &failure));
}

static void test_replace_keeps_owner_and_mode(void **state)
{
    const struct unit_dir *dir = *state;
    const char *path = unit_path(dir, "file");
    struct stat st;

    unit_put(dir->path, "file", "before");
    assert_int_equal(0, chown(path, geteuid() == 0 ? 7 : geteuid(), getegid()));
    assert_int_equal(0, chmod(path, 0604));
    assert_int_equal(0, stat(path, &st));
    assert_returns(0, file_replace(path, &st, "after", 5, &failure));
    assert_content("after", dir->path, "file");
    assert_int_equal(0604, unit_mode(dir->path, "file"));
    struct stat now;
    assert_int_equal(0, stat(path, &now));
    assert_int_equal(st.st_uid, now.st_uid);
    assert_int_not_equal(st.st_ino, now.st_ino); /* who reads the old one goes on doing so */
    assert_int_equal(1, unit_count(dir->path, "."));
}

static void test_both_are_durable_before_they_are_seen(void **state)
{
    const struct unit_dir *dir = *state;
    struct stat st;

    trace_start(dir->path);
    assert_returns(0, file_create(unit_path(dir, "file"), 0600, "new", 3, &failure));
    assert_int_equal(2, trace_count_fsync()); /* the file, and the directory that has its name */
    assert_int_equal(0, stat(unit_path(dir, "file"), &st));
    assert_returns(0, file_replace(unit_path(dir, "file"), &st, "newer", 5, &failure));
    trace_stop();
    assert_int_equal(4, trace_count_fsync());
    assert_true(trace_rename_to("file", -1) >= 0);
    trace_assert_durable();
}

static void test_replace_leaves_the_old_file_where_it_fails(void **state)
{
    const struct unit_dir *dir = *state;
    struct rlimit before, small;
    struct stat st;

    unit_put(dir->path, "file", "old");
    assert_int_equal(0, stat(unit_path(dir, "file"), &st));
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 4, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_fails(IO, file_replace(unit_path(dir, "file"), &st, "longer", 6, &failure));
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_content("old", dir->path, "file");
    assert_int_equal(1, unit_count(dir->path, "."));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_read),
        DIR_TEST(test_create_makes_what_is_not_there),
        DIR_TEST(test_replace_keeps_owner_and_mode),
        DIR_TEST(test_both_are_durable_before_they_are_seen),
        DIR_TEST(test_replace_leaves_the_old_file_where_it_fails),
    };

    return RUN(tests);
}
