/* SPDX-License-Identifier: Apache-2.0
 * auth/jwt.c: signed tokens, and the ways to forge them. */
#include "unit/unit.h"

#include "auth/jwt.h"
#include "auth/key_set.h"
#include "base/base64.h"
#include "unit/auth/keys.h"

#include <stdio.h>

#define NOW 1700000000

/* keys: v[0] Ed25519, v[1] P-256, v[2] RSA, all private. */
static struct key_set three_keys(const struct unit_dir *dir)
{
    struct key_set set = {0};

    assert_returns(0, keys_add(&set, dir->path, keys_ed25519_private));
    assert_returns(0, keys_add(&set, dir->path, keys_p256_private));
    assert_returns(0, keys_add(&set, dir->path, keys_rsa_private));
    return set;
}

static bool accepts(const struct key_set *keys, const char *token)
{
    struct json *claims = NULL;

    unit_before_call();
    claims = jwt_verify(keys, token, NOW, &failure);
    unit_after_call(claims ? 0 : -1, claims ? 0 : -1, "jwt_verify", __FILE__, __LINE__);
    if (!claims)
        assert_int_equal(ERR_UNAUTHORIZED, failure.code);
    json_free(claims);
    return claims != NULL;
}

static bool accepts_of(const struct key_set *keys, const struct key *signer, const char *header,
                       const char *payload)
{
    AUTO_BUF token = BUF_INIT;

    keys_sign(signer, header, payload, &token);
    return accepts(keys, token.s);
}

#define GOOD "{\"exp\":1700000300}"

static void test_vectors_of_the_rfcs(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set set = {0};
    AUTO_BUF signature = BUF_INIT;
    AUTO_BUF text = BUF_INIT;

    /* RFC 8037, A.4: the payload is no JSON, and Ed25519 has but one signature. */
    assert_returns(0, keys_add(&set, dir->path, keys_rfc8037_jwks));
    assert_returns(0, keys_add(&set, dir->path, keys_rfc8037_private));
    const char *dot = strrchr(keys_rfc8037_jws, '.');
    size_t len = (size_t)(dot - keys_rfc8037_jws);
    assert_true(base64_decode_url(&signature, dot + 1, strlen(dot + 1)));
    assert_true(key_verify(set.v[0], keys_rfc8037_jws, len, signature.s, signature.len));
    buf_clear(&signature);
    assert_returns(0, key_sign(set.v[1], keys_rfc8037_jws, len, &signature, &failure));
    base64_encode_url(&text, signature.s, signature.len);
    assert_string_equal(dot + 1, text.s);
    assert_null(jwt_verify(&set, keys_rfc8037_jws, NOW, &failure));
    assert_non_null(strstr(failure.msg, "claims"));
    key_set_free(&set);

    /* RFC 7515, A.2 and A.3. */
    for (int i = 0; i < 2; i++) {
        const char *token = i ? keys_rfc7515_es256 : keys_rfc7515_rs256;
        assert_returns(
            0, keys_add(&set, dir->path, i ? keys_rfc7515_es256_jwks : keys_rfc7515_rs256_jwks));
        struct json *claims = jwt_verify(&set, token, 1300819000, &failure);
        assert_non_null(claims);
        assert_string_equal("joe", json_text(json_get(claims, "iss")));
        json_free(claims);
        assert_null(jwt_verify(&set, token, NOW, &failure));
        assert_string_equal("the token has expired", failure.msg);
        key_set_free(&set);
    }
}

static void test_what_is_signed_is_verified(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set keys = three_keys(dir);
    AUTO_BUF claims = BUF_INIT;

    buf_addstr(&claims, "{\"sub\":\"alice\",\"exp\":1700000300}");
    for (size_t i = 0; i < keys.n; i++) {
        AUTO_BUF token = BUF_INIT;
        assert_returns(0, jwt_sign(keys.v[i], &claims, &token, &failure));
        struct json *read = jwt_verify(&keys, token.s, NOW, &failure);
        assert_non_null(read);
        assert_string_equal("alice", json_text(json_get(read, "sub")));
        json_free(read);
        struct key_set others = {.v = keys.v + !i, .n = 1};
        assert_false(accepts(&others, token.s));
    }
    struct key_set none = {0};
    assert_false(accepts_of(&none, keys.v[0], "{\"alg\":\"EdDSA\"}", GOOD));
    key_set_free(&keys);
}

