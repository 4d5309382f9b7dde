/* SPDX-License-Identifier: Apache-2.0
 *
 * What the unit tests share: cmocka, assertions on struct err, temporary directories and stores,
 * other processes. A test program is run alone or by `make check`; it leaves nothing behind.
 */
#ifndef BERTH_UNIT_UNIT_H
#define BERTH_UNIT_UNIT_H

#include "base/err.h"
#include "oci/digest.h"
#include "oci/name.h"
#include "store/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#define LENGTH_OF(array) (sizeof(array) / sizeof *(array))
#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

/* The error of the call under test: `f(..., &failure)`. */
extern struct err failure;

/* A call that succeeds with `expected` and, as err.h promises, leaves the error untouched. */
#define assert_returns(expected, call)                                                             \
    (unit_before_call(), unit_after_call(expected, call, #call, __FILE__, __LINE__))
/* A call that returns -1 and sets ERR_<code>. */
#define assert_fails(code, call)                                                                   \
    (unit_before_call(), unit_after_failure(ERR_##code, call, #call, __FILE__, __LINE__))
void unit_before_call(void);
void unit_after_call(long expected, long actual, const char *call, const char *file, int line);
void unit_after_failure(enum err_code code, long actual, const char *call, const char *file,
                        int line);

/* Parsed values from texts that must be valid. */
struct name unit_name(const char *text);
struct tag unit_tag(const char *text);
struct digest unit_digest(enum digest_algorithm algorithm, const char *text);
struct digest unit_digest_of(const char *content); /* sha256 */

/* Files below a directory, by plain calls of libc. Parents are made. */
void unit_put(const char *dir, const char *path, const char *text);
void unit_put_bytes(const char *dir, const char *path, const void *bytes, size_t len);
void unit_symlink(const char *target, const char *dir, const char *path);
void unit_delete(const char *dir, const char *path);
/* Puts a symbolic link there: what lies behind it is an error, as on a failing disk. */
void unit_break(const char *dir, const char *path);
/* Whether any file can be opened: where not, every look-up fails with EMFILE. */
void unit_allow_opening(bool allow);
bool unit_exists(const char *dir, const char *path); /* anything, a dangling link too */
/* The content, with a NUL behind it; free(3). NULL: there is no such file. */
char *unit_get(const char *dir, const char *path);
void unit_age(const char *dir, const char *path, long seconds); /* sets mtime so far back */
long unit_age_of(const char *dir, const char *path);            /* seconds since mtime */
mode_t unit_mode(const char *dir, const char *path);
size_t unit_count(const char *dir, const char *path); /* entries of a directory */
#define assert_content(expected, dir, path)                                                        \
    unit_assert_content(expected, dir, path, __FILE__, __LINE__)
void unit_assert_content(const char *expected, const char *dir, const char *path, const char *file,
                         int line);

/* A temporary directory, as root: *state is a struct unit_dir. A test that leaves a descriptor open
 * fails when it is removed. */
struct unit_dir {
    char path[64];
    struct fs_root root; /* not durable, 0640, 0750 */
    size_t descriptors;  /* that were open before */
};
int unit_dir_make(void **state);
int unit_dir_remove(void **state);
/* <dir>/<name>; valid until the fourth call after it. */
const char *unit_path(const struct unit_dir *dir, const char *name);
#define DIR_TEST(test) cmocka_unit_test_setup_teardown(test, unit_dir_make, unit_dir_remove)

/* An empty store, made by store_open: *state is its struct store. */
int unit_store_make(void **state);
int unit_store_remove(void **state);
#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, unit_store_make, unit_store_remove)
/* Makes a blob of the bytes, whether or not they have its digest. */
int unit_publish(const struct store *store, const struct digest *digest, const void *bytes,
                 size_t len, struct dirty *dirty, struct err *err);
/* The same store as another process opens it; asserts nothing, for use there. */
int unit_store_open(struct store *again, const struct store *store);

/* Another process, which calls run, reports what it returned, and then holds on to everything that
 * it has (locks) until unit_child_end. */
struct unit_child {
    pid_t pid;
    int from; /* its report */
    int to;   /* closed: it may end */
};
void unit_child_start(struct unit_child *child, int (*run)(void *context), void *context);
int unit_child_result(struct unit_child *child); /* waits for the report; -2: it died */
void unit_child_end(struct unit_child *child);
/* The signal that kills a process which calls run; 0: it survived. */
int unit_signal_of(int (*run)(void *context), void *context);

/* What run puts onto standard error; free(3). */
char *unit_stderr_of(void (*run)(void *context), void *context);

long unit_now_ms(void);
/* What this process has made processors work: the measure where others may keep them busy. */
long unit_cpu_ms(void);

#endif
