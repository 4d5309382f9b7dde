/* SPDX-License-Identifier: Apache-2.0
 * auth/policy.c: access rules. */
#include "unit/unit.h"

#include "api/config.h"
#include "auth/policy.h"

#include <stdio.h>

/* A configuration and what it comes to. */
struct setting {
    struct config conf;
    struct policy *policy;
};

/* `@` in the text stands for the test's directory, in quotes. */
static int load(struct setting *setting, const struct unit_dir *dir, const char *text)
{
    char path[128], conf[4096];
    const char *at = strstr(text, "groups_file = @");
    size_t before = at ? (size_t)(at - text) : strlen(text);

    snprintf(conf, sizeof conf, "%.*s", (int)before, text);
    if (at)
        snprintf(conf + before, sizeof conf - before, "groups_file = \"%s/groups\"%s", dir->path,
                 at + strlen("groups_file = @"));
    unit_put(dir->path, "berth.conf", conf);
    snprintf(path, sizeof path, "%s/berth.conf", dir->path);
    assert_returns(0, config_read(&setting->conf, path, &failure));
    setting->policy =
        policy_new(&setting->conf.live.policy, config_checks_logins(&setting->conf.live), &failure);
    return setting->policy ? 0 : -1;
}

static void unload(struct setting *setting)
{
    policy_free(setting->policy);
    config_free(&setting->conf);
}

static void assert_refused(const struct unit_dir *dir, const char *text, const char *message)
{
    struct setting setting;

    assert_fails(CONFIG, load(&setting, dir, text));
    if (!strstr(failure.msg, message))
        fail_msg("%s: \"%s\" does not say \"%s\"", text, failure.msg, message);
    unload(&setting);
}

/* The letters of what is permitted: r(ead), w(rite), d(elete), a(dmin); "-" for nothing. */
static const char *letters(int actions)
{
    static char text[8];

    snprintf(text, sizeof text, "%s%s%s%s%s", actions & ACTION_PULL ? "r" : "",
             actions & ACTION_PUSH ? "w" : "", actions & ACTION_DELETE ? "d" : "",
             actions & ACTION_ADMIN ? "a" : "", actions ? "" : "-");
    return text;
}

static int permitted(const struct setting *setting, const struct identity *who,
                     const struct name *name)
{
    int actions = 0;

    for (int action = ACTION_PULL; action <= ACTION_ADMIN; action *= 2)
        if (policy_permits(setting->policy, who, name, (enum action)action))
            actions |= action;
    return actions;
}

static const char rules[] =
    "group \"dev\" { members = {\"alice\", \"bob\"} }\n"
    "group \"empty\" {}\n"
    "groups_file = @\n"
    "repository \"**\" { pull = {\"users\"} }\n"                      /* line 4 */
    "repository \"public/**\" { pull = {\"*\"} push = {\"@dev\"} }\n" /* 5 */
    "repository \"team/*\" { push = {\"@dev\", \"carol\"} delete = {\"bob\", \"ivan\"}\n" /* 6 */
    "                      pull = {\"@ops\"} admin = {\"root\"} }\n"
    "repository \"team/secret\" { admin = {\"@ops\"} }\n" /* 8 */
    "repository \"closed\" {}\n"                          /* 9 */
    "repository \"drop/*\" { push = {\"*\"} }\n"          /* 10 */
    "repository \"frozen/**\" { push = {\"users\"} readonly = true }\n"
    "repository \"odd/*\" { pull = {\"@empty\"} push = {\"@late\"} }\n"; /* 12 */

static const char groups[] = "# who is on call\r\n"
                             "\r\n"
                             "   \n"
                             "ops: dave\terin\r\n"
                             "ops: frank \n"
                             "dev: grace\n"
                             "late : heidi\n"
                             "nobody:";

