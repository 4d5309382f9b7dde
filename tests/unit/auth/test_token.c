/* SPDX-License-Identifier: Apache-2.0
 * auth/token.c: issuing tokens, and who shows one. */
#include "unit/unit.h"

#include "api/config.h"
#include "auth/jwt.h"
#include "auth/key_set.h"
#include "auth/token.h"
#include "unit/auth/keys.h"

#include <stdio.h>
#include <time.h>

#define ISSUER "https://auth.example/realms/x"

/* Tokens of berth itself, and of an issuer whose key is keys_p256_private. */
struct setting {
    struct config conf;
    struct tokens *tokens;
    struct arena arena;
    struct identity who;
};

static int load(struct setting *setting, const struct unit_dir *dir, const char *more)
{
    char text[2048], path[128];

    *setting = (struct setting){0};
    snprintf(text, sizeof text, "token_service = \"registry\"\n%s", more);
    for (char *at = strstr(text, "@"); at; at = strstr(text, "@")) {
        char rest[2048];
        snprintf(rest, sizeof rest, "%s%s", dir->path, at + 1);
        snprintf(at, sizeof text - (size_t)(at - text), "%s", rest);
    }
    unit_put(dir->path, "berth.conf", text);
    snprintf(path, sizeof path, "%s/berth.conf", dir->path);
    assert_int_equal(0, config_read(&setting->conf, path, &failure));
    unit_before_call();
    setting->tokens = token_load(&setting->conf.live.token, &failure);
    return setting->tokens ? 0 : -1;
}

static void unload(struct setting *setting)
{
    token_free(setting->tokens);
    arena_free(&setting->arena);
    config_free(&setting->conf);
}

#define BOTH                                                                                       \
    "token_keys = \"@/keys\"\nissuer \"" ISSUER "\" { keys = \"@/issuer.pem\" }\n"                 \
    "issuer \"other\" { keys = \"@/issuer.pem\" audience = \"harbour\" }\n"

static void put_keys(const struct unit_dir *dir)
{
    unit_put(dir->path, "keys/1.pem", keys_ed25519_private);
    unit_put(dir->path, "issuer.pem", keys_p256_public);
}

static int identify(struct setting *setting, const char *token)
{
    return token_identify(setting->tokens, token, time(NULL), &setting->arena, &setting->who,
                          &failure);
}

/* A token of this issuer, signed by the key in pem; `claims` behind iss, exp. */
static void forge(const struct unit_dir *dir, const char *pem, const char *iss, const char *claims,
                  struct buf *token)
{
    struct key_set set = {0};
    AUTO_BUF payload = BUF_INIT;
    char header[32];

    assert_returns(0, keys_add(&set, dir->path, pem));
    buf_addf(&payload, "{\"iss\":\"%s\",\"exp\":%jd,%s}", iss, (intmax_t)time(NULL) + 300, claims);
    snprintf(header, sizeof header, "{\"alg\":\"%s\"}", key_algorithm(set.v[0]));
    keys_sign(set.v[0], header, payload.s, token);
    key_set_free(&set);
}

static int identify_forged(struct setting *setting, const struct unit_dir *dir, const char *pem,
                           const char *iss, const char *claims)
{
    AUTO_BUF token = BUF_INIT;

    forge(dir, pem, iss, claims, &token);
    return identify(setting, token.s);
}

static void test_what_is_issued_is_identified(void **state)
{
    const struct unit_dir *dir = *state;
    struct setting setting;
    struct scopes scopes = {0};
    AUTO_BUF token = BUF_INIT;
    int64_t expires_in;

    put_keys(dir);
    assert_returns(0, load(&setting, dir, BOTH "token_lifetime = 77\n"));
    assert_true(token_can_issue(setting.tokens));
    scope_parse(&scopes, &setting.arena, "repository:team/app:pull,push registry:catalog:*");
    assert_returns(0,
                   token_issue(setting.tokens, "al\"ice", &scopes, &token, &expires_in, &failure));
    assert_int_equal(77, expires_in);
    assert_returns(0, identify(&setting, token.s));
    assert_string_equal("al\"ice", setting.who.user);
    assert_true(setting.who.has_token);
    assert_true(setting.who.catalog);
    assert_null(setting.who.robot);
    struct name app = unit_name("team/app"), other = unit_name("team/other");
    assert_int_equal(ACTION_PULL | ACTION_PUSH, identity_actions(&setting.who, &app));
    assert_int_equal(0, identity_actions(&setting.who, &other));
    unload(&setting);
}

