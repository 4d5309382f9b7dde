/* SPDX-License-Identifier: Apache-2.0
 * base/fs.c: containment, reading and writing, durability. Each test of containment runs with
 * openat2(2) and with the walk for kernels that lack it. */
#include "unit/unit.h"

#include "base/dir.h"
#include "base/fs.h"
#include "base/fs_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Stand in for libc's, to count and to fail. */
int fsync(int fd);
int sync_file_range(int fd, off_t off, off_t len, unsigned flags);
int openat(int fd, const char *path, int flags, ...);

static int fsyncs, writebacks, opens, stale_opens;

int fsync(int fd)
{
    fsyncs++;
    return (int)syscall(SYS_fsync, fd);
}

int sync_file_range(int fd, off_t off, off_t len, unsigned flags)
{
    writebacks++;
    return (int)syscall(SYS_sync_file_range, fd, off, len, flags);
}

int openat(int fd, const char *path, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    mode_t mode = va_arg(ap, mode_t);
    va_end(ap);
    opens++;
    if (stale_opens > 0) {
        stale_opens--;
        errno = ESTALE;
        return -1;
    }
    return (int)syscall(SYS_openat, fd, path, flags, mode);
}

static int with_openat2(void **state)
{
    fs_path_force_walk(false);
    return unit_dir_make(state);
}

static int with_walk(void **state)
{
    fs_path_force_walk(true);
    return unit_dir_make(state);
}

static int end_way(void **state)
{
    fs_path_force_walk(false);
    return unit_dir_remove(state);
}

/* Opening path gives no descriptor; whether it is an error or "not there" is the kernel's choice.
 */
static void assert_shut(const struct fs_root *root, const char *path, int flags)
{
    int fd = -1;

    if (fs_open(root, path, flags, &fd, &failure) > 0)
        fail_msg("%s was opened", path);
    assert_int_equal(-1, fd);
}

static void test_paths_inside_open(void **state)
{
    const struct unit_dir *dir = *state;
    char longest[NAME_MAX + 1];
    const char *paths[] = {"file", "a/file", "a/b/c/file", "ab/a./.a/a..", longest};
    char byte;

    memset(longest, 'n', NAME_MAX);
    longest[NAME_MAX] = '\0';
    for (size_t i = 0; i < LENGTH_OF(paths); i++) {
        int fd;
        unit_put(dir->path, paths[i], "x");
        assert_returns(1, fs_open(&dir->root, paths[i], O_RDONLY, &fd, &failure));
        assert_returns(0, file_pread_all(fd, &byte, 1, 0, &failure));
        assert_int_equal('x', byte);
        assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
        file_close(&fd);
        assert_int_equal(-1, fd);
    }
}

static void test_nothing_leads_out(void **state)
{
    const struct unit_dir *dir = *state;
    struct fs_root root = dir->root;
    static const char *const paths[] = {
        "..",   "../",         "../inner",     "../secret", "a/../../secret", "a/b/../../../secret",
        "a/..", "/etc/passwd", "//etc/passwd", "/",
    };

    unit_put(dir->path, "secret", "s");
    unit_put(dir->path, "inner/a/b/file", "f");
    assert_returns(1, fs_open(&dir->root, "inner", O_RDONLY | O_DIRECTORY, &root.fd, &failure));
    for (size_t i = 0; i < LENGTH_OF(paths); i++) {
        AUTO_BUF text = BUF_INIT;
        AUTO_DIRTY dirty = {0};
        struct stat st;
        if (strcmp(paths[i], "a/..") != 0) /* stays inside: openat2 allows that */
            assert_shut(&root, paths[i], O_RDONLY);
        assert_true(fs_read(&root, paths[i], 100, &text, &failure) <= 0);
        assert_int_equal(0, text.len);
        if (strstr(paths[i], "secret")) {
            assert_true(fs_stat(&root, paths[i], &st, &failure) <= 0);
            assert_true(fs_unlink(&root, paths[i], &dirty, &failure) <= 0);
            assert_true(fs_touch(&root, paths[i], &failure) <= 0);
            assert_true(dir_remove_tree(&root, paths[i], &failure) <= 0);
            assert_shut(&root, paths[i], O_WRONLY | O_CREAT);
            assert_fails(IO, fs_replace(&root, "tmp", paths[i], "new", 3, &dirty, &failure));
            assert_true(fs_rename(&root, paths[i], "taken", &dirty, &failure) <= 0);
        }
    }
    assert_content("s", dir->path, "secret");
    assert_false(unit_exists(dir->path, "inner/taken"));
    fs_root_close(&root);
}