static void test_the_header_of_a_token(void **state)
{
    const struct unit_dir *dir = *state;
    AUTO_BUF claims = BUF_INIT;
    AUTO_BUF token = BUF_INIT;
    AUTO_BUF header = BUF_INIT;
    struct key_set keys = {0};

    unit_put(dir->path, "keys/a\"b.pem", keys_ed25519_private);
    char path[128];
    snprintf(path, sizeof path, "%s/keys", dir->path);
    assert_returns(0, key_set_add_dir(&keys, path, &failure));
    buf_addstr(&claims, GOOD);
    buf_addstr(&token, "before ");
    assert_returns(0, jwt_sign(keys.v[0], &claims, &token, &failure));
    assert_memory_equal("before ey", token.s, 9);
    assert_true(base64_decode_url(&header, token.s + 7, strcspn(token.s + 7, ".")));
    assert_string_equal("{\"typ\":\"JWT\",\"alg\":\"EdDSA\",\"kid\":\"a\\\"b\"}", header.s);
    key_set_free(&keys);
    assert_returns(0, keys_add(&keys, dir->path, keys_ed25519_public));
    assert_fails(INTERNAL, jwt_sign(keys.v[0], &claims, &token, &failure));
    key_set_free(&keys);
}

/* Properly signed by the Ed25519 key, whatever the header says. */
static void test_headers_that_forgers_write(void **state)
{
    static const struct {
        const char *header;
        bool accepted;
    } table[] = {
        {"{\"alg\":\"EdDSA\"}", true},
        {"{\"typ\":\"JWT\",\"alg\":\"EdDSA\"}", true},
        {"{\"alg\":\"none\"}", false},
        {"{\"alg\":\"None\"}", false},
        {"{\"alg\":\"\"}", false},
        {"{\"alg\":\"eddsa\"}", false},
        {"{\"alg\":\"HS256\"}", false},
        {"{\"alg\":\"RS256\"}", false},
        {"{\"alg\":\"ES256\"}", false},
        {"{\"alg\":[\"EdDSA\"]}", false},
        {"{\"alg\":\"EdDSA\\u0000\"}", false},
        {"{}", false},
        {"{\"alg\":null}", false},
        {"[\"EdDSA\"]", false},
        {"\"EdDSA\"", false},
        {"{\"alg\":\"EdDSA\",\"alg\":\"none\"}", false},
        {"{\"alg\":\"none\",\"alg\":\"EdDSA\"}", false},
        {"{\"alg\":\"EdDSA\"} ", true},
        {"{\"alg\":\"EdDSA\"}x", false},
        {"{\"alg\":\"EdDSA\",\"crit\":[\"b64\"],\"b64\":false}", false},
        {"{\"alg\":\"EdDSA\",\"crit\":[\"exp\"],\"exp\":1700000300}", false},
        {"{\"alg\":\"EdDSA\",\"crit\":[]}", false},
        /* Of no effect: kid is a hint, and keys are not fetched. */
        {"{\"alg\":\"EdDSA\",\"kid\":\"unknown\"}", true},
        {"{\"alg\":\"EdDSA\",\"kid\":\"../../../../dev/null\"}", true},
        {"{\"alg\":\"EdDSA\",\"kid\":7}", true},
        {"{\"alg\":\"EdDSA\",\"jku\":\"https://attacker.example/jwks.json\"}", true},
        {"{\"alg\":\"EdDSA\",\"x5u\":\"https://attacker.example/crt\"}", true},
    };
    struct key_set keys = three_keys(*state);

    for (size_t i = 0; i < LENGTH_OF(table); i++)
        if (accepts_of(&keys, keys.v[0], table[i].header, GOOD) != table[i].accepted)
            fail_msg("%s: %s", table[i].header, failure.msg);
    key_set_free(&keys);
}

