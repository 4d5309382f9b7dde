/* SPDX-License-Identifier: Apache-2.0
 * auth/token_robot.c: robots' tokens and their files. */
#include "unit/unit.h"

#include "api/config.h"
#include "auth/jwt.h"
#include "auth/robot.h"
#include "auth/token.h"
#include "unit/auth/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct setting {
    struct config conf;
    struct tokens *tokens;
    struct arena arena;
    struct identity who;
    char keys[128];
};

static void load(struct setting *setting, const struct unit_dir *dir)
{
    char text[256], path[128];

    *setting = (struct setting){0};
    unit_put(dir->path, "keys/1.pem", keys_ed25519_private);
    snprintf(setting->keys, sizeof setting->keys, "%s/keys", dir->path);
    snprintf(text, sizeof text, "token_keys = \"%s\"\n", setting->keys);
    unit_put(dir->path, "berth.conf", text);
    snprintf(path, sizeof path, "%s/berth.conf", dir->path);
    assert_returns(0, config_read(&setting->conf, path, &failure));
    setting->tokens = token_load(&setting->conf.live.token, &failure);
    assert_non_null(setting->tokens);
}

static void unload(struct setting *setting)
{
    token_free(setting->tokens);
    arena_free(&setting->arena);
    config_free(&setting->conf);
}

static int issue(struct setting *setting, const char *name, struct buf *token)
{
    int64_t now = time(NULL);
    struct robot robot = {name, "alice", "repository:team/**:pull,push", now, now + 86400};

    return token_issue_robot(setting->tokens, &robot, token, &failure);
}

static int identify(struct setting *setting, const char *token)
{
    return token_identify(setting->tokens, token, time(NULL), &setting->arena, &setting->who,
                          &failure);
}

static void test_a_robot_acts_for_its_user(void **state)
{
    struct setting setting;
    AUTO_BUF token = BUF_INIT;
    struct name app = unit_name("team/a/b"), other = unit_name("other");

    load(&setting, *state);
    assert_returns(0, issue(&setting, "ci", &token));
    assert_returns(0, identify(&setting, token.s));
    assert_string_equal("alice", setting.who.user);
    assert_string_equal("ci", setting.who.robot);
    assert_true(setting.who.has_token);
    assert_int_equal(ACTION_PULL | ACTION_PUSH, identity_actions(&setting.who, &app));
    assert_int_equal(0, identity_actions(&setting.who, &other));
    unload(&setting);
}

static void test_its_file(void **state)
{
    const struct unit_dir *dir = *state;
    struct setting setting;
    struct robot robot = {"ci-2.x_Y", "al\"ice", "registry:catalog:*", 3900000000, 4000000000};
    AUTO_BUF token = BUF_INIT;
    AUTO_BUF text = BUF_INIT;
    AUTO_STRINGS names = {0};
    int64_t issued, expires;

    load(&setting, dir);
    assert_returns(0, robot_list(setting.keys, &names, &failure));
    assert_int_equal(0, names.n);
    assert_returns(0, token_issue_robot(setting.tokens, &robot, &token, &failure));
    assert_returns(1, robot_text(setting.keys, "ci-2.x_Y", &text, &failure));
    struct json *json = json_parse(text.s, text.len, 4, &failure);
    assert_string_equal("al\"ice", json_text(json_get(json, "user")));
    assert_string_equal("registry:catalog:*", json_text(json_get(json, "scope")));
    assert_true(json_size(json_get(json, "expires"), &expires) && expires == 4000000000);
    assert_true(robot_is_current(setting.keys, "ci-2.x_Y", json_text(json_get(json, "jti"))));
    assert_false(robot_is_current(setting.keys, "ci-2.x_Y", "other"));
    assert_false(robot_is_current(setting.keys, "ci-2.x_Y", ""));
    assert_false(robot_is_current(setting.keys, "ci-2.x_Y", NULL));
    json_free(json);
    struct json *claims = jwt_peek(token.s);
    assert_true(json_size(json_get(claims, "iat"), &issued) && issued == 3900000000);
    assert_true(json_size(json_get(claims, "exp"), &expires) && expires == 4000000000);
    json_free(claims);
    assert_int_equal(0640, unit_mode(dir->path, "keys/robots/ci-2.x_Y"));
    assert_int_equal(1, unit_count(dir->path, "keys/robots"));
    assert_returns(0, issue(&setting, "a", &token));
    assert_returns(0, robot_list(setting.keys, &names, &failure));
    assert_int_equal(2, names.n);
    assert_string_equal("a", names.v[0]);
    assert_returns(0, robot_text(setting.keys, "b", &text, &failure));
    unload(&setting);
}

