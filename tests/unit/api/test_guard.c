/* SPDX-License-Identifier: Apache-2.0
 * api/guard.c */
#include "unit/unit.h"

#include "api/guard.h"
#include "auth/key_set.h"
#include "unit/auth/keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of "secret". */
#define SECRET "$2y$04$z73rQVrKCtOGNO489Xrd8e8OnLq3SSn.AAyZ9tV5WvhgghSIlpXPm"

/* stat(2) on a file system that counts seconds. */
static bool coarse_clock;
static int stats;
int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);

int __wrap_stat(const char *path, struct stat *st)
{
    int result = __real_stat(path, st);

    stats++;
    if (result == 0 && coarse_clock)
        st->st_mtim.tv_nsec = st->st_ctim.tv_nsec = 0;
    return result;
}

/* A berth.conf where `pull` may pull. */
static void put_conf(const struct unit_dir *dir, const char *pull, const char *more)
{
    char text[1024];

    snprintf(text, sizeof text,
             "htpasswd = \"%s\"\ngroups_file = \"%s\"\n%s"
             "repository \"**\" { pull = {\"%s\"} }\n",
             unit_path(dir, "htpasswd"), unit_path(dir, "groups"), more, pull);
    unit_put(dir->path, "berth.conf", text);
}

static struct guard *start(const struct unit_dir *dir)
{
    unit_put(dir->path, "htpasswd", "alice:" SECRET "\n");
    unit_put(dir->path, "groups", "devs: alice\n");
    put_conf(dir, "@devs", "");
    struct guard *guard = guard_new(unit_path(dir, "berth.conf"), &failure);
    assert_non_null(guard);
    return guard;
}

static bool may_pull(struct guard *guard, const char *user)
{
    const struct name name = unit_name("app");
    const struct identity identity = {.user = user};

    return policy_permits(guard_rules(guard)->policy, &identity, &name, ACTION_PULL);
}

static bool logs_in(struct guard *guard, const char *user)
{
    return passwd_verify(guard_rules(guard)->passwd, user, "secret");
}

static void test_rereads_each_file(void **state)
{
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);

    assert_true(may_pull(guard, "alice"));
    assert_false(may_pull(guard, "bob"));
    unit_put(dir->path, "groups", "devs: bob bob2\n");
    assert_false(may_pull(guard, "alice"));
    assert_true(may_pull(guard, "bob"));

    assert_true(logs_in(guard, "alice"));
    assert_false(logs_in(guard, "bob"));
    unit_put(dir->path, "htpasswd", "bobby:" SECRET "\nbob:" SECRET "\n");
    assert_false(logs_in(guard, "alice"));
    assert_true(logs_in(guard, "bob"));

    put_conf(dir, "carol", "");
    assert_false(may_pull(guard, "bob"));
    assert_true(may_pull(guard, "carol"));
    guard_free(guard);
}

static void test_rereads_a_file_that_is_replaced(void **state)
{
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);

    /* Of the same size: "devs: alice". */
    unit_put(dir->path, "new", "devs: maria\n");
    assert_int_equal(0, rename(unit_path(dir, "new"), unit_path(dir, "groups")));
    assert_false(may_pull(guard, "alice"));
    assert_true(may_pull(guard, "maria"));
    guard_free(guard);
}

/* Of the same size, in place, and within the same second. */
static void test_rereads_a_file_that_is_written_over(void **state)
{
    static const char *const users[] = {"maria", "peter", "klaus", "alice"};
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);

    for (size_t i = 0; i < LENGTH_OF(users); i++) {
        char line[32];
        usleep(20000); /* the clock of the file system ticks */
        snprintf(line, sizeof line, "devs: %s\n", users[i]);
        unit_put(dir->path, "groups", line);
        assert_true(may_pull(guard, users[i]));
        assert_false(may_pull(guard, users[(i + 1) % LENGTH_OF(users)]));
    }
    guard_free(guard);
}