static const struct {
    const char *user, *name, *actions;
    int line;
} who_may[] = {
    {"", "other", "-", 4},
    {"zoe", "other", "r", 4},
    {"zoe", "a/b/c", "r", 4},
    {"", "public/x", "r", 5},
    {"zoe", "public/x/y", "r", 5},
    {"alice", "public/x", "rw", 5},
    {"bob", "public/x", "rw", 5},
    {"grace", "public/x", "rw", 5}, /* a group in both places has the members of both */
    {"", "public", "-", 4},
    {"alice", "team/app", "rw", 6}, /* who pushes may pull */
    {"bob", "team/app", "rwd", 6},
    {"carol", "team/app", "rw", 6},
    {"ivan", "team/app", "rd", 6}, /* who deletes may pull, too */
    {"dave", "team/app", "r", 6},
    {"erin", "team/app", "r", 6},
    {"frank", "team/app", "r", 6},
    {"root", "team/app", "rwda", 6},
    {"zoe", "team/app", "-", 6}, /* the most specific alone: "**" no longer counts */
    {"", "team/app", "-", 6},
    {"alice", "team/app/x", "r", 4},
    {"alice", "team/secret", "-", 8}, /* nor does "team/" and a star */
    {"root", "team/secret", "-", 8},
    {"dave", "team/secret", "rwda", 8},
    {"root", "closed", "-", 9},
    {"", "drop/box", "rw", 10},
    {"zoe", "frozen/x", "r", 11},
    {"", "frozen/x", "-", 11},
    {"heidi", "odd/x", "rw", 12},
    {"alice", "odd/x", "-", 12},
    /* Names that look like something else. */
    {"@dev", "team/app", "-", 6},
    {"@ops", "team/app", "-", 6},
    {"@empty", "odd/x", "-", 12},
    {"dev", "team/app", "-", 6},
    {"Alice", "team/app", "-", 6},
    {"alice ", "team/app", "-", 6},
    {"ali", "team/app", "-", 6},
    {"*", "team/app", "-", 6},
    {"users", "team/app", "-", 6},
};

static void test_who_may_do_what(void **state)
{
    const struct unit_dir *dir = *state;
    struct setting setting;

    unit_put(dir->path, "groups", groups);
    assert_returns(0, load(&setting, dir, rules));
    for (size_t i = 0; i < LENGTH_OF(who_may); i++) {
        struct identity who = {.user = who_may[i].user};
        struct name name = unit_name(who_may[i].name);
        struct verdict verdict = policy_verdict(setting.policy, &who, &name);
        const char *actual = letters(permitted(&setting, &who, &name));
        if (strcmp(actual, who_may[i].actions) != 0 || !verdict.rule ||
            verdict.rule->place.line != who_may[i].line)
            fail_msg("\"%s\" %s: %s by line %d", who_may[i].user, who_may[i].name, actual,
                     verdict.rule ? verdict.rule->place.line : 0);
    }
    unload(&setting);
}

static void test_where_no_rule_matches_nobody_may_anything(void **state)
{
    struct setting setting;
    struct identity alice = {.user = "alice"};
    struct name name = unit_name("a/b");

    assert_returns(0, load(&setting, *state, "repository \"*\" { admin = {\"*\"} }\n"));
    struct verdict verdict = policy_verdict(setting.policy, &alice, &name);
    assert_null(verdict.rule);
    assert_int_equal(0, verdict.actions);
    unload(&setting);
}

static void test_without_rules(void **state)
{
    /* How berth comes to check logins; the files are not read here. */
    static const char *const checked[] = {"htpasswd = \"/x\"\n", "token_keys = \"/x\"\n",
                                          "issuer \"x\" { keys = \"/x\" }\n"};
    struct setting setting;
    struct grant grant = {"a", ACTION_PULL};
    struct identity alice = {.user = "alice"}, nobody = {.user = ""};
    struct identity nameless = {.user = "", .has_token = true, .grants = &grant, .n_grants = 1};
    struct name name = unit_name("a");

    for (size_t i = 0; i < LENGTH_OF(checked); i++) {
        assert_returns(0, load(&setting, *state, checked[i]));
        assert_string_equal("rwda", letters(permitted(&setting, &alice, &name)));
        assert_string_equal("-", letters(permitted(&setting, &nobody, &name)));
        /* An external token server let him in, without a name. */
        assert_int_equal(ACTION_ALL, policy_verdict(setting.policy, &nameless, &name).actions);
        assert_string_equal("r", letters(permitted(&setting, &nameless, &name)));
        assert_null(policy_verdict(setting.policy, &alice, &name).rule);
        unload(&setting);
    }
    assert_returns(0, load(&setting, *state, ""));
    assert_string_equal("rwda", letters(permitted(&setting, &alice, &name)));
    assert_string_equal("rwda", letters(permitted(&setting, &nobody, &name)));
    unload(&setting);
}

