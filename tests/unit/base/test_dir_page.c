/* SPDX-License-Identifier: Apache-2.0
 * base/dir_page.c */
#include "unit/later.h"
#include "unit/unit.h"

#include "base/dir.h"
#include "base/dir_page.h"
#include "base/dir_read.h"

#include <time.h>

/* How many names were read from directories; and how many long ones more they seem to have. */
static size_t n_read, n_more;

const struct dirent64 *__real_dir_read_next(struct dir_read *read);
const struct dirent64 *__wrap_dir_read_next(struct dir_read *read);
const struct dirent64 *__wrap_dir_read_next(struct dir_read *read)
{
    static struct dirent64 more;
    const struct dirent64 *entry = __real_dir_read_next(read);

    if (!entry && n_more) {
        snprintf(more.d_name, sizeof more.d_name, "%0250zu", n_more--);
        entry = &more;
    }
    n_read += entry != NULL;
    return entry;
}

static void make(const struct unit_dir *dir, const char *path, int from, int to)
{
    char name[64];

    for (int i = from; i < to; i++) {
        snprintf(name, sizeof name, "%s/n%05d", path, i * 7 % 10007 % 1000); /* in no order */
        unit_put(dir->path, name, "");
    }
}

static struct strings page(const struct unit_dir *dir, const char *path, const char *after,
                           size_t n, bool *more)
{
    struct strings names = {0};

    n_read = 0;
    assert_returns(1, dir_page(&dir->root, path, after, n, true, &names, more, &failure));
    return names;
}

/* All pages of the directory hold what dir_list does. */
static void assert_pages(const struct unit_dir *dir, const char *path, size_t n)
{
    AUTO_STRINGS all = {0};
    size_t at = 0;
    bool more = true;
    char last[64] = "";

    assert_returns(1, dir_list(&dir->root, path, &all, &failure));
    while (more) {
        struct strings names = page(dir, path, last[0] ? last : NULL, n, &more);
        assert_true(names.n == n || !more);
        for (size_t i = 0; i < names.n; i++)
            assert_string_equal(all.v[at++], names.v[i]);
        assert_int_equal(at < all.n, more);
        if (names.n)
            snprintf(last, sizeof last, "%s", names.v[names.n - 1]);
        strings_free(&names);
    }
    assert_int_equal(all.n, at);
}

static void test_pages_hold_all_in_order(void **state)
{
    const struct unit_dir *dir = *state;
    static const size_t sizes[] = {1, 2, 7, 100, 499, 500, 501, SIZE_MAX};

    make(dir, "d", 0, 500);
    unit_put(dir->path, "d/.hidden", "");
    for (int aged = 0; aged < 2; aged++) {
        later = aged * 60;
        for (size_t i = 0; i < LENGTH_OF(sizes); i++)
            assert_pages(dir, "d", sizes[i]);
    }
}

static void test_it_appends(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_STRINGS names = {0};
    bool more;

    unit_put(dir->path, "d/b", "");
    unit_put(dir->path, "d/a", "");
    strings_add(&names, "z");
    assert_returns(1, dir_page(&dir->root, "d", NULL, 1, true, &names, &more, &failure));
    assert_int_equal(2, names.n);
    assert_string_equal("z", names.v[0]);
    assert_string_equal("a", names.v[1]);
    assert_true(more);
    assert_returns(0, dir_page(&dir->root, "none", "a", 1, true, &names, &more, &failure));
}

/* The first page of a walk and the second read all names, those behind it none. */
static void test_a_walk_reads_the_directory_once_more(void **state)
{
    const struct unit_dir *dir = *state;
    bool more;

    later = 60;
    make(dir, "d", 0, 1000);
    for (int i = 0; i < 5; i++) {
        char after[16];
        snprintf(after, sizeof after, "n%05d", i * 100 - 1);
        struct strings names = page(dir, "d", i ? after : NULL, 100, &more);
        assert_int_equal(100, names.n);
        assert_int_equal(i < 2 ? 1002 : 0, n_read); /* with . and .. */
        strings_free(&names);
    }
}

/* Until a change gets another time than the last one, which it has long got where it counts. */
static void wait_for_tick(const struct unit_dir *dir, const char *path)
{
    struct timespec now;
    struct stat st;

    assert_returns(1, fs_stat(&dir->root, path, &st, &failure));
    do
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
    while (now.tv_sec == st.st_ctim.tv_sec && now.tv_nsec <= st.st_ctim.tv_nsec);
}

static void test_what_changed_is_seen_at_once(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_DIRTY unneeded = {0};
    bool more;

    make(dir, "d", 0, 300);
    for (later = 0; later <= 60; later += 60) { /* it may be kept, or not */
        char name[64], after[64];
        for (int i = 0; i < 3; i++) {
            snprintf(name, sizeof name, "d/n00250%d-%jd", i, (intmax_t)later);
            snprintf(after, sizeof after, "n00250%d", i);
            assert_int_equal(0, page(dir, "d", "n99999", 1, &more).n);
            wait_for_tick(dir, "d");
            unit_put(dir->path, name, "");
            struct strings names = page(dir, "d", after, 1, &more);
            assert_string_equal(name + 2, names.v[0]);
            strings_free(&names);
            wait_for_tick(dir, "d");
            assert_returns(1, fs_unlink(&dir->root, name, &unneeded, &failure));
            names = page(dir, "d", after, 1, &more);
            assert_string_not_equal(name + 2, names.v[0]);
            strings_free(&names);
        }
    }
}