static void test_a_token_of_nobody(void **state)
{
    struct setting setting;
    struct scopes none = {0};
    AUTO_BUF token = BUF_INIT;
    int64_t expires_in;

    put_keys(*state);
    assert_returns(0, load(&setting, *state, BOTH));
    assert_returns(0, token_issue(setting.tokens, "", &none, &token, &expires_in, &failure));
    assert_returns(0, identify(&setting, token.s));
    assert_string_equal("", setting.who.user);
    assert_true(setting.who.has_token);
    assert_false(setting.who.catalog);
    assert_int_equal(0, setting.who.n_grants);
    unload(&setting);
}

static void test_the_claims_of_a_token(void **state)
{
    struct setting setting;
    struct scopes scopes = {0};
    AUTO_BUF token = BUF_INIT;
    int64_t expires_in, iat, nbf, exp, now = time(NULL);
    AUTO_BUF access = BUF_INIT;

    put_keys(*state);
    assert_returns(0, load(&setting, *state, BOTH));
    scope_parse(&scopes, &setting.arena, "repository:a:pull");
    assert_returns(0, token_issue(setting.tokens, "alice", &scopes, &token, &expires_in, &failure));
    struct json *claims = jwt_peek(token.s);
    assert_string_equal("berth", json_text(json_get(claims, "iss")));
    assert_string_equal("registry", json_text(json_get(claims, "aud")));
    assert_string_equal("alice", json_text(json_get(claims, "sub")));
    assert_int_equal(36, strlen(json_text(json_get(claims, "jti"))));
    assert_true(json_size(json_get(claims, "iat"), &iat) && iat >= now && iat <= time(NULL));
    assert_true(json_size(json_get(claims, "nbf"), &nbf) && nbf == iat);
    assert_true(json_size(json_get(claims, "exp"), &exp) && exp == iat + 300);
    json_print(json_get(claims, "access"), &access);
    assert_string_equal("[{\"type\":\"repository\",\"name\":\"a\",\"actions\":[\"pull\"]}]",
                        access.s);
    json_free(claims);
    unload(&setting);
}

/* Signed by the right keys, so that only what is in the token counts. */
static void test_whose_tokens_are_taken(void **state)
{
    static const struct {
        const char *pem, *iss, *claims, *message; /* NULL: taken */
    } table[] = {
        {keys_ed25519_private, "berth", "\"aud\":\"registry\",\"sub\":\"x\"", NULL},
        {keys_p256_private, ISSUER, "\"aud\":\"registry\",\"sub\":\"x\"", NULL},
        {keys_p256_private, "other", "\"aud\":\"harbour\",\"sub\":\"x\"", NULL},
        {keys_p256_private, ISSUER, "\"aud\":[\"account\",7,\"registry\"],\"sub\":\"x\"", NULL},
        {keys_p256_private, ISSUER, "\"aud\":\"other\"", "for another audience"},
        {keys_p256_private, ISSUER, "\"aud\":\"Registry\"", "for another audience"},
        {keys_p256_private, ISSUER, "\"aud\":\"harbour\"", "for another audience"},
        {keys_p256_private, "other", "\"aud\":\"registry\"", "for another audience"},
        {keys_p256_private, ISSUER, "\"aud\":[\"account\"]", "for another audience"},
        {keys_p256_private, ISSUER, "\"aud\":[]", "for another audience"},
        {keys_p256_private, ISSUER, "\"aud\":{\"registry\":1}", "for another audience"},
        {keys_p256_private, ISSUER, "\"aud\":null", "for another audience"},
        {keys_p256_private, ISSUER, "\"sub\":\"x\"", "for another audience"},
        {keys_ed25519_private, "berth", "\"sub\":\"x\"", "for another audience"},
        /* An issuer's key is good for its own tokens only. */
        {keys_ed25519_private, ISSUER, "\"aud\":\"registry\"", "not signed by a key"},
        {keys_p256_private, "berth", "\"aud\":\"registry\"", "not signed by a key"},
        {keys_rsa_private, "berth", "\"aud\":\"registry\"", "not signed by a key"},
        {keys_p256_private, ISSUER "/", "\"aud\":\"registry\"", "of no issuer"},
        {keys_p256_private, "", "\"aud\":\"registry\"", "of no issuer"},
        {keys_p256_private, ISSUER, "\"aud\":\"registry\",\"nbf\":4000000000", "not valid yet"},
    };
    const struct unit_dir *dir = *state;
    struct setting setting;

    put_keys(dir);
    assert_returns(0, load(&setting, dir, BOTH));
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        unit_before_call();
        int result = identify_forged(&setting, dir, table[i].pem, table[i].iss, table[i].claims);
        if (result != (table[i].message ? -1 : 0) ||
            (table[i].message && !strstr(failure.msg, table[i].message)))
            fail_msg("%s %s: %s", table[i].iss, table[i].claims, failure.msg);
        assert_true(result == 0 || failure.code == ERR_UNAUTHORIZED);
    }
    assert_fails(UNAUTHORIZED, identify(&setting, ""));
    assert_fails(UNAUTHORIZED, identify(&setting, "a.b.c"));
    assert_fails(UNAUTHORIZED, identify(&setting, "e30.e30.e30"));
    unload(&setting);
}

