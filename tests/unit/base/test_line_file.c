/* SPDX-License-Identifier: Apache-2.0
 * Lines of many writers in one file, also where the disk was full. */
#include "base/line_file.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct line_file ours, others;

static void begin(const struct unit_dir *dir)
{
    line_file_open(&ours, unit_path(dir, "lines"));
    line_file_open(&others, unit_path(dir, "lines"));
}

static void end(void)
{
    line_file_close(&ours);
    line_file_close(&others);
}

static void add(struct line_file *file, const char *line)
{
    line_file_add(file, line, strlen(line));
}

/* As on a disk that has room for so many bytes of the file. */
static void add_with_room(struct line_file *file, const char *line, rlim_t room)
{
    struct rlimit before, limit;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = room;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    add(file, line);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

static void test_lines_of_several(void **state)
{
    const struct unit_dir *dir = *state;

    begin(dir);
    add(&ours, "one\n");
    add(&others, "two\n");
    add(&ours, "three\n");
    assert_content("one\ntwo\nthree\n", dir->path, "lines");
    end();
}

/* Of which the others see a part while it is written: it is not cut off. */
static void test_long_lines_at_the_same_time(void **state)
{
    enum { LEN = 3 * 4096, LINES = 400, WRITERS = 3 };
    const struct unit_dir *dir = *state;
    static char line[LEN + 1];
    struct stat st;

    memset(line, 'a', LEN - 1);
    line[LEN - 1] = '\n';
    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0) {
            line_file_open(&ours, unit_path(dir, "lines"));
            for (int n = 0; n < LINES; n++)
                add(&ours, line);
            _exit(0);
        }
    for (int i = 0; i < WRITERS; i++)
        assert_true(wait(NULL) > 0);
    assert_int_equal(stat(unit_path(dir, "lines"), &st), 0);
    assert_int_equal(st.st_size, WRITERS * LINES * LEN);
}

static void test_what_follows_half_a_line(void **state)
{
    const struct unit_dir *dir = *state;

    begin(dir);
    add(&ours, "one\n");
    add_with_room(&ours, "two is cut off\n", 7);
    add(&ours, "three\n");
    add(&ours, "four\n");
    assert_content("one\ntwo\nthree\nfour\n", dir->path, "lines");
    end();
}

static void test_what_others_write_after_half_a_line(void **state)
{
    const struct unit_dir *dir = *state;

    begin(dir);
    add_with_room(&ours, "one is cut off\n", 3);
    add_with_room(&others, "is lost\n", 3);
    add_with_room(&others, "ends the line\n", 4);
    add(&others, "two\n");
    add_with_room(&others, "three\n", 13); /* all but its end */
    add(&ours, "four\n");
    assert_content("one\ntwo\nthree\nfour\n", dir->path, "lines");
    end();
}

static void test_another_file_at_its_path(void **state)
{
    const struct unit_dir *dir = *state;

    begin(dir);
    add(&ours, "one\n");
    assert_int_equal(rename(unit_path(dir, "lines"), unit_path(dir, "lines.1")), 0);
    add(&ours, "two\n");
    add(&others, "three\n");
    assert_content("one\n", dir->path, "lines.1");
    assert_content("two\nthree\n", dir->path, "lines");
    end();
}

/* Which is not opened to be read, too: its reader's end would never be noticed. */
static void test_a_pipe(void **state)
{
    const struct unit_dir *dir = *state;
    char text[8] = "";

    assert_int_equal(mkfifo(unit_path(dir, "lines"), 0600), 0);
    int from = open(unit_path(dir, "lines"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    begin(dir);
    add(&ours, "one\n");
    assert_int_equal(read(from, text, sizeof text), 4);
    assert_string_equal(text, "one\n");
    assert_int_equal(fcntl(ours.fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    close(from);
    end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_lines_of_several),         DIR_TEST(test_long_lines_at_the_same_time),
        DIR_TEST(test_what_follows_half_a_line), DIR_TEST(test_what_others_write_after_half_a_line),
        DIR_TEST(test_another_file_at_its_path), DIR_TEST(test_a_pipe),
    };
    return RUN(tests);
}
