/* SPDX-License-Identifier: Apache-2.0
 * base/dir.c, and what base/fs.c does with names: replacing, renaming, removing. */
#include "unit/unit.h"

#include "base/dir.h"
#include "base/fs.h"
#include "unit/trace.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_mkdirs_makes_what_is_missing(void **state)
{
    struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};

    mode_t before = umask(0777);
    dir->root.dir_mode = 0775;
    unit_before_call();
    int made = dir_make(&dir->root, "a/b/c", &dirty, &failure);
    umask(before);
    assert_int_equal(0, made);
    assert_int_equal(0775, unit_mode(dir->path, "a"));
    assert_int_equal(0775, unit_mode(dir->path, "a/b/c"));
    assert_int_equal(3, dirty.n); /* each directory that has a new name in it */
    assert_string_equal(".", dirty.path[0]);
    assert_string_equal("a", dirty.path[1]);
    assert_string_equal("a/b", dirty.path[2]);
    dirty_free(&dirty);
    assert_returns(0, dir_make(&dir->root, "a/b/c", &dirty, &failure));
    assert_int_equal(0, dirty.n); /* nothing changed */
    assert_returns(0, dir_make(&dir->root, "a/b/d", &dirty, &failure));
    assert_int_equal(1, dirty.n);
}

static void test_mkdirs_fails_where_a_file_or_too_long_a_path_is(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};
    char path[2000];

    unit_put(dir->path, "file", "f");
    unit_symlink("dir", dir->path, "link");
    assert_fails(IO, dir_make(&dir->root, "file/a", &dirty, &failure));
    assert_fails(IO, dir_make(&dir->root, "file", &dirty, &failure));
    assert_fails(IO, dir_make(&dir->root, "link", &dirty, &failure));
    assert_fails(IO, dir_make(&dir->root, "../a", &dirty, &failure));
    for (size_t i = 0; i < sizeof path; i++)
        path[i] = i % 10 == 9 ? '/' : 'd';
    path[sizeof path - 1] = '\0';
    assert_fails(IO, dir_make(&dir->root, path, &dirty, &failure));
    assert_int_equal(ENAMETOOLONG, failure.sys);
    assert_fails(IO, fs_unlink(&dir->root, path, &dirty, &failure));
    assert_int_equal(ENAMETOOLONG, failure.sys);
    assert_fails(IO, fs_rename(&dir->root, "file", path, &dirty, &failure));
    assert_content("f", dir->path, "file");
}

static void test_replace_makes_and_replaces(void **state)
{
    struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};

    dir->root.file_mode = 0604;
    unit_put(dir->path, "tmp/other", "o");
    assert_returns(0, fs_replace(&dir->root, "tmp/t", "a/b/file", "new", 3, &dirty, &failure));
    assert_content("new", dir->path, "a/b/file");
    assert_int_equal(0604, unit_mode(dir->path, "a/b/file"));
    assert_returns(0, fs_replace(&dir->root, "tmp/t", "a/b/file", "", 0, &dirty, &failure));
    assert_content("", dir->path, "a/b/file");
    assert_int_equal(1, unit_count(dir->path, "tmp"));
}

static void test_replace_is_durable_in_the_right_order(void **state)
{
    struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};

    dir->root.durable = true;
    unit_put(dir->path, "tmp/other", "o");
    trace_start(dir->path);
    assert_returns(0, fs_replace(&dir->root, "tmp/t", "a/b/file", "new", 3, &dirty, &failure));
    int synced = trace_fsync("tmp/t", -1);
    assert_true(synced >= 0);
    assert_true(trace_rename_to("a/b/file", synced) > synced);
    assert_returns(0, dirty_sync(&dir->root, &dirty, &failure));
    trace_stop();
    trace_assert_durable();
}

static void test_replace_leaves_no_trace_where_it_fails(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};
    struct rlimit before, small;

    unit_put(dir->path, "file", "old");
    unit_put(dir->path, "dir/entry", "e");
    unit_put(dir->path, "tmp/other", "o");
    /* A directory stands there. */
    assert_fails(IO, fs_replace(&dir->root, "tmp/t", "dir", "new", 3, &dirty, &failure));
    /* A parent is a file. */
    assert_fails(IO, fs_replace(&dir->root, "tmp/t", "file/x", "new", 3, &dirty, &failure));
    /* The disk is full. */
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 2, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_fails(IO, fs_replace(&dir->root, "tmp/t", "file", "new", 3, &dirty, &failure));
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(1, unit_count(dir->path, "tmp"));
    assert_content("old", dir->path, "file");
    assert_content("e", dir->path, "dir/entry");
    assert_int_equal(0, dirty.n);
}