static void test_with_rules_open_means_nothing(void **state)
{
    struct setting setting;
    struct identity nobody = {.user = ""}, nameless = {.user = "", .has_token = true};
    struct name name = unit_name("a");

    assert_returns(0, load(&setting, *state, "repository \"**\" { pull = {\"users\"} }\n"));
    assert_int_equal(0, policy_verdict(setting.policy, &nobody, &name).actions);
    assert_int_equal(0, policy_verdict(setting.policy, &nameless, &name).actions);
    unload(&setting);
}

static void test_a_token_only_narrows(void **state)
{
    struct setting setting;
    struct grant grants[] = {{"team/app", ACTION_PULL | ACTION_DELETE}, {"closed", ACTION_ALL}};
    struct identity alice = {.user = "alice", .has_token = true, .grants = grants, .n_grants = 2};
    struct name app = unit_name("team/app"), closed = unit_name("closed");
    struct name other = unit_name("team/other");

    unit_put(((struct unit_dir *)*state)->path, "groups", groups);
    assert_returns(0, load(&setting, *state, rules));
    assert_string_equal("r", letters(permitted(&setting, &alice, &app)));
    assert_string_equal("-", letters(permitted(&setting, &alice, &closed)));
    assert_string_equal("-", letters(permitted(&setting, &alice, &other)));
    unload(&setting);
}

static void test_of_two_equally_specific_the_first_counts(void **state)
{
    static const char *const texts[] = {
        "repository \"a?\" { pull = {\"x\"} }\nrepository \"a*\" { pull = {\"y\"} }\n",
        "repository \"a*\" { pull = {\"x\"} }\nrepository \"a?\" { pull = {\"y\"} }\n",
        "repository \"*b\" { pull = {\"x\"} }\nrepository \"*?b\" { pull = {\"y\"} }\n",
    };
    struct identity x = {.user = "x"}, y = {.user = "y"};
    struct name name = unit_name("ab");

    for (size_t i = 0; i < LENGTH_OF(texts); i++) {
        struct setting setting;
        assert_returns(0, load(&setting, *state, texts[i]));
        assert_int_equal(1, policy_verdict(setting.policy, &x, &name).rule->place.line);
        assert_true(policy_permits(setting.policy, &x, &name, ACTION_PULL));
        assert_false(policy_permits(setting.policy, &y, &name, ACTION_PULL));
        unload(&setting);
    }
}

static void test_without_deletes_all_else_is_left(void **state)
{
    struct setting setting;
    struct identity root = {.user = "root"};
    struct name name = unit_name("a");

    assert_returns(
        0, load(&setting, *state, "delete = false\nrepository \"**\" { admin = {\"root\"} }\n"));
    assert_string_equal("rwa", letters(permitted(&setting, &root, &name)));
    unload(&setting);
    assert_returns(0, load(&setting, *state, "delete = false\n"));
    assert_string_equal("rwa", letters(permitted(&setting, &root, &name)));
    unload(&setting);
}

static void test_readonly_leaves_only_reading(void **state)
{
    struct setting setting;
    struct identity root = {.user = "root"};
    struct name name = unit_name("a");

    assert_returns(
        0, load(&setting, *state, "readonly = true\nrepository \"**\" { admin = {\"root\"} }\n"));
    assert_string_equal("r", letters(permitted(&setting, &root, &name)));
    assert_true(policy_verdict(setting.policy, &root, &name).readonly);
    assert_int_equal(ACTION_ALL, policy_verdict(setting.policy, &root, &name).actions);
    unload(&setting);
    assert_returns(0, load(&setting, *state, "readonly = true\n"));
    assert_string_equal("r", letters(permitted(&setting, &root, &name)));
    unload(&setting);
    assert_returns(0, load(&setting, *state,
                           "repository \"a\" { admin = {\"root\"} readonly = true }\n"
                           "repository \"b\" { admin = {\"root\"} readonly = false }\n"));
    assert_string_equal("r", letters(permitted(&setting, &root, &name)));
    name = unit_name("b");
    assert_string_equal("rwda", letters(permitted(&setting, &root, &name)));
    assert_false(policy_verdict(setting.policy, &root, &name).readonly);
    unload(&setting);
}

