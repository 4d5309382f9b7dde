/* SPDX-License-Identifier: Apache-2.0
 * oci/digest_key.c: what is packed comes back, in the order of the texts. */
#include "unit/unit.h"

#include "oci/digest_key.h"
#include "oci/digester.h"

static struct digest nth(int n)
{
    struct digest digest;

    digester_of(&digest, n % 2 ? DIGEST_SHA512 : DIGEST_SHA256, &n, sizeof n);
    return digest;
}

static void test_packed(void **state)
{
    (void)state;
    for (int n = 0; n < 100; n++) {
        struct digest digest = nth(n), back;
        struct digest_packed packed;
        digest_key_pack(&packed, &digest);
        digest_key_unpack(&packed, &back);
        assert_true(digest_equal(&digest, &back));
        assert_int_equal(digest.algorithm, back.algorithm);
    }
}

/* As their texts, within an algorithm. */
static void test_order(void **state)
{
    (void)state;
    for (int n = 0; n < 100; n++) {
        struct digest a = nth(n), b = nth(n + 2), other = nth(n + 1);
        struct digest_packed packed_a, packed_b, packed_other;
        digest_key_pack(&packed_a, &a);
        digest_key_pack(&packed_b, &b);
        digest_key_pack(&packed_other, &other);
        assert_int_equal(strcmp(a.s, b.s) < 0, digest_key_compare(&packed_a, &packed_b) < 0);
        assert_int_equal(0, digest_key_compare(&packed_a, &packed_a));
        assert_int_equal(a.algorithm < other.algorithm,
                         digest_key_compare(&packed_a, &packed_other) < 0);
    }
}

static void test_of_hex(void **state)
{
    struct digest digest = nth(0);
    struct digest_key key, of_hex;

    (void)state;
    digest_key_of(&key, &digest);
    assert_true(digest_key_of_hex(&of_hex, digest_hex(&digest)));
    assert_memory_equal(&key, &of_hex, sizeof key);
    assert_false(digest_key_of_hex(&of_hex, "0123456789abcdef0123456789abcde"));
    assert_false(digest_key_of_hex(&of_hex, "0123456789abcdef0123456789abcdeg"));
    assert_true(digest_key_of_hex(&of_hex, "00000000000000000000000000000000"));
    assert_int_equal(1, of_hex.b[15]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_of_hex),
    };

    return RUN(tests);
}
