/* SPDX-License-Identifier: Apache-2.0
 * auth/key_jwks.c: keys from JSON Web Key Sets. */
#include "unit/unit.h"

#include "auth/key_set.h"
#include "unit/auth/keys.h"

#include <stdio.h>

/* A JWKS of one key, by its members; %N %W %L %X %Y %D stand for the numbers of keys.h. */
static void make_jwks(const char *members, struct buf *text)
{
    buf_clear(text);
    buf_addstr(text, "{\"keys\":[{");
    for (const char *c = members; *c; c++) {
        if (*c != '%')
            buf_addc(text, *c == '\'' ? '"' : *c);
        else
            buf_addstr(text, *++c == 'N' ? keys_rsa_n
                             : *c == 'W' ? keys_rsa_1024_n
                             : *c == 'L' ? keys_rsa_8200_n
                             : *c == 'X' ? keys_p256_x
                             : *c == 'Y' ? keys_p256_y
                                         : keys_ed25519_x);
    }
    buf_addstr(text, "}]}");
}

static void test_each_kind_is_the_key_that_signed(void **state)
{
    static const struct {
        const char *members, *algorithm, *private_pem;
    } table[] = {
        {"'kty':'OKP','crv':'Ed25519','x':'%D','kid':'k'", "EdDSA", keys_ed25519_private},
        {"'kty':'EC','crv':'P-256','x':'%X','y':'%Y','kid':'k'", "ES256", keys_p256_private},
        {"'kty':'RSA','n':'%N','e':'AQAB','kid':'k'", "RS256", keys_rsa_private},
    };
    const struct unit_dir *dir = *state;

    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct key_set set = {0};
        AUTO_BUF text = BUF_INIT;
        AUTO_BUF signature = BUF_INIT;
        make_jwks(table[i].members, &text);
        assert_returns(0, keys_add(&set, dir->path, text.s));
        assert_returns(0, keys_add(&set, dir->path, table[i].private_pem));
        assert_string_equal(table[i].algorithm, key_algorithm(set.v[0]));
        assert_string_equal("k", key_id(set.v[0]));
        assert_returns(0, key_sign(set.v[1], "text", 4, &signature, &failure));
        assert_true(key_verify(set.v[0], "text", 4, signature.s, signature.len));
        assert_false(key_verify(set.v[0], "test", 4, signature.s, signature.len));
        assert_fails(INTERNAL, key_sign(set.v[0], "text", 4, &signature, &failure));
        key_set_free(&set);
    }
}

#define ED "'kty':'OKP','crv':'Ed25519','x':'%D'"
#define EC "'kty':'EC','crv':'P-256','x':'%X','y':'%Y'"
#define RSA "'kty':'RSA','n':'%N','e':'AQAB'"

static void assert_taken(bool expected, const struct unit_dir *dir, const char *members)
{
    struct key_set set = {0};
    AUTO_BUF text = BUF_INIT;

    make_jwks(members, &text);
    bool taken = keys_add(&set, dir->path, text.s) == 0;
    if (taken != expected)
        fail_msg("%s", text.s);
    assert_int_equal(taken, set.n);
    if (!taken)
        assert_non_null(strstr(failure.msg, "key-file: no Ed25519, P-256 or RSA key"));
    key_set_free(&set);
}