static void test_expired_tokens(void **state)
{
    const struct unit_dir *dir = *state;
    struct setting setting;
    struct key_set set = {0};
    AUTO_BUF token = BUF_INIT;
    AUTO_BUF payload = BUF_INIT;

    put_keys(dir);
    assert_returns(0, load(&setting, dir, BOTH));
    assert_returns(0, keys_add(&set, dir->path, keys_ed25519_private));
    buf_addf(&payload, "{\"iss\":\"berth\",\"aud\":\"registry\",\"exp\":%jd}",
             (intmax_t)time(NULL) - 61);
    keys_sign(set.v[0], "{\"alg\":\"EdDSA\"}", payload.s, &token);
    assert_fails(UNAUTHORIZED, identify(&setting, token.s));
    assert_string_equal("the token has expired", failure.msg);
    key_set_free(&set);
    unload(&setting);
}

/* What a foreign token server grants by name is a name, not a glob, and it has no robots here. */
static void test_what_a_foreign_token_is_worth(void **state)
{
    const struct unit_dir *dir = *state;
    struct setting setting;
    struct name app = unit_name("team/app"), secret = unit_name("secret");

    put_keys(dir);
    assert_returns(0, load(&setting, dir, BOTH));
    assert_returns(
        0, identify_forged(&setting, dir, keys_p256_private, ISSUER,
                           "\"aud\":\"registry\",\"robot\":\"ci\",\"sub\":7,\"access\":["
                           "{\"type\":\"repository\",\"name\":\"team/app\",\"actions\":[\"pull\"]},"
                           "{\"type\":\"repository\",\"name\":\"**\",\"actions\":[\"*\"]},"
                           "{\"type\":\"repository\",\"name\":\"secre?\",\"actions\":[\"*\"]},"
                           "{\"type\":\"registry\",\"name\":\"catalog\",\"actions\":[]}]"));
    assert_string_equal("", setting.who.user);
    assert_null(setting.who.robot);
    assert_false(setting.who.catalog);
    assert_int_equal(ACTION_PULL, identity_actions(&setting.who, &app));
    assert_int_equal(0, identity_actions(&setting.who, &secret));
    unload(&setting);
}

static void test_rotation_logs_nobody_out(void **state)
{
    const struct unit_dir *dir = *state;
    struct setting before, after;
    struct scopes none = {0};
    AUTO_BUF old = BUF_INIT;
    AUTO_BUF new = BUF_INIT;
    int64_t expires_in;

    put_keys(dir);
    assert_returns(0, load(&before, dir, BOTH));
    assert_returns(0, token_issue(before.tokens, "alice", &none, &old, &expires_in, &failure));
    unit_put(dir->path, "keys/2.pem", keys_p256_private);
    assert_returns(0, load(&after, dir, BOTH));
    assert_returns(0, token_issue(after.tokens, "alice", &none, &new, &expires_in, &failure));
    assert_returns(0, identify(&after, old.s));
    assert_returns(0, identify(&after, new.s));
    assert_fails(UNAUTHORIZED, identify(&before, new.s)); /* the last key in order signs */
    unload(&after);
    unit_delete(dir->path, "keys/1.pem");
    assert_returns(0, load(&after, dir, BOTH));
    assert_fails(UNAUTHORIZED, identify(&after, old.s));
    assert_returns(0, identify(&after, new.s));
    unload(&after);
    unload(&before);
}