static void test_what_is_young_few_or_shared_is_not_kept(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_STRINGS names = {0};
    bool more;

    make(dir, "d", 0, 300);
    make(dir, "few", 0, DIR_PAGE_KEPT_NAMES - 1);
    for (int i = 0; i < 3; i++) {
        later = 0;
        assert_int_equal(0, page(dir, "d", "z", 1, &more).n);
        assert_int_equal(302, n_read);
        later = 60;
        assert_int_equal(0, page(dir, "few", "z", 1, &more).n);
        assert_int_equal(DIR_PAGE_KEPT_NAMES + 1, n_read);
        n_read = 0;
        assert_returns(1, dir_page(&dir->root, "d", "z", 1, false, &names, &more, &failure));
        assert_int_equal(302, n_read);
    }
}

static void test_several_directories(void **state)
{
    const struct unit_dir *dir = *state;
    bool more;

    later = 60;
    make(dir, "a", 0, 300);
    make(dir, "b", 0, 400);
    make(dir, "c", 0, 500);
    for (int i = 0; i < 4; i++) { /* two are kept */
        assert_int_equal(0, page(dir, i % 2 ? "a" : "b", "z", 1, &more).n);
        assert_int_equal(i < 2 ? (i ? 302 : 402) : 0, n_read);
    }
    assert_int_equal(0, page(dir, "c", "z", 1, &more).n);
    assert_int_equal(502, n_read);
    assert_int_equal(0, page(dir, "a", "z", 1, &more).n);
    assert_int_equal(0, n_read);
    assert_int_equal(0, page(dir, "b", "z", 1, &more).n);
    assert_int_equal(402, n_read);
}

/* The second look at a directory that seems to have so many names of 250 bytes more. */
static size_t read_again(const struct unit_dir *dir, const char *path, size_t more_names)
{
    bool more;

    n_more = more_names;
    assert_int_equal(0, page(dir, path, "z", 1, &more).n);
    assert_int_equal(0, n_more);
    assert_int_equal(0, page(dir, path, "z", 1, &more).n);
    return n_read;
}

static void test_what_is_kept_is_bounded(void **state)
{
    const struct unit_dir *dir = *state;
    const size_t all = DIR_PAGE_KEPT_BYTES / 250, half = all * 49 / 100;
    bool more;

    later = 60;
    make(dir, "a", 0, 300);
    make(dir, "b", 0, 300);
    make(dir, "c", 0, 300);
    assert_int_equal(302, read_again(dir, "a", all));
    assert_int_equal(0, read_again(dir, "b", half));
    assert_int_equal(0, page(dir, "a", "z", 1, &more).n);
    assert_int_equal(0, n_read); /* both are kept */
    assert_int_equal(0, page(dir, "b", "z", 1, &more).n);
    assert_int_equal(0, n_read); /* and c comes in the place of a */
    assert_int_equal(0, read_again(dir, "c", half));
    assert_int_equal(0, page(dir, "b", "z", 1, &more).n);
    assert_int_equal(302, n_read); /* with it they were too many */
}

struct walk {
    struct strings seen;
    size_t until;
    int result;
};

static int visit(void *context, const char *name, struct err *err)
{
    struct walk *walk = context;

    (void)err;
    strings_add(&walk->seen, name);
    return walk->seen.n == walk->until ? walk->result : 0;
}

/* Each name once, in order; the directory is read as many times as the page doubles. */
static void test_a_walk_by_growing_pages(void **state)
{
    const struct unit_dir *dir = *state;
    static const int results[] = {1, -1, 0};

    later = 0; /* nothing is kept */
    make(dir, "d", 0, 500);
    AUTO_STRINGS all = {0};
    assert_returns(1, dir_list(&dir->root, "d", &all, &failure));
    for (size_t i = 0; i < LENGTH_OF(results); i++) {
        struct walk walk = {.until = 200, .result = results[i]};
        const size_t expected = results[i] ? 200 : 490;
        n_read = 0;
        assert_int_equal(results[i],
                         dir_page_walk(&dir->root, "d", all.v[9], 1, true, visit, &walk, &failure));
        assert_int_equal(expected, walk.seen.n);
        for (size_t k = 0; k < expected; k++)
            assert_string_equal(all.v[10 + k], walk.seen.v[k]);
        assert_true(n_read <= 9 * 502); /* 1 + 2 + 4 ... + 256 */
        strings_free(&walk.seen);
    }
    struct walk none = {.until = 0};
    assert_returns(0, dir_page_walk(&dir->root, "no", NULL, 1, true, visit, &none, &failure));
    assert_int_equal(0, none.seen.n);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_what_is_kept_is_bounded),
        DIR_TEST(test_a_walk_by_growing_pages),
        DIR_TEST(test_pages_hold_all_in_order),
        DIR_TEST(test_it_appends),
        DIR_TEST(test_a_walk_reads_the_directory_once_more),
        DIR_TEST(test_what_changed_is_seen_at_once),
        DIR_TEST(test_what_is_young_few_or_shared_is_not_kept),
        DIR_TEST(test_several_directories),
    };

    return RUN(tests);
}