static void test_revoking_and_issuing_again(void **state)
{
    struct setting setting;
    AUTO_BUF first = BUF_INIT;
    AUTO_BUF second = BUF_INIT;
    AUTO_BUF other = BUF_INIT;

    load(&setting, *state);
    assert_returns(0, issue(&setting, "ci", &first));
    assert_returns(0, issue(&setting, "other", &other));
    assert_returns(0, issue(&setting, "ci", &second));
    assert_fails(UNAUTHORIZED, identify(&setting, first.s));
    assert_string_equal("the robot ci's token was revoked", failure.msg);
    assert_returns(0, identify(&setting, second.s));
    assert_returns(1, robot_revoke(setting.keys, "ci", &failure));
    assert_fails(UNAUTHORIZED, identify(&setting, second.s));
    assert_returns(0, robot_revoke(setting.keys, "ci", &failure));
    assert_returns(0, identify(&setting, other.s));
    unload(&setting);
}

/* What cannot be read says "no". */
static void test_damaged_files(void **state)
{
    static const char *const texts[] = {"", "{}", "{\"jti\":7}", "{\"jti\":\"", "[\"jti\"]"};
    const struct unit_dir *dir = *state;
    struct setting setting;
    AUTO_BUF token = BUF_INIT;

    load(&setting, dir);
    assert_returns(0, issue(&setting, "ci", &token));
    char *good = unit_get(dir->path, "keys/robots/ci");
    for (size_t i = 0; i < LENGTH_OF(texts); i++) {
        unit_put(dir->path, "keys/robots/ci", texts[i]);
        assert_fails(UNAUTHORIZED, identify(&setting, token.s));
    }
    unit_put(dir->path, "keys/robots/ci", good);
    assert_returns(0, identify(&setting, token.s));
    unit_put(dir->path, "elsewhere", good);
    free(good);
    unit_delete(dir->path, "keys/robots/ci");
    unit_symlink("../../elsewhere", dir->path, "keys/robots/ci");
    assert_fails(UNAUTHORIZED, identify(&setting, token.s));
    unload(&setting);
}

static void test_names(void **state)
{
    static const char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    static const char *const invalid[] = {
        "",
        ".",
        "..",
        ".ci",
        "-ci",
        "_ci",
        "../1.pem",
        "a/b",
        "a b",
        "a:b",
        "a\n",
        "\xc3\xa9",
        "01234567890123456789012345678901234567890123456789012345678901234"};
    struct setting setting;
    AUTO_BUF token = BUF_INIT;

    load(&setting, *state);
    for (size_t i = 0; i < LENGTH_OF(invalid); i++) {
        assert_fails(USAGE, issue(&setting, invalid[i], &token));
        assert_fails(USAGE, robot_revoke(setting.keys, invalid[i], &failure));
        assert_fails(USAGE, robot_text(setting.keys, invalid[i], &token, &failure));
        assert_false(robot_is_current(setting.keys, invalid[i], "x"));
    }
    assert_int_equal(0, token.len);
    assert_returns(0, issue(&setting, long_name, &token));
    assert_returns(0, identify(&setting, token.s));
    assert_string_equal(long_name, setting.who.robot);
    unload(&setting);
}

static void test_scopes_that_are_none_revoke_nothing(void **state)
{
    static const char *const scopes[] = {"",
                                         "pull",
                                         "repository:a",
                                         "repository:a:fly",
                                         "repository::pull",
                                         "registry:catalog:pull"};
    struct setting setting;
    AUTO_BUF token = BUF_INIT;
    AUTO_BUF none = BUF_INIT;

    load(&setting, *state);
    assert_returns(0, issue(&setting, "ci", &token));
    for (size_t i = 0; i < LENGTH_OF(scopes); i++) {
        struct robot robot = {"ci", "alice", scopes[i], 0, 4000000000};
        assert_fails(USAGE, token_issue_robot(setting.tokens, &robot, &none, &failure));
        assert_int_equal(0, none.len);
    }
    assert_returns(0, identify(&setting, token.s));
    unload(&setting);
}

static void test_without_a_directory(void **state)
{
    AUTO_STRINGS names = {0};
    AUTO_BUF text = BUF_INIT;

    (void)state;
    assert_fails(IO, robot_list("/nowhere", &names, &failure));
    assert_fails(IO, robot_revoke("/nowhere", "ci", &failure));
    assert_fails(IO, robot_text("/nowhere", "ci", &text, &failure));
    assert_false(robot_is_current("/nowhere", "ci", "x"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_a_robot_acts_for_its_user),
        DIR_TEST(test_its_file),
        DIR_TEST(test_revoking_and_issuing_again),
        DIR_TEST(test_damaged_files),
        DIR_TEST(test_names),
        DIR_TEST(test_scopes_that_are_none_revoke_nothing),
        cmocka_unit_test(test_without_a_directory),
    };

    return RUN(tests);
}