static void test_replace_takes_no_name_of_others(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};

    unit_put(dir->path, "tmp/t", "somebody's");
    assert_fails(IO, fs_replace(&dir->root, "tmp/t", "file", "new", 3, &dirty, &failure));
    assert_content("somebody's", dir->path, "tmp/t");
    assert_fails(IO, fs_replace(&dir->root, "none/t", "file", "new", 3, &dirty, &failure));
    assert_false(unit_exists(dir->path, "file"));
}

static void test_rename(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};

    unit_put(dir->path, "a/from", "new");
    unit_put(dir->path, "b/to", "old");
    assert_returns(1, fs_rename(&dir->root, "a/from", "b/to", &dirty, &failure));
    assert_content("new", dir->path, "b/to");
    assert_false(unit_exists(dir->path, "a/from"));
    assert_int_equal(2, dirty.n);
    assert_string_equal("b", dirty.path[0]);
    assert_string_equal("a", dirty.path[1]);
    assert_returns(1, fs_rename(&dir->root, "b/to", "c/d/e", &dirty, &failure));
    assert_content("new", dir->path, "c/d/e");
    assert_returns(0, fs_rename(&dir->root, "a/from", "b/to", &dirty, &failure));
    assert_returns(0, fs_rename(&dir->root, "none/from", "b/to", &dirty, &failure));
    assert_fails(IO, fs_rename(&dir->root, "c/d/e", "b", &dirty, &failure)); /* a directory */
}

static void test_unlink_and_rmdir(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_DIRTY dirty = {0};

    unit_put(dir->path, "a/file", "f");
    assert_returns(0, dir_remove(&dir->root, "a", &dirty, &failure)); /* not empty */
    assert_fails(IO, fs_unlink(&dir->root, "a", &dirty, &failure));
    assert_int_equal(0, dirty.n);
    assert_returns(1, fs_unlink(&dir->root, "a/file", &dirty, &failure));
    assert_int_equal(1, dirty.n);
    assert_string_equal("a", dirty.path[0]);
    assert_returns(0, fs_unlink(&dir->root, "a/file", &dirty, &failure));
    assert_returns(0, fs_unlink(&dir->root, "none/file", &dirty, &failure));
    assert_returns(1, dir_remove(&dir->root, "a", &dirty, &failure));
    assert_false(unit_exists(dir->path, "a"));
    assert_int_equal(2, dirty.n);
    assert_returns(0, dir_remove(&dir->root, "a", &dirty, &failure));
}

static void test_remove_tree_follows_no_link(void **state)
{
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "keep/file", "f");
    unit_put(dir->path, "tree/a/b/file", "f");
    unit_put(dir->path, "tree/.hidden", "h");
    unit_symlink("../keep", dir->path, "tree/link");
    unit_symlink("../../keep/file", dir->path, "tree/a/link");
    unit_symlink("keep", dir->path, "top");
    assert_returns(1, dir_remove_tree(&dir->root, "tree", &failure));
    assert_false(unit_exists(dir->path, "tree"));
    assert_true(dir_remove_tree(&dir->root, "top", &failure) <= 0);
    assert_true(dir_remove_tree(&dir->root, "top/file", &failure) <= 0);
    assert_content("f", dir->path, "keep/file");
    assert_returns(0, dir_remove_tree(&dir->root, "tree", &failure));
}

static void test_remove_tree_stops_at_its_depth(void **state)
{
    const struct unit_dir *dir = *state;
    char path[300] = "tree";

    for (size_t n = 4; n < 260; n += 2)
        memcpy(path + n, "/d", 3);
    AUTO_DIRTY dirty = {0};
    assert_returns(0, dir_make(&dir->root, path, &dirty, &failure));
    assert_fails(IO, dir_remove_tree(&dir->root, "tree", &failure));
    assert_true(unit_exists(dir->path, path));
}

static void test_touch(void **state)
{
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "file", "f");
    unit_symlink("file", dir->path, "link");
    unit_age(dir->path, "file", 5000);
    assert_returns(1, fs_touch(&dir->root, "link", &failure)); /* the link, not its target */
    assert_true(unit_age_of(dir->path, "file") >= 5000);
    assert_returns(1, fs_touch(&dir->root, "file", &failure));
    assert_true(unit_age_of(dir->path, "file") < 100);
    assert_returns(0, fs_touch(&dir->root, "none", &failure));
    assert_returns(0, fs_touch(&dir->root, "none/none", &failure));
}

