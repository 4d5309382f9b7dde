/* SPDX-License-Identifier: Apache-2.0
 * base/archive.c */
#include "unit/unit.h"

#include "base/fs.h"
#include "pack/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int create(const struct unit_dir *dir, const char *name)
{
    int fd = open(unit_path(dir, name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    return fd;
}

static void add_file(struct archive_writer *writer, const char *name, const char *text)
{
    assert_returns(0, archive_writer_file(writer, name, (int64_t)strlen(text), &failure));
    if (*text)
        assert_returns(0, archive_writer_add(writer, text, strlen(text), &failure));
}

static void make(const struct unit_dir *dir, const char *name, const char *file, const char *text)
{
    struct archive_writer writer;
    AUTO_FD fd = create(dir, name);

    assert_returns(0, archive_writer_open(&writer, fd, archive_packing_of(name), &failure));
    add_file(&writer, file, text);
    add_file(&writer, "empty", "");
    assert_returns(0, archive_writer_finish(&writer, &failure));
    struct stat st;
    assert_int_equal(0, fstat(fd, &st));
    assert_int_equal(st.st_size, writer.written);
    archive_writer_free(&writer);
}

/* Runs tar on an archive in the directory, which unpacks there; its exit status. */
static int tar(const struct unit_dir *dir, const char *options, const char *name)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (chdir(dir->path) == 0 && freopen("/dev/null", "w", stderr))
            execlp("tar", "tar", options, name, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(pid, waitpid(pid, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_packing_by_name(void **state)
{
    (void)state;
    assert_int_equal(ARCHIVE_PLAIN, archive_packing_of("x.tar"));
    assert_int_equal(ARCHIVE_PLAIN, archive_packing_of("gz"));
    assert_int_equal(ARCHIVE_PLAIN, archive_packing_of(".tgz"));
    assert_int_equal(ARCHIVE_PLAIN, archive_packing_of("x.gz"));
    assert_int_equal(ARCHIVE_GZIP, archive_packing_of("a/x.tar.gz"));
    assert_int_equal(ARCHIVE_GZIP, archive_packing_of("x.tgz"));
    assert_int_equal(ARCHIVE_ZSTD, archive_packing_of("x.tar.zst"));
    assert_int_equal(ARCHIVE_ZSTD, archive_packing_of("x.tzst"));
}

static void test_tar_reads_what_was_written(void **state)
{
    const struct unit_dir *dir = *state;
    static const char *const names[] = {"a.tar", "a.tar.gz", "a.tar.zst"};
    static const unsigned char magic[][4] = {"blob", {0x1f, 0x8b}, {0x28, 0xb5, 0x2f, 0xfd}};

    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        make(dir, names[i], "blobs/sha256/1", "some text");
        char *bytes = unit_get(dir->path, names[i]);
        assert_memory_equal(magic[i], bytes, i == 1 ? 2 : 4);
        free(bytes);
        assert_int_equal(0, tar(dir, "-xf", names[i]));
        assert_content("some text", dir->path, "blobs/sha256/1");
        assert_content("", dir->path, "empty");
        assert_int_equal(0644, unit_mode(dir->path, "blobs/sha256/1"));
        unit_delete(dir->path, "blobs/sha256/1");
    }
}

/* A sha512 as a name is longer than ustar's 100 bytes. */
static void test_long_names(void **state)
{
    const struct unit_dir *dir = *state;
    char name[200];

    snprintf(name, sizeof name, "blobs/sha512/%0128d", 5);
    make(dir, "a.tar", name, "long");
    assert_int_equal(0, tar(dir, "-xf", "a.tar"));
    assert_content("long", dir->path, name);
}

/* A gzip header can hold the time, and gzip writes it by default. */
static void test_same_content_gives_the_same_bytes(void **state)
{
    const struct unit_dir *dir = *state;
    static const char *const names[][2] = {{"1.tar", "2.tar"}, {"1.tgz", "2.tgz"}};

    for (size_t i = 0; i < LENGTH_OF(names); i++)
        make(dir, names[i][0], "f", "text");
    usleep(1100000);
    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        make(dir, names[i][1], "f", "text");
        AUTO_BUF first = BUF_INIT;
        AUTO_BUF second = BUF_INIT;
        assert_returns(1, fs_read(&dir->root, names[i][0], 1 << 20, &first, &failure));
        assert_returns(1, fs_read(&dir->root, names[i][1], 1 << 20, &second, &failure));
        assert_int_equal(first.len, second.len);
        assert_memory_equal(first.s, second.s, first.len);
    }
}

/* Whoever reads it shall see that it broke off. */
static void test_unfinished_archive_has_no_end(void **state)
{
    const struct unit_dir *dir = *state;
    struct archive_writer writer;
    AUTO_FD fd = create(dir, "a.tar");

    assert_returns(0, archive_writer_open(&writer, fd, ARCHIVE_PLAIN, &failure));
    add_file(&writer, "whole", "text");
    assert_returns(0, archive_writer_file(&writer, "half", 100, &failure));
    assert_returns(0, archive_writer_add(&writer, "half", 4, &failure));
    archive_writer_free(&writer);
    archive_writer_free(&writer); /* does nothing */
    assert_int_not_equal(0, tar(dir, "-xf", "a.tar"));
    struct stat st;
    assert_int_equal(0, fstat(fd, &st));
    assert_true(st.st_size < 512 + 512 + 512 + 100 + 1024);
}

static int give_up_a_large_file(void *context)
{
    struct archive_writer writer;
    struct err err;
    AUTO_FD fd = create(context, "a.tgz");

    if (archive_writer_open(&writer, fd, ARCHIVE_GZIP, &err) < 0 ||
        archive_writer_file(&writer, "f", (int64_t)1 << 42, &err) < 0)
        return -1;
    long start = unit_cpu_ms();
    archive_writer_free(&writer);
    return unit_cpu_ms() - start < 1000 ? 0 : -1;
}

/* In another process, which ends unchecked: libarchive leaks there. */
static void test_giving_up_a_large_file_takes_no_time(void **state)
{
    struct unit_child child;

    unit_child_start(&child, give_up_a_large_file, *state);
    assert_int_equal(0, unit_child_result(&child));
    unit_child_end(&child);
}

static void test_files_have_the_size_that_was_said(void **state)
{
    const struct unit_dir *dir = *state;
    struct archive_writer writer;
    AUTO_FD fd = create(dir, "a.tar");

    assert_returns(0, archive_writer_open(&writer, fd, ARCHIVE_PLAIN, &failure));
    assert_returns(0, archive_writer_file(&writer, "f", 4, &failure));
    assert_returns(0, archive_writer_add(&writer, "abc", 3, &failure));
    assert_fails(INTERNAL, archive_writer_file(&writer, "next", 1, &failure));
    assert_fails(INTERNAL, archive_writer_finish(&writer, &failure));
    assert_fails(INTERNAL, archive_writer_add(&writer, "de", 2, &failure));
    archive_writer_free(&writer);
}

static void test_errors_of_writing(void **state)
{
    static char zeros[1 << 20];
    struct archive_writer writer;
    AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    AUTO_FD read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_returns(0, archive_writer_open(&writer, full, ARCHIVE_PLAIN, &failure));
    assert_fails(NO_SPACE, archive_writer_file(&writer, "f", 1, &failure));
    archive_writer_free(&writer);

    assert_returns(0, archive_writer_open(&writer, read_only, ARCHIVE_PLAIN, &failure));
    assert_fails(IO, archive_writer_file(&writer, "f", 1, &failure));
    assert_int_equal(EBADF, failure.sys);
    archive_writer_free(&writer);

    /* What is packed is written later. */
    assert_returns(0, archive_writer_open(&writer, full, ARCHIVE_GZIP, &failure));
    assert_returns(0, archive_writer_file(&writer, "f", sizeof zeros, &failure));
    assert_returns(0, archive_writer_add(&writer, zeros, sizeof zeros, &failure));
    assert_fails(NO_SPACE, archive_writer_finish(&writer, &failure));
    archive_writer_free(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packing_by_name),
        DIR_TEST(test_tar_reads_what_was_written),
        DIR_TEST(test_long_names),
        DIR_TEST(test_same_content_gives_the_same_bytes),
        DIR_TEST(test_unfinished_archive_has_no_end),
        DIR_TEST(test_giving_up_a_large_file_takes_no_time),
        DIR_TEST(test_files_have_the_size_that_was_said),
        cmocka_unit_test(test_errors_of_writing),
    };

    return RUN(tests);
}
