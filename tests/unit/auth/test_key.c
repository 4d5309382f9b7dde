/* SPDX-License-Identifier: Apache-2.0
 * auth/key.c: signing and verifying. */
#include "unit/unit.h"

#include "auth/key_set.h"
#include "unit/auth/keys.h"

static void test_each_kind_signs_and_verifies(void **state)
{
    static const struct {
        const char *private_pem, *public_pem;
        size_t len;
    } table[] = {
        {keys_ed25519_private, keys_ed25519_public, 64},
        {keys_p256_private, keys_p256_certificate, 64},
        {keys_rsa_private, keys_rsa_public, 256},
    };
    const struct unit_dir *dir = *state;

    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct key_set set = {0};
        AUTO_BUF signature = BUF_INIT;
        assert_returns(0, keys_add(&set, dir->path, table[i].private_pem));
        assert_returns(0, keys_add(&set, dir->path, table[i].public_pem));
        assert_returns(0, key_sign(set.v[0], "text", 4, &signature, &failure));
        assert_int_equal(table[i].len, signature.len);
        assert_true(key_verify(set.v[1], "text", 4, signature.s, signature.len));
        assert_false(key_verify(set.v[1], "texT", 4, signature.s, signature.len));
        assert_false(key_verify(set.v[1], "text", 3, signature.s, signature.len));
        assert_false(key_verify(set.v[1], "text", 4, signature.s, signature.len - 1));
        assert_false(key_verify(set.v[1], "text", 4, signature.s, 0));
        for (size_t k = 0; k < signature.len; k += 31) {
            signature.s[k] ^= 1;
            assert_false(key_verify(set.v[1], "text", 4, signature.s, signature.len));
            signature.s[k] ^= 1;
        }
        assert_fails(INTERNAL, key_sign(set.v[1], "text", 4, &signature, &failure));
        key_set_free(&set);
    }
}

static void test_es256_takes_neither_der_nor_zero(void **state)
{
    const struct unit_dir *dir = *state;
    struct key_set set = {0};
    unsigned char zero[72] = {0}, ones[64];

    memset(ones, 0xff, sizeof ones);
    assert_returns(0, keys_add(&set, dir->path, keys_p256_public));
    for (size_t len = 0; len <= sizeof zero; len++)
        assert_false(key_verify(set.v[0], "text", 4, zero, len));
    assert_false(key_verify(set.v[0], "text", 4, ones, sizeof ones));
    key_set_free(&set);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIR_TEST(test_each_kind_signs_and_verifies),
        DIR_TEST(test_es256_takes_neither_der_nor_zero),
    };

    return RUN(tests);
}