int __real_futimens(int fd, const struct timespec times[2]);
int __wrap_futimens(int fd, const struct timespec times[2]);

static bool stands_still; /* the clock of files, between two of its ticks */
static time_t whole;      /* not 0: that is the second, and the file system keeps no parts of it */

int __wrap_futimens(int fd, const struct timespec times[2])
{
    if (whole) {
        const struct timespec kept[2] = {{.tv_nsec = UTIME_OMIT},
                                         {.tv_sec = times ? times[1].tv_sec : whole}};
        return __real_futimens(fd, kept);
    }
    return stands_still && !times ? 0 : __real_futimens(fd, times);
}

/* Who compares two times of a file has to see each touch between them. */
static void test_each_touch_makes_another_time(void **state)
{
    const struct unit_dir *dir = *state;
    struct stat st;
    int64_t before = 0;

    unit_put(dir->path, "file", "f");
    unit_symlink("file", dir->path, "link");
    stands_still = true;
    for (int i = 0; i < 1000; i++) {
        assert_returns(1, fs_touch_anew(&dir->root, "file", &failure));
        assert_returns(1, fs_stat(&dir->root, "file", &st, &failure));
        assert_true(fs_mtime(&st) > before);
        before = fs_mtime(&st);
    }
    stands_still = false;
    whole = before / 1000000000 + 1;
    for (int i = 0; i < 20; i++) {
        assert_returns(1, fs_touch_anew(&dir->root, "file", &failure));
        assert_returns(1, fs_stat(&dir->root, "file", &st, &failure));
        assert_true(fs_mtime(&st) > before);
        before = fs_mtime(&st);
    }
    whole = 0;
    unit_age(dir->path, "file", 5000);
    assert_returns(0, fs_touch_anew(&dir->root, "link", &failure));
    assert_true(unit_age_of(dir->path, "file") >= 5000);
    assert_returns(1, fs_touch_anew(&dir->root, "file", &failure));
    assert_true(unit_age_of(dir->path, "file") < 100);
    unit_age(dir->path, "file", -5000); /* by a clock that was wrong */
    assert_returns(1, fs_touch_anew(&dir->root, "file", &failure));
    assert_true(unit_age_of(dir->path, "file") > -100);
    assert_returns(0, fs_touch_anew(&dir->root, "none/none", &failure));
    assert_returns(0, fs_touch_anew(&dir->root, ".", &failure));
}

static bool stop_at_second(void *context, const char *name)
{
    (void)name;
    return ++*(int *)context == 2;
}

static void test_mode_and_owner_of_what_is_in_the_root(void **state)
{
    const struct unit_dir *dir = *state;
    const uid_t uid = getuid();
    const gid_t gid = getgid();

    unit_put(dir->path, "d/f", "x");
    assert_returns(1, fs_set_mode(&dir->root, "d/f", 0604, &failure));
    assert_int_equal(0604, unit_mode(dir->path, "d/f"));
    assert_returns(1, fs_set_mode(&dir->root, "d", 0700, &failure));
    assert_int_equal(0700, unit_mode(dir->path, "d"));
    assert_returns(1, fs_set_owner(&dir->root, "d/f", uid, gid, &failure));
    assert_returns(0, fs_set_mode(&dir->root, "d/none", 0600, &failure));
    assert_returns(0, fs_set_owner(&dir->root, "none/f", uid, gid, &failure));
    /* Nothing behind a link, and nothing outside. */
    unit_symlink("f", dir->path, "d/link");
    assert_fails(IO, fs_set_mode(&dir->root, "d/link", 0777, &failure));
    assert_int_equal(0604, unit_mode(dir->path, "d/f"));
    unit_symlink("d", dir->path, "way");
    assert_fails(IO, fs_set_mode(&dir->root, "way/f", 0777, &failure));
    assert_fails(IO, fs_set_owner(&dir->root, "way/f", uid, gid, &failure));
    assert_fails(IO, fs_set_mode(&dir->root, "../x", 0777, &failure));
}

static void test_each_visits_until_told(void **state)
{
    const struct unit_dir *dir = *state;
    int visited = 0;

    unit_put(dir->path, "d/one", "1");
    unit_put(dir->path, "d/two", "2");
    unit_put(dir->path, "d/three", "3");
    assert_returns(1, dir_each(&dir->root, "d", stop_at_second, &visited, &failure));
    assert_int_equal(2, visited);
    assert_returns(0, dir_each(&dir->root, "none", stop_at_second, &visited, &failure));
    assert_returns(0, dir_each(&dir->root, "d/one", stop_at_second, &visited, &failure));
    assert_int_equal(2, visited);
}