static void test_forged_signatures(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set keys = three_keys(dir), mine = {0};
    AUTO_BUF header = BUF_INIT;
    AUTO_BUF token = BUF_INIT;

    /* HS256, with what everybody knows as the secret. */
    struct key_set public = {0};
    assert_returns(0, keys_add(&public, dir->path, keys_ed25519_public));
    assert_false(accepts(&public, keys_hs256_by_pem));
    assert_false(accepts(&public, keys_hs256_by_bytes));
    key_set_free(&public);
    assert_false(accepts(&keys, keys_hs256_by_pem));

    /* Another's key, that the token brings along or names. */
    assert_returns(0, keys_add(&mine, dir->path, keys_rfc8037_private));
    buf_addf(&header,
             "{\"alg\":\"EdDSA\",\"jwk\":{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
             "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},\"kid\":\"%s/key-file\"}",
             dir->path);
    assert_true(accepts_of(&mine, mine.v[0], header.s, GOOD));
    assert_false(accepts_of(&keys, mine.v[0], header.s, GOOD));

    /* alg none, without a signature. */
    base64_encode_url(&token, "{\"alg\":\"none\"}", 14);
    buf_addc(&token, '.');
    base64_encode_url(&token, GOOD, strlen(GOOD));
    assert_false(accepts(&keys, token.s));
    buf_addc(&token, '.');
    assert_false(accepts(&keys, token.s));
    buf_addc(&token, '.');
    assert_false(accepts(&keys, token.s));
    key_set_free(&mine);
    key_set_free(&keys);
}

/* The keys that the hint names come first, and the others are tried all the same. */
static void test_kid_is_a_hint(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set keys = {0}, signer = {0};
    AUTO_BUF jwks = BUF_INIT;

    buf_addf(&jwks,
             "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a\",\"x\":"
             "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
             "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"b\",\"x\":\"%s\"}]}",
             keys_ed25519_x);
    assert_returns(0, keys_add(&keys, dir->path, jwks.s));
    assert_returns(0, keys_add(&signer, dir->path, keys_ed25519_private));
    assert_true(accepts_of(&keys, signer.v[0], "{\"alg\":\"EdDSA\",\"kid\":\"b\"}", GOOD));
    assert_true(accepts_of(&keys, signer.v[0], "{\"alg\":\"EdDSA\",\"kid\":\"a\"}", GOOD));
    assert_true(accepts_of(&keys, signer.v[0], "{\"alg\":\"EdDSA\",\"kid\":\"c\"}", GOOD));
    assert_true(accepts_of(&keys, signer.v[0], "{\"alg\":\"EdDSA\",\"kid\":\"\"}", GOOD));
    assert_true(accepts_of(&keys, signer.v[0], "{\"alg\":\"EdDSA\"}", GOOD));
    key_set_free(&signer);
    key_set_free(&keys);
}

static void test_every_changed_character_is_noticed(void **state)
{
    struct key_set keys = three_keys(*state);

    for (size_t k = 0; k < 2; k++) { /* of RSA there are too many */
        AUTO_BUF token = BUF_INIT;
        AUTO_BUF claims = BUF_INIT;
        buf_addstr(&claims, GOOD);
        assert_returns(0, jwt_sign(keys.v[k], &claims, &token, &failure));
        assert_true(accepts(&keys, token.s));
        for (size_t i = 0; i < token.len; i++) {
            char before = token.s[i];
            /* The last character of a part has bits that mean nothing: those too. */
            for (const char *c = "ABCDEFGHabcdefghwxyz0123_-.+/= \n"; *c; c++) {
                token.s[i] = *c;
                if (*c != before && accepts(&keys, token.s))
                    fail_msg("character %zu as '%c': %s", i, *c, token.s);
            }
            token.s[i] = before;
        }
    }
    key_set_free(&keys);
}

static void test_texts_that_are_no_tokens(void **state)
{
    static const char *const around[][2] = {{" ", ""}, {"", " "}, {".", ""},    {"", "."},
                                            {"", "="}, {"", "A"}, {"", ".a.b"}, {"", "...."}};
    static const char *const texts[] = {"",         ".",        "..",        "...",
                                        ".....",    "a.b.c",    "a.b.c.d.e", "{}.{}.{}",
                                        "e30.e30.", ".e30.e30", "e30..e30"};
    struct key_set keys = three_keys(*state);
    AUTO_BUF token = BUF_INIT;

    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_false(accepts(&keys, texts[i]));
    keys_sign(keys.v[0], "{\"alg\":\"EdDSA\"}", GOOD, &token);
    for (size_t i = 0; i < LENGTH_OF(around); i++) {
        AUTO_BUF text = BUF_INIT;
        buf_addf(&text, "%s%s%s", around[i][0], token.s, around[i][1]);
        if (accepts(&keys, text.s))
            fail_msg("%s", text.s);
    }
    key_set_free(&keys);
}