static void test_which_are_taken(void **state)
{
    static const struct {
        const char *members;
        bool taken;
    } table[] = {
        {ED, true},
        {ED ",'use':'sig','alg':'EdDSA'", true},
        {ED ",'use':'enc'", false},
        {ED ",'use':7", false},
        {ED ",'alg':'ES256'", false},
        {ED ",'key_ops':['verify']", true},
        {ED ",'key_ops':['sign','verify']", true},
        {ED ",'key_ops':['encrypt']", false},
        {ED ",'key_ops':[]", false},
        {ED ",'kid':7", true}, /* no kid */
        {ED ",'d':'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'", true},
        {EC ",'use':'sig','alg':'ES256'", true},
        {EC ",'alg':'ES384'", false},
        {EC ",'alg':'ECDH-ES'", false},
        {RSA ",'use':'sig','alg':'RS256','x5c':['MIIB']", true},
        {RSA ",'use':'enc','alg':'RSA-OAEP'", false},
        {RSA ",'alg':'RS512'", false},
        {RSA ",'alg':'HS256'", false},
        {"'kty':'RSA','n':'%W','e':'AQAB'", false}, /* 1024 bits */
        {"'kty':'RSA','n':'%L','e':'AQAB'", false}, /* 8200, more than 8192 */
        {"'kty':'RSA','n':'%N','e':'AQ'", false},   /* an exponent of 1: everything verifies */
        {"'kty':'RSA','n':'%N','e':'Ag'", false},
        {"'kty':'RSA','n':'%N','e':''", false},
        {"'kty':'RSA','n':'%N'", false},
        {"'kty':'RSA','e':'AQAB'", false},
        {"'kty':'RSA','n':'%N=','e':'AQAB'", false}, /* base64url without padding */
        {"'kty':'RSA','n':['%N'],'e':'AQAB'", false},
        {"'kty':'EC','crv':'P-256','x':'%Y','y':'%X'", false}, /* not on the curve */
        {"'kty':'EC','crv':'P-256','x':'%X'", false},
        {"'kty':'EC','crv':'P-256','x':'AA','y':'AA'", false},
        {"'kty':'EC','crv':'P-256','x':'AA','y':'%Y'", false},
        {"'kty':'EC','crv':'P-256','x':'%X','y':'AA'", false},
        {"'kty':'EC','crv':'P-384','x':'%X','y':'%Y'", false},
        {"'kty':'EC','crv':'secp256k1','x':'%X','y':'%Y'", false},
        {"'kty':'EC','x':'%X','y':'%Y'", false},
        {"'kty':'OKP','crv':'X25519','x':'%D'", false},
        {"'kty':'OKP','crv':'Ed25519','x':'AAAA'", false},
        {"'kty':'OKP','crv':'Ed25519'", false},
        {"'crv':'Ed25519','x':'%D'", false},
        {"'kty':'oct','k':'c2VjcmV0'", false},
        {"", false},
    };

    for (size_t i = 0; i < LENGTH_OF(table); i++)
        assert_taken(table[i].taken, *state, table[i].members);
}

static void test_an_immense_modulus_is_refused_at_once(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set set = {0};
    AUTO_BUF text = BUF_INIT;
    long started = unit_cpu_ms();

    buf_addstr(&text, "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"");
    for (int i = 0; i < 100000; i++)
        buf_addstr(&text, "____");
    buf_addstr(&text, "\"}]}");
    assert_fails(CONFIG, keys_add(&set, dir->path, text.s));
    assert_true(unit_cpu_ms() - started < 5000);
}

static void test_a_set_of_several(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set set = {0};
    AUTO_BUF text = BUF_INIT;

    buf_addf(&text,
             "\n {\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"},7,null,"
             "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"kid\":\"a\"},"
             "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\",\"kid\":\"b\",\"use\":\"enc\"},"
             "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\",\"kid\":\"c\",\"use\":\"sig\"}],"
             "\"more\":1}\n",
             keys_ed25519_x, keys_rsa_n, keys_rsa_n);
    assert_returns(0, keys_add(&set, dir->path, text.s));
    assert_int_equal(2, set.n);
    assert_string_equal("a", key_id(set.v[0]));
    assert_string_equal("c", key_id(set.v[1]));
    key_set_free(&set);
}

static void test_broken_sets_are_refused_by_name(void **state)
{
    static const char *const texts[] = {
        "{",
        "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[]} x",
        "{\"keys\":[[[[[[[[[[]]]]]]]]]]}",
    };
    static const char *const empty[] = {"{}", "{\"keys\":{}}", "{\"keys\":[]}"};
    const struct unit_dir *dir = *state;
    struct key_set set = {0};

    for (size_t i = 0; i < LENGTH_OF(texts); i++) {
        assert_fails(CONFIG, keys_add(&set, dir->path, texts[i]));
        if (!strstr(failure.msg, "key-file: not JSON") && !strstr(failure.msg, "key-file: a key"))
            fail_msg("%s: %s", texts[i], failure.msg);
    }
    for (size_t i = 0; i < LENGTH_OF(empty); i++)
        assert_fails(CONFIG, keys_add(&set, dir->path, empty[i]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_each_kind_is_the_key_that_signed),      DIR_TEST(test_which_are_taken),
        DIR_TEST(test_an_immense_modulus_is_refused_at_once), DIR_TEST(test_a_set_of_several),
        DIR_TEST(test_broken_sets_are_refused_by_name),
    };

    return RUN(tests);
}