/* Two changes at once, as the clock of the file system sees it: the second one leaves no trace. */
static void test_looks_again_when_a_change_has_settled(void **state)
{
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);

    coarse_clock = true;
    unit_put(dir->path, "groups", "devs: peter\n");
    assert_true(may_pull(guard, "peter"));
    unit_put(dir->path, "groups", "devs: maria\n");
    guard_rules(guard);
    sleep(4);
    assert_true(may_pull(guard, "maria"));
    assert_false(may_pull(guard, "peter"));
    coarse_clock = false;
    guard_free(guard);
}

/* What a configuration wants and does not find is looked for. */
static void test_a_file_that_was_not_there(void **state)
{
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);
    char more[512];

    snprintf(more, sizeof more, "token_keys = \"%s\"\nissuer \"x\" { keys = \"%s\" }\n",
             unit_path(dir, "keys"), unit_path(dir, "issuer.pem"));
    put_conf(dir, "@ops", more);
    assert_null(guard_rules(guard)->tokens);
    unit_put(dir->path, "keys/1.pem.new", keys_ed25519_private);
    assert_null(guard_rules(guard)->tokens);
    assert_int_equal(0, rename(unit_path(dir, "keys/1.pem.new"), unit_path(dir, "keys/1.pem")));
    assert_null(guard_rules(guard)->tokens);
    unit_put(dir->path, "issuer.pem", keys_p256_public);
    assert_null(guard_rules(guard)->tokens);
    assert_true(may_pull(guard, "alice"));
    unit_put(dir->path, "groups", "ops: bob\n");
    assert_false(may_pull(guard, "alice"));
    assert_true(may_pull(guard, "bob"));
    assert_non_null(guard_rules(guard)->tokens);
    guard_free(guard);
}

/* While a change is broken, those of other files are not used either, but looked at. */
static void test_each_further_change_is_tried(void **state)
{
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);

    put_conf(dir, "@ops", "");
    assert_true(may_pull(guard, "alice"));
    unit_put(dir->path, "htpasswd", "bob:" SECRET "\n");
    assert_true(logs_in(guard, "alice"));
    put_conf(dir, "@devs", "");
    assert_true(logs_in(guard, "bob"));
    assert_false(logs_in(guard, "alice"));
    guard_free(guard);
}

static void test_rereads_an_issuers_keys(void **state)
{
    const struct unit_dir *dir = *state;
    char more[256];
    struct guard *guard = start(dir);

    unit_put(dir->path, "issuer.pem", keys_p256_public);
    snprintf(more, sizeof more, "issuer \"x\" { keys = \"%s\" }\n", unit_path(dir, "issuer.pem"));
    put_conf(dir, "@devs", more);
    const struct tokens *tokens = guard_rules(guard)->tokens;
    assert_non_null(tokens);
    unit_put(dir->path, "issuer.pem", "nonsense");
    assert_ptr_equal(tokens, guard_rules(guard)->tokens);
    put_conf(dir, "bob", more);
    assert_true(may_pull(guard, "alice"));
    unit_put(dir->path, "issuer.pem", keys_ed25519_public);
    assert_true(may_pull(guard, "bob"));
    guard_free(guard);
}

static void test_rereads_keys(void **state)
{
    const struct unit_dir *dir = *state;
    char keys[256];

    assert_int_equal(0, mkdir(unit_path(dir, "keys"), 0750));
    assert_returns(0, key_set_generate(unit_path(dir, "keys"), "a", "EdDSA", &failure));
    struct guard *guard = start(dir);
    assert_null(guard_rules(guard)->tokens);
    snprintf(keys, sizeof keys, "token_keys = \"%s\"\n", unit_path(dir, "keys"));
    put_conf(dir, "@devs", keys);
    const struct tokens *first = guard_rules(guard)->tokens;
    assert_non_null(first);
    assert_ptr_equal(first, guard_rules(guard)->tokens); /* nothing changed */
    const struct policy *policy = guard_rules(guard)->policy;
    assert_returns(0, key_set_generate(unit_path(dir, "keys"), "b", "EdDSA", &failure));
    assert_ptr_not_equal(policy, guard_rules(guard)->policy);
    assert_non_null(guard_rules(guard)->tokens);
    guard_free(guard);
}