static void test_huge_tokens(void **state)
{
    static const int lengths[] = {8000, 12000, 12240, 1000000};
    struct key_set keys = three_keys(*state);

    for (size_t i = 0; i < LENGTH_OF(lengths); i++) {
        AUTO_BUF payload = BUF_INIT;
        AUTO_BUF token = BUF_INIT;
        buf_addf(&payload, "{\"exp\":1700000300,\"x\":\"%0*d\"}", lengths[i], 0);
        keys_sign(keys.v[0], "{\"alg\":\"EdDSA\"}", payload.s, &token);
        assert_int_equal(token.len <= 16384, accepts(&keys, token.s));
        struct json *peeked = jwt_peek(token.s);
        assert_int_equal(lengths[i] < 1000000, peeked != NULL);
        json_free(peeked);
    }
    key_set_free(&keys);
}

static void test_claims(void **state)
{
    static const struct {
        const char *payload, *message; /* NULL: accepted */
    } table[] = {
        {"{\"exp\":1700000001}", NULL},
        {"{\"exp\":1699999941}", NULL}, /* clocks differ by a minute */
        {"{\"exp\":1699999940}", "has expired"},
        {"{\"exp\":0}", "has expired"},
        {"{\"exp\":9223372036854775806}", NULL},
        {"{\"exp\":9223372036854775807}", "does not expire"},
        {"{\"exp\":-1}", "does not expire"},
        {"{\"exp\":\"1700000300\"}", "does not expire"},
        {"{\"exp\":1700000300.5}", "does not expire"},
        {"{\"exp\":null}", "does not expire"},
        {"{}", "does not expire"},
        {"{\"Exp\":1700000300}", "does not expire"},
        {"{\"exp\":1700000300,\"nbf\":1700000000}", NULL},
        {"{\"exp\":1700000300,\"nbf\":1700000060}", NULL},
        {"{\"exp\":1700000300,\"nbf\":1700000061}", "not valid yet"},
        {"{\"exp\":1700000300,\"nbf\":9223372036854775806}", "not valid yet"},
        {"{\"exp\":1700000300,\"nbf\":\"0\"}", "not valid yet"},
        {"{\"exp\":1700000300,\"nbf\":-1}", "not valid yet"},
        {"{\"exp\":1700000300,\"exp\":1700000300}", "no JSON object"},
        {"[1700000300]", "no JSON object"},
        {"exp", "no JSON object"},
        {"{\"exp\":1700000300", "no JSON object"},
        {"", "no JSON object"},
    };
    struct key_set keys = three_keys(*state);

    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        bool accepted = accepts_of(&keys, keys.v[0], "{\"alg\":\"EdDSA\"}", table[i].payload);
        if (accepted != !table[i].message || (!accepted && !strstr(failure.msg, table[i].message)))
            fail_msg("%s: %s", table[i].payload, failure.msg);
    }
    key_set_free(&keys);
}

static void test_peeking_verifies_nothing(void **state)
{
    (void)state;
    struct json *claims = jwt_peek("e30.eyJpc3MiOiJ4In0.");
    assert_string_equal("x", json_text(json_get(claims, "iss")));
    json_free(claims);
    assert_null(jwt_peek(""));
    assert_null(jwt_peek("eyJpc3MiOiJ4In0"));
    assert_null(jwt_peek("e30.eyJpc3MiOiJ4In0"));
    assert_null(jwt_peek("e30.eyJpc3MiOiJ4In0.e30.e30"));
    assert_null(jwt_peek("e30.W10.x"));            /* [] */
    assert_null(jwt_peek("e30.eyJpc3MiOiJ4In1.")); /* a bit behind the end */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_vectors_of_the_rfcs),
        DIR_TEST(test_what_is_signed_is_verified),
        DIR_TEST(test_the_header_of_a_token),
        DIR_TEST(test_headers_that_forgers_write),
        DIR_TEST(test_forged_signatures),
        DIR_TEST(test_kid_is_a_hint),
        DIR_TEST(test_every_changed_character_is_noticed),
        DIR_TEST(test_texts_that_are_no_tokens),
        DIR_TEST(test_huge_tokens),
        DIR_TEST(test_claims),
        cmocka_unit_test(test_peeking_verifies_nothing),
    };

    return RUN(tests);
}
