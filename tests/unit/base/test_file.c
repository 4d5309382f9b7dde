/* SPDX-License-Identifier: Apache-2.0
 * base/file.c: ranges whatever the kernel takes at a time; files whole, replaced durably or not at
 * all. */
#include "unit/unit.h"

#include "base/file.h"
#include "base/fs.h"
#include "unit/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Stand in for libc's, to fail. */
ssize_t pread(int fd, void *bytes, size_t len, off_t off);
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t off);

/* As much at a time as they take; 0: without end. Each second call is interrupted then. */
static size_t io_max;
static bool interrupted;

static bool interrupts(void)
{
    interrupted = io_max > 0 && !interrupted;
    if (interrupted)
        errno = EINTR;
    return interrupted;
}

ssize_t pread(int fd, void *bytes, size_t len, off_t off)
{
    if (interrupts())
        return -1;
    return syscall(SYS_pread64, fd, bytes, io_max && len > io_max ? io_max : len, off);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t off)
{
    if (interrupts())
        return -1;
    return syscall(SYS_pwrite64, fd, bytes, io_max && len > io_max ? io_max : len, off);
}

static void test_pread_and_pwrite_at_offsets(void **state)
{
    const struct unit_dir *dir = *state;
    char bytes[4] = "";
    AUTO_FD fd = -1;

    assert_returns(1, fs_open(&dir->root, "file", O_RDWR | O_CREAT, &fd, &failure));
    assert_returns(0, file_pwrite_all(fd, "abcdef", 6, 0, &failure));
    assert_returns(0, file_pwrite_all(fd, "XY", 2, 3, &failure));
    assert_returns(0, file_pwrite_all(fd, "", 0, 100, &failure));
    assert_returns(0, file_pread_all(fd, bytes, 3, 2, &failure));
    assert_string_equal("cXY", bytes);
    assert_content("abcXYf", dir->path, "file");
    assert_fails(IO, file_pread_all(fd, bytes, 3, 4, &failure)); /* only two are there */
    file_close(&fd);
    assert_fails(IO, file_pwrite_all(fd, "x", 1, 0, &failure));
    assert_fails(IO, file_pread_all(fd, bytes, 1, 0, &failure));
}

static void test_short_and_interrupted_calls_are_gone_on_with(void **state)
{
    const struct unit_dir *dir = *state;
    static const char text[] = "more than one call takes";
    char bytes[sizeof text] = "";
    AUTO_FD fd = -1;

    assert_returns(1, fs_open(&dir->root, "file", O_RDWR | O_CREAT, &fd, &failure));
    for (size_t step = 1; step <= sizeof text; step++) {
        assert_int_equal(0, ftruncate(fd, 0));
        memset(bytes, 0, sizeof bytes);
        io_max = step;
        int written = file_pwrite_all(fd, text, strlen(text), 3, &failure);
        int got = file_pread_all(fd, bytes, strlen(text), 3, &failure);
        io_max = 0;
        assert_int_equal(0, written);
        assert_int_equal(0, got);
        assert_string_equal(text, bytes);
    }
}

/* Writes that the kernel takes only in part, and a disk that fills up. */
static void test_pwrite_reports_what_does_not_fit(void **state)
{
    const struct unit_dir *dir = *state;
    struct rlimit before, small;
    AUTO_FD fd = -1;

    assert_returns(1, fs_open(&dir->root, "file", O_RDWR | O_CREAT, &fd, &failure));
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){.rlim_cur = 4, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_fails(IO, file_pwrite_all(fd, "abcdef", 6, 0, &failure)); /* four, then EFBIG */
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(EFBIG, failure.sys);
    assert_content("abcd", dir->path, "file");
}

static void test_read_takes_plain_files_up_to_the_limit(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_BUF text = BUF_INIT;

    unit_put_bytes(dir->path, "file", "a\0b", 3);
    AUTO_FD fd = open(unit_path(dir, "file"), O_RDONLY | O_CLOEXEC);
    buf_addstr(&text, "-");
    assert_returns(0, file_read_open(fd, 3, &text, &failure));
    assert_int_equal(4, text.len);
    assert_memory_equal("-a\0b", text.s, 5);
    assert_fails(IO, file_read_open(fd, 2, &text, &failure));
    assert_string_equal("it has 3 bytes, more than 2 B", failure.msg);
    assert_int_equal(4, text.len);
    assert_fails(IO, file_read_open(dir->root.fd, 2, &text, &failure));
    assert_string_equal("it cannot be read: it is no plain file", failure.msg);
    file_close(&fd);
    assert_fails(IO, file_read_open(fd, 3, &text, &failure));
    assert_int_equal(EBADF, failure.sys);
}

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
    int made = file_create(unit_path(dir, "file"), 0640, (gid_t)-1, "text", 4, &failure);
    umask(before);
    assert_int_equal(0, made);
    assert_content("text", dir->path, "file");
    assert_int_equal(0640, unit_mode(dir->path, "file"));
    assert_fails(IO, file_create(unit_path(dir, "file"), 0600, (gid_t)-1, "other", 5, &failure));
    assert_int_equal(EEXIST, failure.sys);
    assert_content("text", dir->path, "file");
    assert_int_equal(1, unit_count(dir->path, ".")); /* nothing else is left */
    assert_fails(IO, file_create("/nowhere/file", 0600, (gid_t)-1, "other", 5, &failure));
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
    assert_returns(0, file_create(unit_path(dir, "file"), 0600, (gid_t)-1, "new", 3, &failure));
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

static void test_an_absolute_path_leads_through_links(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_BUF given = BUF_INIT;
    AUTO_BUF made = BUF_INIT;
    AUTO_BUF expected = BUF_INIT;

    unit_put(dir->path, "file", "");
    assert_int_equal(0, symlink("file", unit_path(dir, "link")));
    assert_returns(0, file_absolute(unit_path(dir, "link"), &given, &failure));
    assert_string_equal(unit_path(dir, "link"), given.s);

    assert_int_equal(0, chdir(dir->path));
    char *here = getcwd(NULL, 0);
    buf_addf(&expected, "%s/link", here);
    free(here);
    assert_returns(0, file_absolute("link", &made, &failure));
    assert_string_equal(expected.s, made.s);
    assert_int_equal(0, chdir("/"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_pread_and_pwrite_at_offsets),
        DIR_TEST(test_short_and_interrupted_calls_are_gone_on_with),
        DIR_TEST(test_pwrite_reports_what_does_not_fit),
        DIR_TEST(test_read_takes_plain_files_up_to_the_limit),
        DIR_TEST(test_read),
        DIR_TEST(test_create_makes_what_is_not_there),
        DIR_TEST(test_replace_keeps_owner_and_mode),
        DIR_TEST(test_both_are_durable_before_they_are_seen),
        DIR_TEST(test_replace_leaves_the_old_file_where_it_fails),
        DIR_TEST(test_an_absolute_path_leads_through_links),
    };

    return RUN(tests);
}