static void test_sparse_is_the_narrowest_rules(void **state)
{
    static const struct {
        const char *name;
        bool sparse;
    } cases[] = {{"a", false}, {"thin/a", true}, {"thin/b/c", true}, {"thin/whole", false}};
    struct setting setting;
    struct name name;

    assert_returns(0, load(&setting, *state,
                           "repository \"thin/**\" { sparse = true }\n"
                           "repository \"thin/whole\" { admin = {\"*\"} }\n"));
    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        name = unit_name(cases[i].name);
        assert_int_equal(cases[i].sparse, policy_is_sparse(&setting.conf.live.policy, &name));
    }
    unload(&setting);
    assert_returns(0, load(&setting, *state, ""));
    assert_false(policy_is_sparse(&setting.conf.live.policy, &name));
    unload(&setting);
}

static void test_immutable_tags(void **state)
{
    static const struct {
        const char *user, *name, *tag;
        bool immutable;
    } table[] = {
        {"bob", "app", "v1", true},     {"bob", "app", "v1.2.3", true},
        {"bob", "app", "V1", false},    {"bob", "app", "latest", false},
        {"bob", "app", "stable", true}, {"bob", "app", "stable2", false},
        {"", "app", "v1", true},        {"root", "app", "v1", false},
        {"bob", "other", "v1", false},  {"bob", "unruled/x", "v1", false},
    };
    struct setting setting;
    struct grant push = {"app", ACTION_PUSH}, all = {"app", ACTION_ALL};
    struct identity root = {.user = "root", .has_token = true, .grants = &push, .n_grants = 1};
    struct name app = unit_name("app");
    struct tag v1 = unit_tag("v1");

    assert_returns(0, load(&setting, *state,
                           "repository \"app\" { push = {\"bob\"} admin = {\"root\"}\n"
                           "                     immutable = {\"v*\", \"stable\"} }\n"
                           "repository \"*\" { push = {\"bob\"} }\n"));
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct identity who = {.user = table[i].user};
        struct name name = unit_name(table[i].name);
        struct tag tag = unit_tag(table[i].tag);
        if (policy_immutable(setting.policy, &who, &name, &tag) != table[i].immutable)
            fail_msg("%s %s %s", table[i].user, table[i].name, table[i].tag);
    }
    /* An admin's token moves such a tag only if it says so. */
    assert_true(policy_immutable(setting.policy, &root, &app, &v1));
    root.grants = &all;
    assert_false(policy_immutable(setting.policy, &root, &app, &v1));
    unload(&setting);
    struct identity bob = {.user = "bob"};
    assert_returns(0, load(&setting, *state, ""));
    assert_false(policy_immutable(setting.policy, &bob, &app, &v1));
    unload(&setting);
}

static void test_mistakes_in_rules(void **state)
{
    static const struct {
        const char *text, *message;
    } table[] = {
        {"\n\nrepository \"a\" { pull = {\"@dve\"} }\n",
         "berth.conf:3: repository \"a\": there is no group \"dve\""},
        {"repository \"a\" { push = {\"x\", \"@dve\"} }\n", "berth.conf:1: repository \"a\""},
        {"repository \"a\" { delete = {\"@dve\"} }\n", "there is no group \"dve\""},
        {"repository \"a\" { admin = {\"@dve\"} }\n", "there is no group \"dve\""},
        {"repository \"a\" { pull = {\"@\"} }\n", "there is no group \"\""},
        {"repository \"a\" { pull = {\"\"} }\n", "berth.conf:1: repository \"a\": an empty name"},
        {"# one\nrepository \"Team/*\" {}\n", "berth.conf:2: repository \"Team/*\": no repository"},
        {"repository \"\" {}\n", "berth.conf:1: repository \"\": no repository"},
        {"repository \"/team/*\" {}\n", "no repository's name can match"},
        {"repository \"team/\" {}\n", "no repository's name can match"},
        {"repository \"team//app\" {}\n", "no repository's name can match"},
        {"repository \"team/[ab]\" {}\n", "no repository's name can match"},
        {"repository \"a:5000/b\" {}\n", "no repository's name can match"},
        {"\nrepository \"a\" { immutable = {\"v*\", \"\"} }\n",
         "berth.conf:2: repository \"a\": no tag can match \"\""},
        {"repository \"a\" { immutable = {\"v 1\"} }\n", "no tag can match \"v 1\""},
        {"repository \"a\" { immutable = {\"a/b\"} }\n", "no tag can match \"a/b\""},
        {"\ngroup \"g\" { members = {\"a\", \"@h\"} }\n",
         "berth.conf:2: group \"g\": \"@h\" is no user"},
        {"group \"g\" { members = {\"*\"} }\n", "\"*\" is no user"},
        {"group \"g\" { members = {\"users\"} }\n", "\"users\" is no user"},
        {"group \"g\" { members = {\"\"} }\n", "\"\" is no user"},
        {"groups_file = \"/nowhere/groups\"\n", "\"/nowhere/groups\": No such file"},
        {"groups_file = \"/\"\n", "\"/\": it cannot be read"},
    };

    for (size_t i = 0; i < LENGTH_OF(table); i++)
        assert_refused(*state, table[i].text, table[i].message);
}

