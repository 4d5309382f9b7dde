/* SPDX-License-Identifier: Apache-2.0
 * base/may.c: what somebody who is not root is told. That the commands cure it:
 * tests/admin/test_serve.py. */
#include "unit/unit.h"

#include "base/may.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY_KNOWN 54321

struct look {
    const char *path;
    int errnum; /* 0: may_read */
    const char *expected;
};

static int look_as_stranger(void *context)
{
    const struct look *look = context;
    struct err err = {.msg = ""};

    if (setgroups(0, NULL) < 0 || setresgid(NOBODY_KNOWN, NOBODY_KNOWN, NOBODY_KNOWN) < 0 ||
        setresuid(NOBODY_KNOWN, NOBODY_KNOWN, NOBODY_KNOWN) < 0)
        return -1;
    int result =
        look->errnum ? may_not_write(look->path, look->errnum, &err) : may_read(look->path, &err);
    if (!look->expected)
        return result == 0 ? 0 : -1;
    if (result == 0 || !strstr(err.msg, look->expected)) {
        fprintf(stderr, "\"%s\" is not in \"%s\"\n", look->expected, err.msg);
        return -1;
    }
    return 0;
}

static void assert_told(const char *path, int errnum, const char *expected)
{
    struct look look = {path, errnum, expected};
    struct unit_child child;

    unit_child_start(&child, look_as_stranger, &look);
    int result = unit_child_result(&child);
    unit_child_end(&child);
    assert_int_equal(0, result);
}

static void test_what_cannot_be_read(void **state)
{
    const struct unit_dir *dir = *state;
    char path[256], cure[1024];

    chmod(dir->path, 0755);
    unit_put(dir->path, "file", "f");
    snprintf(path, sizeof path, "%s/file", dir->path);
    chmod(path, 0644);
    assert_told(path, 0, NULL);
    chmod(path, 0600);
    snprintf(cure, sizeof cure,
             "%s: Permission denied: user 54321 cannot read it: as root: `chgrp 54321 %s && chmod "
             "g+r %s`",
             path, path, path);
    assert_told(path, 0, cure);
    chmod(dir->path, 0700);
    snprintf(cure, sizeof cure, "let it enter %s, as by `chmod o+x %s`", dir->path, dir->path);
    assert_told(path, 0, cure);
    snprintf(cure, sizeof cure, "`chgrp -R 54321 %s && chmod g+rX %s`", dir->path, dir->path);
    assert_told(dir->path, 0, cure);
    chmod(dir->path, 0755);
}

/* Something else is wrong then, and whoever opens it says what. */
static void test_what_is_not_there(void **state)
{
    const struct unit_dir *dir = *state;

    chmod(dir->path, 0755);
    assert_told("", 0, NULL);
    assert_told("/nowhere/file", 0, NULL);
    assert_told(unit_path(dir, "none"), 0, NULL);
}

static void test_what_cannot_be_written(void **state)
{
    const struct unit_dir *dir = *state;

    chmod(dir->path, 0755);
    assert_told("/nowhere", ENOENT,
                "user 54321 cannot write to /nowhere: No such file or directory: make that "
                "possible, as root by `install -d -o 54321 /nowhere`, or name another directory");
    assert_told("/", EACCES, "as root by `chown -R 54321 /`");
    assert_int_equal(0, chown(dir->path, 12345, 12345));
    assert_told(dir->path, EACCES, "or run it as 12345, to whom it belongs, or name another");
    assert_told("/", EROFS, "mount it to be written, or set readonly = true in berth.conf");
}

static void test_hints_are_of_permissions_alone(void **state)
{
    struct err err;
    AUTO_BUF hint = BUF_INIT;

    (void)state;
    buf_addstr(&hint, "");
    err_sys(&err, ENOENT, "open x");
    may_hint("/srv", &err, &hint);
    assert_string_equal("", hint.s);
    err_sys(&err, EACCES, "open x");
    may_hint("/srv", &err, &hint);
    assert_non_null(strstr(hint.s, "all in /srv is to belong to it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_what_cannot_be_read),
        DIR_TEST(test_what_is_not_there),
        DIR_TEST(test_what_cannot_be_written),
        cmocka_unit_test(test_hints_are_of_permissions_alone),
    };

    return RUN(tests);
}