static void test_only_issuers(void **state)
{
    const struct unit_dir *dir = *state;
    struct setting setting;
    struct scopes none = {0};
    struct robot robot = {"ci", "alice", "repository:a:pull", 0, 4000000000};
    AUTO_BUF token = BUF_INIT;
    int64_t expires_in;

    put_keys(dir);
    /* Another berth may be the token server. */
    assert_returns(0, load(&setting, dir, "issuer \"berth\" { keys = \"@/issuer.pem\" }\n"));
    assert_false(token_can_issue(setting.tokens));
    assert_fails(CONFIG, token_issue(setting.tokens, "x", &none, &token, &expires_in, &failure));
    assert_fails(CONFIG, token_issue_robot(setting.tokens, &robot, &token, &failure));
    assert_returns(0, identify_forged(&setting, dir, keys_p256_private, "berth",
                                      "\"aud\":\"registry\",\"sub\":\"x\""));
    assert_fails(UNAUTHORIZED, identify_forged(&setting, dir, keys_ed25519_private, "berth",
                                               "\"aud\":\"registry\",\"sub\":\"x\""));
    unload(&setting);
}

static void test_what_cannot_be_loaded(void **state)
{
    static const struct {
        const char *text, *message;
    } table[] = {
        {"token_keys = \"@/nowhere\"\n", "berth token init"},
        {"token_keys = \"@/empty\"\n", "no key in it: run `berth token init`"},
        {"token_keys = \"@/bad\"\n", "1.pem: must hold a private"},
        {"issuer \"x\" { keys = \"@/nowhere\" }\n", "nowhere: No such file"},
        {"issuer \"x\" { keys = \"@/empty/x\" }\n", "x: no Ed25519"},
        {"\nissuer \"x\" { audience = \"y\" }\n", "berth.conf:3: issuer \"x\": keys is missing"},
        {"token_keys = \"@/keys\"\nissuer \"berth\" { keys = \"@/issuer.pem\" }\n",
         "berth.conf:3: issuer \"berth\" is berth itself"},
    };
    const struct unit_dir *dir = *state;

    put_keys(dir);
    unit_put(dir->path, "empty/x", "");
    unit_put(dir->path, "bad/1.pem", keys_p256_public);
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct setting setting;
        assert_int_equal(-1, load(&setting, dir, table[i].text));
        assert_int_equal(ERR_CONFIG, failure.code);
        if (!strstr(failure.msg, table[i].message))
            fail_msg("%s: %s", table[i].text, failure.msg);
        unload(&setting);
    }
}

/* A `root` of somebody else's is not the one here: neither by name, where a prefix is set, nor in
 * what was begun. */
static void test_15_the_issuer_belongs_to_the_identity(void **state)
{
    const struct unit_dir *dir = *state;
    const struct scopes none = {0};
    struct setting setting;
    AUTO_BUF token = BUF_INIT;
    int64_t expires_in;

    put_keys(dir);
    assert_returns(0, load(&setting, dir,
                           "token_keys = \"@/keys\"\n"
                           "issuer \"one\" { keys = \"@/issuer.pem\" }\n"
                           "issuer \"two\" { keys = \"@/issuer.pem\" prefix = \"two:\" }\n"));
    assert_returns(0, token_issue(setting.tokens, "root", &none, &token, &expires_in, &failure));
    assert_returns(0, identify(&setting, token.s));
    assert_string_equal("root", setting.who.user);
    assert_string_equal("root", identity_owner(&setting.who));
    const char *claims = "\"aud\":\"registry\",\"sub\":\"root\"";
    assert_returns(0, identify_forged(&setting, dir, keys_p256_private, "one", claims));
    assert_string_equal("root", setting.who.user);
    assert_string_equal("root\none", identity_owner(&setting.who));
    assert_returns(0, identify_forged(&setting, dir, keys_p256_private, "two", claims));
    assert_string_equal("two:root", setting.who.user);
    assert_string_equal("two:root\ntwo", identity_owner(&setting.who));
    claims = "\"aud\":\"registry\",\"sub\":\"\""; /* nobody stays nobody */
    assert_returns(0, identify_forged(&setting, dir, keys_p256_private, "two", claims));
    assert_string_equal("", setting.who.user);
    unload(&setting);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_what_is_issued_is_identified),
        DIR_TEST(test_a_token_of_nobody),
        DIR_TEST(test_the_claims_of_a_token),
        DIR_TEST(test_whose_tokens_are_taken),
        DIR_TEST(test_expired_tokens),
        DIR_TEST(test_what_a_foreign_token_is_worth),
        DIR_TEST(test_rotation_logs_nobody_out),
        DIR_TEST(test_only_issuers),
        DIR_TEST(test_15_the_issuer_belongs_to_the_identity),
        DIR_TEST(test_what_cannot_be_loaded),
    };

    return RUN(tests);
}