/* A key that got into wrong hands is written over, under its own name: what it signed is worth
 * nothing from then on. */
static void test_15_a_key_written_over_is_trusted_no_more(void **state)
{
    const struct unit_dir *dir = *state;
    const struct scopes none = {0};
    char conf[256];
    AUTO_BUF token = BUF_INIT;
    struct arena arena = {0};
    struct identity who;
    int64_t expires;

    assert_int_equal(0, mkdir(unit_path(dir, "keys"), 0750));
    unit_put(dir->path, "keys/a.pem", keys_ed25519_private);
    unit_put(dir->path, "keys/b.pem", keys_ed25519_private);
    struct guard *guard = start(dir);
    snprintf(conf, sizeof conf, "token_keys = \"%s\"\n", unit_path(dir, "keys"));
    put_conf(dir, "@devs", conf);
    const struct tokens *tokens = guard_rules(guard)->tokens;
    assert_returns(0, token_issue(tokens, "alice", &none, &token, &expires, &failure));
    assert_returns(0, token_identify(tokens, token.s, time(NULL), &arena, &who, &failure));
    for (const char *name = "ab"; *name; name++) {
        char file[32];
        usleep(20000); /* the clock of the file system ticks */
        snprintf(file, sizeof file, "keys/%c.pem", *name);
        unit_put(dir->path, file, keys_p256_private);
        guard_rules(guard);
    }
    assert_fails(UNAUTHORIZED, token_identify(guard_rules(guard)->tokens, token.s, time(NULL),
                                              &arena, &who, &failure));
    arena_free(&arena);
    guard_free(guard);
}

/* Each change is one that cannot be read; the one that ends it is. */
static void test_a_broken_change_opens_nothing(void **state)
{
    static const char *const broken[] = {
        "nonsense",
        "repository \"**\" {",
        "repository \"**\" { pull = {\"*\"}\n",
        "repository \"**\" { pull = {\"@nobody\"} }\n",
        "repository \"**\" { pull = {\"*\"} }\nhtpasswd = \"/nowhere/htpasswd\"\n",
        "repository \"**\" { pull = {\"*\"} }\ngroups_file = \"/nowhere/groups\"\n",
        "repository \"**\" { pull = {\"*\"} }\ntoken_keys = \"/nowhere/keys\"\n",
        "", /* as while it is being written */
    };
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);

    for (size_t i = 0; i < LENGTH_OF(broken); i++) {
        unit_put(dir->path, "berth.conf", broken[i]);
        for (int again = 0; again < 2; again++) {
            if (!may_pull(guard, "alice") || may_pull(guard, "bob") || may_pull(guard, "") ||
                !logs_in(guard, "alice"))
                fail_msg("the good rules did not stay: \"%s\"", broken[i]);
        }
    }
    put_conf(dir, "bob", "");
    assert_true(may_pull(guard, "bob"));
    assert_false(may_pull(guard, "alice"));
    guard_free(guard);
}

static void test_a_missing_file_opens_nothing(void **state)
{
    static const char *const names[] = {"berth.conf", "groups", "htpasswd"};
    const struct unit_dir *dir = *state;

    for (size_t i = 0; i < LENGTH_OF(names); i++) {
        struct guard *guard = start(dir);
        unit_delete(dir->path, names[i]);
        assert_true(may_pull(guard, "alice"));
        assert_false(may_pull(guard, "bob"));
        assert_true(logs_in(guard, "alice"));
        guard_free(guard);
    }
}