static void test_mistakes_in_the_group_file(void **state)
{
    static const struct {
        const char *text, *message;
    } table[] = {
        {"ops: a\n\nops\n", "groups:3: must be \"group: user user ...\""},
        {"a b c\n", "groups:1: must be"},
        {": a\n", "groups:1: must be"},
        {"# x\n  : a\n", "groups:2: must be"},
        {"two words: a\n", "groups:1: must be"},
    };
    const struct unit_dir *dir = *state;

    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        unit_put(dir->path, "groups", table[i].text);
        assert_refused(dir, "groups_file = @\n", table[i].message);
    }
}

static void test_odd_patterns_that_are_right(void **state)
{
    struct setting setting;

    assert_returns(0,
                   load(&setting, *state,
                        "repository \"a/**/b\" {}\nrepository \"?\" {}\nrepository \"**\" {}\n"
                        "repository \"x--y__z.0\" { immutable = {\"*\", \"?.?\", \"_A-z\"} }\n"));
    unload(&setting);
}

/* Whoever asks, and whatever he may. */
static void test_what_is_held(void **state)
{
    static const char text[] = "repository \"a\" { admin = {\"*\"} immutable = {\"x\", \"v*\"} }\n"
                               "repository \"b\" { readonly = true }\n"
                               "repository \"**\" { immutable = {\"*\"} }\n"
                               "repository \"c\" { }\n";
    static const struct {
        const char *name, *tag, *pattern;
        int line; /* 0: it is not held */
    } rows[] = {
        {"a", "v1", "v*", 1}, {"a", "x", "x", 1}, {"a", "y", NULL, 0},
        {"b", "v1", NULL, 2}, {"d", "y", "*", 3}, {"c", "v1", NULL, 0},
    };
    struct setting setting;
    struct policy_hold hold;

    assert_returns(0, load(&setting, *state, text));
    for (size_t i = 0; i < LENGTH_OF(rows); i++) {
        const struct name name = unit_name(rows[i].name);
        const struct tag tag = unit_tag(rows[i].tag);
        bool held = policy_holds(setting.policy, &name, &tag, &hold);
        if (held != (rows[i].line != 0))
            fail_msg("%s:%s", rows[i].name, rows[i].tag);
        if (held) {
            assert_int_equal(rows[i].line, hold.rule->place.line);
            assert_true(rows[i].pattern ? !strcmp(rows[i].pattern, hold.pattern) : !hold.pattern);
        }
    }
    unload(&setting);
    assert_returns(0,
                   load(&setting, *state, "readonly = true\n")); /* for maintenance, as this is */
    const struct name name = unit_name("a");
    const struct tag tag = unit_tag("v1");
    assert_false(policy_holds(setting.policy, &name, &tag, &hold));
    unload(&setting);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_who_may_do_what),
        DIR_TEST(test_where_no_rule_matches_nobody_may_anything),
        DIR_TEST(test_without_rules),
        DIR_TEST(test_with_rules_open_means_nothing),
        DIR_TEST(test_a_token_only_narrows),
        DIR_TEST(test_of_two_equally_specific_the_first_counts),
        DIR_TEST(test_without_deletes_all_else_is_left),
        DIR_TEST(test_readonly_leaves_only_reading),
        DIR_TEST(test_sparse_is_the_narrowest_rules),
        DIR_TEST(test_immutable_tags),
        DIR_TEST(test_mistakes_in_rules),
        DIR_TEST(test_mistakes_in_the_group_file),
        DIR_TEST(test_odd_patterns_that_are_right),
        DIR_TEST(test_what_is_held),
    };

    return RUN(tests);
}