static void test_list_is_sorted_by_bytes_without_dot_files(void **state)
{
    const struct unit_dir *dir = *state;
    static const char *const made[] = {"b", "a-b", "a", "B", "a.b", "_x", ".hidden", "\xc3\xa9"};
    static const char *const listed[] = {"B", "_x", "a", "a-b", "a.b", "b", "\xc3\xa9"};
    AUTO_STRINGS names = {0};

    for (size_t i = 0; i < LENGTH_OF(made); i++) {
        char path[20];
        snprintf(path, sizeof path, "d/%s", made[i]);
        unit_put(dir->path, path, "");
    }
    assert_returns(1, dir_list(&dir->root, "d", &names, &failure));
    assert_int_equal(LENGTH_OF(listed), names.n);
    for (size_t i = 0; i < LENGTH_OF(listed); i++)
        assert_string_equal(listed[i], names.v[i]);
    strings_free(&names);
    assert_int_equal(0, names.n);
    assert_returns(0, dir_list(&dir->root, "none", &names, &failure));
    strings_sort(&names);
    assert_int_equal(0, names.n);
}

static void test_names_grow(void **state)
{
    AUTO_STRINGS names = {0};
    char text[20];

    (void)state;
    for (int i = 999; i >= 0; i--) {
        snprintf(text, sizeof text, "%03d", i);
        strings_add(&names, text);
    }
    strings_sort(&names);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "%03d", i);
        assert_string_equal(text, names.v[i]);
    }
}

static bool is_short(void *context, const struct stat *st)
{
    *(off_t *)context = st->st_size;
    return st->st_size < 5;
}

static void test_a_lone_file_goes_with_its_directory(void **state)
{
    const struct unit_dir *dir = *state;
    off_t size = 0;
    struct stat st;

    unit_put(dir->path, "a/link", "1234");
    unit_put(dir->path, "b/link", "12345");
    unit_put(dir->path, "c/link", "1");
    unit_put(dir->path, "c/other", "1");
    unit_symlink("c", dir->path, "d");
    assert_returns(1, dir_peek(dir->root.fd, "a/link", &st, &failure));
    assert_int_equal(4, st.st_size);
    assert_returns(0, dir_peek(dir->root.fd, "none/link", &st, &failure));
    assert_returns(1, dir_remove_lone(&dir->root, "a", "link", is_short, &size, &failure));
    assert_int_equal(4, size);
    assert_false(unit_exists(dir->path, "a"));
    assert_returns(0, dir_remove_lone(&dir->root, "b", "link", is_short, &size, &failure));
    assert_int_equal(5, size);
    assert_true(unit_exists(dir->path, "b/link"));
    assert_returns(0, dir_remove_lone(&dir->root, "d", "link", is_short, &size, &failure));
    assert_true(unit_exists(dir->path, "c/link"));
    assert_returns(1, dir_remove_lone(&dir->root, "c", "link", is_short, &size, &failure));
    assert_true(unit_exists(dir->path, "c/other") && !unit_exists(dir->path, "c/link"));
    assert_returns(0, dir_remove_lone(&dir->root, "c", "link", is_short, &size, &failure));
    assert_returns(0, dir_remove_lone(&dir->root, "none", "link", is_short, &size, &failure));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_a_lone_file_goes_with_its_directory),
        DIR_TEST(test_mkdirs_makes_what_is_missing),
        DIR_TEST(test_mkdirs_fails_where_a_file_or_too_long_a_path_is),
        DIR_TEST(test_replace_makes_and_replaces),
        DIR_TEST(test_replace_is_durable_in_the_right_order),
        DIR_TEST(test_replace_leaves_no_trace_where_it_fails),
        DIR_TEST(test_replace_takes_no_name_of_others),
        DIR_TEST(test_rename),
        DIR_TEST(test_unlink_and_rmdir),
        DIR_TEST(test_remove_tree_follows_no_link),
        DIR_TEST(test_remove_tree_stops_at_its_depth),
        DIR_TEST(test_touch),
        DIR_TEST(test_each_touch_makes_another_time),
        DIR_TEST(test_mode_and_owner_of_what_is_in_the_root),
        DIR_TEST(test_each_visits_until_told),
        DIR_TEST(test_list_is_sorted_by_bytes_without_dot_files),
        cmocka_unit_test(test_names_grow),
    };

    return RUN(tests);
}