static void test_a_broken_group_file_changes_nothing(void **state)
{
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);

    unit_put(dir->path, "groups", "devs: bob\nno colon\n");
    assert_true(may_pull(guard, "alice"));
    assert_false(may_pull(guard, "bob"));
    unit_put(dir->path, "htpasswd", "bob:" SECRET "\n"); /* all of it stays */
    assert_true(logs_in(guard, "alice"));
    assert_false(logs_in(guard, "bob"));
    unit_put(dir->path, "groups", "devs: bob\n");
    assert_true(may_pull(guard, "bob"));
    assert_true(logs_in(guard, "bob"));
    guard_free(guard);
}

/* A change names a file that is not there yet: nothing else changes when it comes. */
static void test_notices_what_a_broken_change_waited_for(void **state)
{
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);
    char text[256];

    snprintf(text, sizeof text, "groups_file = \"%s\"\nrepository \"**\" { pull = {\"@late\"} }\n",
             unit_path(dir, "later"));
    unit_put(dir->path, "berth.conf", text);
    assert_true(may_pull(guard, "alice"));
    unit_put(dir->path, "later", "late: bob\n");
    assert_true(may_pull(guard, "bob"));
    assert_false(may_pull(guard, "alice"));
    guard_free(guard);
}

/* What the guard says on standard error while it looks twice. */
static size_t said(struct guard *guard, const struct unit_dir *dir)
{
    int before = dup(2);
    int fd = open(unit_path(dir, "log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t n = 0;

    assert_true(before >= 0 && fd >= 0);
    dup2(fd, 2);
    guard_rules(guard);
    guard_rules(guard);
    dup2(before, 2);
    close(before);
    close(fd);
    char *text = unit_get(dir->path, "log");
    for (char *s = text; (s = strstr(s, "the last good one stays")); s++)
        n++;
    free(text);
    return n;
}

static void test_says_it_once(void **state)
{
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);

    assert_int_equal(0, said(guard, dir));
    unit_put(dir->path, "groups", "nonsense\n");
    assert_int_equal(1, said(guard, dir));
    assert_int_equal(0, said(guard, dir));
    unit_put(dir->path, "groups", "nonsense \n"); /* changed, but not better */
    assert_int_equal(0, said(guard, dir));
    unit_put(dir->path, "groups", "devs: alice\n");
    assert_int_equal(0, said(guard, dir));
    unit_put(dir->path, "groups", "nonsense\n"); /* again, after it was good */
    assert_int_equal(1, said(guard, dir));
    guard_free(guard);
}

static int stats_of_a_look(struct guard *guard)
{
    stats = 0;
    guard_rules(guard);
    return stats;
}

/* What is broken is not read again and again. */
static void test_rereads_what_is_included(void **state)
{
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "more.conf", "groups_file = \"\"\n");
    unit_put(dir->path, "rules.conf", "repository \"**\" { pull = {\"alice\"} }\n");
    unit_put(dir->path, "berth.conf", "include(\"more.conf\")\ninclude(\"rules.conf\")\n");
    struct guard *guard = guard_new(unit_path(dir, "berth.conf"), &failure);
    assert_non_null(guard);
    assert_true(may_pull(guard, "alice"));
    unit_put(dir->path, "rules.conf", "repository \"**\" { pull = {\"bob\"} }\n");
    assert_false(may_pull(guard, "alice"));
    assert_true(may_pull(guard, "bob"));
    unit_put(dir->path, "rules.conf", ""); /* as while it is being written */
    assert_false(may_pull(guard, "alice"));
    assert_true(may_pull(guard, "bob"));
    unit_delete(dir->path, "rules.conf");
    assert_false(may_pull(guard, "alice"));
    unit_put(dir->path, "rules.conf", "repository \"**\" { pull = {\"carol\"} }\n");
    assert_true(may_pull(guard, "carol"));
    unit_put(dir->path, "more.conf", "");
    unit_put(dir->path, "berth.conf", "include(\"more.conf\")\n");
    assert_false(may_pull(guard, "alice")); /* more.conf was not empty */
    unit_put(dir->path, "more.conf", "page_limit = 3\n");
    assert_true(may_pull(guard, "alice"));
    guard_free(guard);
}

