/* SPDX-License-Identifier: Apache-2.0
 * base/owner.c: root that becomes somebody else, for good or for a while; each time in a process of
 * its own. */
#include "unit/unit.h"

#include "base/owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nobody on any system has them. */
#define UID 712345
#define GID 723456

/* The call that is to fail with EPERM. */
static enum { NONE, SETGROUPS, SETRESGID, SETRESUID, SETEGID, SETEUID } broken;
static bool denied(int call)
{
    errno = EPERM;
    return (int)broken == call;
}

#define WRAP(real, wrap, call, parameters, arguments)                                              \
    int real parameters;                                                                           \
    int wrap parameters;                                                                           \
    int wrap parameters                                                                            \
    {                                                                                              \
        return denied(call) ? -1 : real arguments;                                                 \
    }
WRAP(__real_setgroups, __wrap_setgroups, SETGROUPS, (size_t n, const gid_t *groups), (n, groups))
WRAP(__real_setresgid, __wrap_setresgid, SETRESGID, (gid_t r, gid_t e, gid_t s), (r, e, s))
WRAP(__real_setresuid, __wrap_setresuid, SETRESUID, (uid_t r, uid_t e, uid_t s), (r, e, s))
WRAP(__real_setegid, __wrap_setegid, SETEGID, (gid_t e), (e))
WRAP(__real_seteuid, __wrap_seteuid, SETEUID, (uid_t e), (e))

/* Runs it in a process of its own; its status, as wait(2) gives it. 0: all that it must was so. */
static int status_of(bool (*run)(void))
{
    int status;

    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(run() ? 0 : 1);
    assert_int_equal(child, waitpid(child, &status, 0));
    return status;
}

static const struct stat owner = {.st_uid = UID, .st_gid = GID};
static const struct stat another = {.st_uid = UID + 1, .st_gid = GID + 1};

static bool users_are(uid_t real, uid_t effective, uid_t saved)
{
    uid_t r, e, s;

    return getresuid(&r, &e, &s) == 0 && r == real && e == effective && s == saved;
}

static bool groups_are(gid_t real, gid_t effective, gid_t saved)
{
    gid_t r, e, s;

    return getresgid(&r, &e, &s) == 0 && r == real && e == effective && s == saved;
}

static bool in_group(gid_t group)
{
    gid_t groups[256];

    int n = getgroups(256, groups);
    for (int i = 0; i < n; i++)
        if (groups[i] == group)
            return true;
    return false;
}

static bool is_owner_for_good(void)
{
    gid_t groups[2];

    return users_are(UID, UID, UID) && groups_are(GID, GID, GID) && getgroups(2, groups) == 1 &&
           groups[0] == GID && setuid(0) < 0 && setgid(0) < 0;
}

static bool becomes_the_owner(void)
{
    return owner_become(&owner, "/srv/x", NULL) == 0 && is_owner_for_good();
}

static bool has_the_groups_of_a_user(void)
{
    const struct passwd *daemon = getpwnam("daemon");
    struct stat st = {.st_uid = daemon->pw_uid, .st_gid = GID};
    const gid_t before[] = {GID + 2};

    return __real_setgroups(1, before) == 0 && owner_become(&st, "/srv/x", NULL) == 0 &&
           users_are(st.st_uid, st.st_uid, st.st_uid) && groups_are(GID, GID, GID) &&
           in_group(GID) && !in_group(GID + 2);
}

static bool others_stay_who_they_are(void)
{
    return becomes_the_owner() && owner_become(&another, "/srv/x", NULL) == 0 &&
           owner_lend(&another, "/srv/x", NULL) == 0 && is_owner_for_good();
}

static bool is_lent(void)
{
    return users_are(0, UID, 0) && groups_are(0, GID, 0) && in_group(GID);
}

static bool lends_and_comes_back(void)
{
    if (owner_lend(&owner, "/srv/x", NULL) < 0 || !is_lent())
        return false;
    for (int i = 0; i < 2; i++) {
        owner_pause();
        if (!users_are(0, 0, 0) || !groups_are(0, 0, 0))
            return false;
        owner_resume();
        if (!is_lent())
            return false;
    }
    return true;
}

static bool what_is_roots_own_is_not_lent(void)
{
    static const struct stat root = {.st_uid = 0, .st_gid = GID};

    if (owner_lend(&root, "/srv/x", NULL) < 0 || !users_are(0, 0, 0) || getegid() != 0)
        return false;
    broken = SETEUID; /* nothing is called */
    owner_pause();
    owner_resume();
    return users_are(0, 0, 0);
}

static bool says_why_not(void)
{
    static const struct {
        int call;
        int (*become)(const struct stat *st, const char *what, struct err *err);
    } rows[] = {{SETGROUPS, owner_become}, {SETRESGID, owner_become}, {SETRESUID, owner_become},
                {SETGROUPS, owner_lend},   {SETEGID, owner_lend},     {SETEUID, owner_lend}};

    for (size_t i = 0; i < LENGTH_OF(rows); i++) {
        struct err err = {0};
        broken = rows[i].call;
        if (rows[i].become(&owner, "/srv/x", &err) != -1 || err.code != ERR_IO ||
            err.sys != EPERM || !strstr(err.msg, "become the owner of /srv/x: ") ||
            !users_are(0, 0, 0))
            return false;
        owner_pause(); /* it was not lent */
    }
    return true;
}

static bool cannot_come_back(void)
{
    owner_lend(&owner, "/srv/x", NULL);
    broken = SETEUID;
    owner_pause();
    return true;
}

static bool cannot_be_lent_again(void)
{
    owner_lend(&owner, "/srv/x", NULL);
    owner_pause();
    broken = SETEGID;
    owner_resume();
    return true;
}

static void test_for_good(void **state)
{
    (void)state;
    assert_int_equal(0, status_of(becomes_the_owner));
    assert_int_equal(0, status_of(has_the_groups_of_a_user));
}

static void test_who_is_not_root(void **state)
{
    (void)state;
    assert_int_equal(0, status_of(others_stay_who_they_are));
}

static void test_for_a_while(void **state)
{
    (void)state;
    assert_int_equal(0, status_of(lends_and_comes_back));
    assert_int_equal(0, status_of(what_is_roots_own_is_not_lent));
}

static void test_what_cannot_be(void **state)
{
    (void)state;
    assert_int_equal(0, status_of(says_why_not));
}

/* Better than to go on as the wrong user. */
static void test_ends_if_it_cannot_come_back(void **state)
{
    static bool (*const runs[])(void) = {cannot_come_back, cannot_be_lent_again};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(runs); i++) {
        int status = status_of(runs[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(SIGABRT, WTERMSIG(status));
    }
}

static void test_another_user_than_root(void **state)
{
    uid_t uid = geteuid();

    (void)state;
    assert_returns(0, owner_become(&another, "/srv/x", &failure));
    assert_returns(0, owner_lend(&another, "/srv/x", &failure));
    owner_pause();
    owner_resume();
    assert_int_equal(uid, geteuid());
}

int main(void)
{
    static const struct CMUnitTest root[] = {
        cmocka_unit_test(test_for_good),
        cmocka_unit_test(test_who_is_not_root),
        cmocka_unit_test(test_for_a_while),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_ends_if_it_cannot_come_back),
    };
    static const struct CMUnitTest user[] = {cmocka_unit_test(test_another_user_than_root)};

    return geteuid() == 0 ? RUN(root) : RUN(user);
}