static void test_no_symbolic_link_is_followed(void **state)
{
    const struct unit_dir *dir = *state;
    const struct fs_root *root = &dir->root;
    AUTO_BUF text = BUF_INIT;
    AUTO_DIRTY dirty = {0};
    struct stat st;

    unit_put(dir->path, "dir/file", "f");
    unit_symlink("file", dir->path, "dir/inside");
    unit_symlink("/etc/passwd", dir->path, "dir/outside");
    unit_symlink("dir", dir->path, "alias");
    unit_symlink("/etc", dir->path, "etc");
    unit_symlink("nowhere", dir->path, "dangling");
    static const char *const paths[] = {"dir/inside", "dir/outside", "alias/file",
                                        "etc/passwd", "dangling",    "etc/berth-new"};
    for (size_t i = 0; i < LENGTH_OF(paths); i++) {
        assert_shut(root, paths[i], O_RDONLY);
        assert_shut(root, paths[i], O_WRONLY | O_CREAT);
        assert_true(fs_read(root, paths[i], 10000, &text, &failure) <= 0);
    }
    assert_int_equal(0, text.len);
    assert_shut(root, "alias", O_RDONLY | O_DIRECTORY);
    assert_fails(IO, fs_replace(root, "tmp", "alias/new", "n", 1, &dirty, &failure));
    assert_true(fs_rename(root, "alias/file", "taken", &dirty, &failure) <= 0);
    assert_false(unit_exists(dir->path, "dir/new"));
    assert_false(unit_exists(dir->path, "nowhere"));
    assert_true(unit_exists(dir->path, "dir/file"));
    assert_returns(1, fs_stat(root, "alias", &st, &failure)); /* the link itself */
    assert_true(S_ISLNK(st.st_mode));
}

static void test_absence(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_BUF text = BUF_INIT;
    char long_name[400];
    struct stat st;
    int fd;

    unit_put(dir->path, "file", "f");
    assert_returns(0, fs_open(&dir->root, "none", O_RDONLY, &fd, &failure));
    assert_returns(0, fs_open(&dir->root, "none/none", O_RDONLY, &fd, &failure));
    assert_returns(0, fs_open(&dir->root, "file/below", O_RDONLY, &fd, &failure));
    assert_returns(0, fs_stat(&dir->root, "none", &st, &failure));
    assert_returns(0, fs_read(&dir->root, "none", 10, &text, &failure));
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_fails(IO, fs_open(&dir->root, long_name, O_RDONLY, &fd, &failure));
    assert_int_equal(ENAMETOOLONG, failure.sys);
}

static void test_stat(void **state)
{
    const struct unit_dir *dir = *state;
    struct stat st;

    unit_put(dir->path, "d/file", "12345");
    assert_returns(1, fs_stat(&dir->root, "d/file", &st, &failure));
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(5, st.st_size);
    assert_returns(1, fs_stat(&dir->root, "d", &st, &failure));
    assert_true(S_ISDIR(st.st_mode));
}

static void test_read_appends_whole_files_up_to_the_limit(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_BUF text = BUF_INIT;

    unit_put_bytes(dir->path, "file", "a\0b", 3);
    unit_put(dir->path, "empty", "");
    buf_addstr(&text, "-");
    assert_returns(1, fs_read(&dir->root, "file", 3, &text, &failure));
    assert_returns(1, fs_read(&dir->root, "empty", 0, &text, &failure));
    assert_int_equal(4, text.len);
    assert_memory_equal("-a\0b", text.s, 5);
    assert_fails(IO, fs_read(&dir->root, "file", 2, &text, &failure));
    assert_int_equal(4, text.len);
}

static void test_read_wants_a_plain_file(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_BUF text = BUF_INIT;
    char fifo[128];

    unit_put(dir->path, "d/file", "f");
    snprintf(fifo, sizeof fifo, "%s/fifo", dir->path);
    assert_int_equal(0, mkfifo(fifo, 0600));
    assert_fails(IO, fs_read(&dir->root, "fifo", 10, &text, &failure)); /* and doesn't wait */
    assert_fails(IO, fs_read(&dir->root, "d", 10000, &text, &failure));
}

