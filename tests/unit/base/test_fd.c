/* SPDX-License-Identifier: Apache-2.0
 * base/fd.c: reading and writing whole ranges, whatever the kernel takes at a time. */
#include "unit/unit.h"

#include "base/fd.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
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
    assert_returns(0, fd_pwrite_all(fd, "abcdef", 6, 0, &failure));
    assert_returns(0, fd_pwrite_all(fd, "XY", 2, 3, &failure));
    assert_returns(0, fd_pwrite_all(fd, "", 0, 100, &failure));
    assert_returns(0, fd_pread_all(fd, bytes, 3, 2, &failure));
    assert_string_equal("cXY", bytes);
    assert_content("abcXYf", dir->path, "file");
    assert_fails(IO, fd_pread_all(fd, bytes, 3, 4, &failure)); /* only two are there */
    fd_close(&fd);
    assert_fails(IO, fd_pwrite_all(fd, "x", 1, 0, &failure));
    assert_fails(IO, fd_pread_all(fd, bytes, 1, 0, &failure));
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
        int written = fd_pwrite_all(fd, text, strlen(text), 3, &failure);
        int got = fd_pread_all(fd, bytes, strlen(text), 3, &failure);
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
    assert_fails(IO, fd_pwrite_all(fd, "abcdef", 6, 0, &failure)); /* four, then EFBIG */
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
    assert_returns(0, fd_read(fd, 3, &text, &failure));
    assert_int_equal(4, text.len);
    assert_memory_equal("-a\0b", text.s, 5);
    assert_fails(IO, fd_read(fd, 2, &text, &failure));
    assert_string_equal("it has 3 bytes, more than 2 B", failure.msg);
    assert_int_equal(4, text.len);
    assert_fails(IO, fd_read(dir->root.fd, 2, &text, &failure));
    assert_string_equal("it cannot be read: it is no plain file", failure.msg);
    fd_close(&fd);
    assert_fails(IO, fd_read(fd, 3, &text, &failure));
    assert_int_equal(EBADF, failure.sys);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_pread_and_pwrite_at_offsets),
        DIR_TEST(test_short_and_interrupted_calls_are_gone_on_with),
        DIR_TEST(test_pwrite_reports_what_does_not_fit),
        DIR_TEST(test_read_takes_plain_files_up_to_the_limit),
    };

    return RUN(tests);
}