static void test_an_included_file_may_be_empty(void **state)
{
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "more.conf", "");
    unit_put(dir->path, "berth.conf",
             "include(\"more.conf\")\nrepository \"**\" { pull = {\"alice\"} }\n");
    struct guard *guard = guard_new(unit_path(dir, "berth.conf"), &failure);
    assert_non_null(guard);
    unit_put(dir->path, "berth.conf",
             "include(\"more.conf\")\nrepository \"**\" { pull = {\"bob\"} }\n");
    assert_true(may_pull(guard, "bob"));
    guard_free(guard);
}

static void test_a_look_is_one_stat_a_file(void **state)
{
    const struct unit_dir *dir = *state;
    struct guard *guard = start(dir);

    assert_int_equal(3, stats_of_a_look(guard));
    put_conf(dir, "@ops", "");
    assert_true(stats_of_a_look(guard) > 6);
    assert_int_equal(6,
                     stats_of_a_look(guard)); /* also those of the configuration that is wanted */
    assert_int_equal(6, stats_of_a_look(guard));
    put_conf(dir, "@devs", "");
    guard_rules(guard);
    assert_int_equal(3, stats_of_a_look(guard));
    guard_free(guard);
}

static void test_does_not_start_with_a_broken_one(void **state)
{
    const struct unit_dir *dir = *state;

    unit_put(dir->path, "berth.conf", "repository \"**\" { pull = {\"@nobody\"} }\n");
    assert_null(guard_new(unit_path(dir, "berth.conf"), &failure));
    assert_int_equal(ERR_CONFIG, failure.code);
    unit_put(dir->path, "berth.conf", "htpasswd = \"/nowhere/htpasswd\"\n");
    assert_null(guard_new(unit_path(dir, "berth.conf"), &failure));
    assert_int_equal(ERR_CONFIG, failure.code);
}

static void test_open_only_where_berth_checks_nothing(void **state)
{
    const struct unit_dir *dir = *state;
    char text[256];

    unit_put(dir->path, "berth.conf", "page_limit = 10\n");
    struct guard *guard = guard_new(unit_path(dir, "berth.conf"), &failure);
    assert_non_null(guard);
    assert_null(guard_rules(guard)->passwd);
    assert_true(may_pull(guard, ""));
    unit_put(dir->path, "htpasswd", "alice:" SECRET "\n");
    snprintf(text, sizeof text, "htpasswd = \"%s\"\n", unit_path(dir, "htpasswd"));
    unit_put(dir->path, "berth.conf", text);
    assert_false(may_pull(guard, ""));
    assert_true(may_pull(guard, "alice"));
    guard_free(guard);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_rereads_each_file),
        DIR_TEST(test_rereads_a_file_that_is_replaced),
        DIR_TEST(test_rereads_a_file_that_is_written_over),
        DIR_TEST(test_looks_again_when_a_change_has_settled),
        DIR_TEST(test_a_file_that_was_not_there),
        DIR_TEST(test_each_further_change_is_tried),
        DIR_TEST(test_rereads_an_issuers_keys),
        DIR_TEST(test_rereads_keys),
        DIR_TEST(test_15_a_key_written_over_is_trusted_no_more),
        DIR_TEST(test_a_broken_change_opens_nothing),
        DIR_TEST(test_a_missing_file_opens_nothing),
        DIR_TEST(test_a_broken_group_file_changes_nothing),
        DIR_TEST(test_notices_what_a_broken_change_waited_for),
        DIR_TEST(test_says_it_once),
        DIR_TEST(test_rereads_what_is_included),
        DIR_TEST(test_an_included_file_may_be_empty),
        DIR_TEST(test_a_look_is_one_stat_a_file),
        DIR_TEST(test_does_not_start_with_a_broken_one),
        DIR_TEST(test_open_only_where_berth_checks_nothing),
    };

    return RUN(tests);
}