static void test_new_files_get_the_mode_whatever_the_umask(void **state)
{
    struct unit_dir *dir = *state;
    AUTO_FD fd = -1;

    mode_t before = umask(0777);
    dir->root.file_mode = 0664;
    int opened = fs_open(&dir->root, "new", O_RDWR | O_CREAT | O_EXCL, &fd, &failure);
    umask(before);
    assert_int_equal(1, opened);
    assert_int_equal(0664, unit_mode(dir->path, "new"));
    file_close(&fd);
    assert_fails(IO, fs_open(&dir->root, "new", O_RDWR | O_CREAT | O_EXCL, &fd, &failure));
    assert_int_equal(EEXIST, failure.sys);
}

static void test_root_open(void **state)
{
    const struct unit_dir *dir = *state;
    struct fs_root root = {.dir_mode = 0750};
    char path[128];

    snprintf(path, sizeof path, "%s/a/b/store", dir->path);
    assert_fails(IO, fs_root_open(&root, path, false, &failure));
    assert_false(unit_exists(dir->path, "a"));
    assert_returns(0, fs_root_open(&root, path, true, &failure));
    fs_root_close(&root);
    assert_int_equal(-1, root.fd);
    assert_int_equal(0750, unit_mode(dir->path, "a/b/store"));
    assert_returns(0, fs_root_open(&root, path, true, &failure)); /* it is there already */
    fs_root_close(&root);
    unit_put(dir->path, "a/file", "f");
    snprintf(path, sizeof path, "%s/a/file", dir->path);
    assert_fails(IO, fs_root_open(&root, path, true, &failure));
}

/* What is said is why it could not be made, not that it is not there. */
static void test_root_refused(void **state)
{
    const struct unit_dir *dir = *state;
    struct fs_root root = {.dir_mode = 0750};
    struct err why = {0};
    char path[128];

    snprintf(path, sizeof path, "%s/new/store", dir->path);
    assert_int_equal(0, chmod(dir->path, 0511));
    if (geteuid() == 0)
        assert_int_equal(0, seteuid(65534));
    int opened = fs_root_open(&root, path, true, &why);
    if (getuid() == 0)
        assert_int_equal(0, seteuid(0));
    assert_int_equal(0, chmod(dir->path, 0700));
    assert_int_equal(-1, opened);
    assert_int_equal(EACCES, why.sys);
}

/* Issue 10, item 33: whoever reads takes the whole look again. */
static void test_33_a_look_is_taken_again(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_BUF text = BUF_INIT;
    struct stat st;

    unit_put(dir->path, "file", "text");
    buf_addstr(&text, "a ");
    stale_opens = 3; /* more than fs_open takes */
    assert_returns(1, fs_read(&dir->root, "file", 10, &text, &failure));
    assert_string_equal("a text", text.s);
    stale_opens = 3;
    assert_returns(1, fs_stat(&dir->root, "file", &st, &failure));
    assert_int_equal(4, st.st_size);
    stale_opens = 100; /* not for ever */
    assert_fails(UNREACHABLE, fs_read(&dir->root, "file", 10, &text, &failure));
    assert_int_equal(ESTALE, failure.sys);
    assert_fails(UNREACHABLE, fs_stat(&dir->root, "file", &st, &failure));
    stale_opens = 0;
}

static void test_estale_is_retried_once(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_FD fd = -1;

    unit_put(dir->path, "file", "f");
    stale_opens = 1;
    assert_returns(1, fs_open(&dir->root, "file", O_RDONLY, &fd, &failure));
    file_close(&fd);
    stale_opens = 2;
    assert_fails(UNREACHABLE, fs_open(&dir->root, "file", O_RDONLY, &fd, &failure));
    assert_int_equal(ESTALE, failure.sys);
    assert_int_equal(0, stale_opens);
    opens = 0;
    assert_returns(0, fs_open(&dir->root, "none", O_RDONLY, &fd, &failure));
    assert_int_equal(1, opens); /* other errors are not retried */
}

static void test_sync_file_only_where_durable(void **state)
{
    struct unit_dir *dir = *state;
    AUTO_FD fd = -1;

    assert_returns(1, fs_open(&dir->root, "file", O_RDWR | O_CREAT, &fd, &failure));
    for (int durable = 0; durable < 2; durable++) {
        fsyncs = writebacks = 0;
        dir->root.durable = durable;
        assert_returns(0, fs_sync_file(&dir->root, fd, &failure));
        fs_write_behind(&dir->root, fd, 0, 10);
        assert_int_equal(durable, fsyncs);
        assert_int_equal(durable, writebacks);
    }
    file_close(&fd);
    assert_fails(IO, fs_sync_file(&dir->root, -1, &failure));
}

/* Makes openat2(2) fail with errnum for the rest of this process, as old kernels and the seccomp
 * filters of old container engines do. */
static int without_openat2(int errnum)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)errnum),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {LENGTH_OF(code), code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void test_old_kernels_walk(void **state)
{
    const struct unit_dir *dir = *state;
    static const int errors[] = {ENOSYS, EPERM};

    unit_put(dir->path, "a/file", "f");
    unit_symlink("a", dir->path, "alias");
    for (size_t i = 0; i < LENGTH_OF(errors); i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            int fd;
            struct err err;
            bool right = without_openat2(errors[i]) == 0 &&
                         fs_open(&dir->root, "a/file", O_RDONLY, &fd, &err) == 1 &&
                         fs_open(&dir->root, "alias/file", O_RDONLY, &fd, &err) <= 0 &&
                         fs_open(&dir->root, "a/../a/file", O_RDONLY, &fd, &err) < 0;
            _exit(right ? 0 : 1);
        }
        assert_int_equal(pid, waitpid(pid, &status, 0));
        assert_int_equal(0, status);
    }
}

#define BOTH_WAYS(test)                                                                            \
    {#test " with openat2", test, with_openat2, end_way, NULL},                                    \
    {                                                                                              \
#test " with the walk", test, with_walk, end_way, NULL                                     \
    }

static bool is_private(const char *path)
{
    return !strncmp(path, "own", 3);
}

static void test_16_what_is_private_is_not_for_readers(void **state)
{
    const struct unit_dir *dir = *state;
    struct fs_root root = dir->root;
    AUTO_DIRTY dirty = {0};
    AUTO_FD fd = -1;

    root.is_private = is_private;
    assert_returns(1, fs_open(&root, "own-lock", O_RDWR | O_CREAT | O_EXCL, &fd, &failure));
    assert_returns(0, fs_replace(&root, "tmp", "own/file", "x", 1, &dirty, &failure));
    assert_returns(0, fs_replace(&root, "own/tmp", "file", "x", 1, &dirty, &failure));
    assert_int_equal(0600, unit_mode(dir->path, "own-lock"));
    assert_int_equal(0700, unit_mode(dir->path, "own"));
    assert_int_equal(0600, unit_mode(dir->path, "own/file"));
    assert_int_equal(0640, unit_mode(dir->path, "file"));
    root.file_mode = 0664; /* a group that writes is one of owners */
    root.dir_mode = 02775;
    assert_returns(0, fs_replace(&root, "own/tmp", "own-more/file", "x", 1, &dirty, &failure));
    assert_int_equal(02770, unit_mode(dir->path, "own-more"));
    assert_int_equal(0660, unit_mode(dir->path, "own-more/file"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        BOTH_WAYS(test_paths_inside_open),
        BOTH_WAYS(test_nothing_leads_out),
        BOTH_WAYS(test_no_symbolic_link_is_followed),
        BOTH_WAYS(test_absence),
        BOTH_WAYS(test_stat),
        BOTH_WAYS(test_read_wants_a_plain_file),
        DIR_TEST(test_read_appends_whole_files_up_to_the_limit),
        BOTH_WAYS(test_new_files_get_the_mode_whatever_the_umask),
        DIR_TEST(test_root_open),
        DIR_TEST(test_root_refused),
        cmocka_unit_test_setup_teardown(test_33_a_look_is_taken_again, with_walk, end_way),
        cmocka_unit_test_setup_teardown(test_estale_is_retried_once, with_walk, end_way),
        DIR_TEST(test_sync_file_only_where_durable),
        DIR_TEST(test_old_kernels_walk),
        DIR_TEST(test_16_what_is_private_is_not_for_readers),
    };

    return RUN(tests);
}
