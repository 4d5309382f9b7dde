/* SPDX-License-Identifier: Apache-2.0
 * oci/digest.c: the grammar. */
#include "unit/unit.h"

#include "oci/digest.h"

#include <stdio.h>
#include <stdlib.h>

#define HEX256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HEX512                                                                                     \
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"                             \
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

static int parse(const char *s, size_t len, struct digest *digest)
{
    char *exact = malloc(len + !len);

    assert_non_null(exact);
    memcpy(exact, s, len);
    int result = digest_parse(digest, exact, len, &failure);
    free(exact);
    return result;
}

static void test_parse(void **state)
{
    struct digest digest, other;

    (void)state;
    assert_returns(0, parse("sha256:" HEX256, 71, &digest));
    assert_int_equal(DIGEST_SHA256, digest.algorithm);
    assert_string_equal("sha256:" HEX256, digest.s);
    assert_string_equal(HEX256, digest_hex(&digest));
    assert_returns(0, parse("sha512:" HEX512, 135, &other));
    assert_int_equal(DIGEST_SHA512, other.algorithm);
    assert_string_equal("sha512:" HEX512, other.s);
    assert_string_equal(HEX512, digest_hex(&other));
    assert_false(digest_equal(&digest, &other));
    assert_true(digest_equal(&digest, &digest));
    assert_returns(0, digest_parse(&digest, "sha256:" HEX256 "/../x", 71, &failure));
    assert_string_equal("sha256:" HEX256, digest.s);
}

static void test_texts_that_are_no_digest(void **state)
{
    static const char *const texts[] = {
        "",
        ":",
        "sha256",
        "sha256:",
        "sha256:abc",
        "sha256:totallywrong",
        "sha256:../../x",
        HEX256,
        ":" HEX256,
        "sha256" HEX256,
        "sha256-" HEX256,
        "sha256::" HEX256,
        "sha256: " HEX256,
        " sha256:" HEX256,
        "sha256:" HEX256 " ",
        "sha256:" HEX256 "\n",
        "sha256:" HEX256 "0",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
        "sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha256:../816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "SHA256:" HEX256,
        "sha255:" HEX256,
        "md5sum:" HEX256,
        "sha512:" HEX256,
        "sha256:" HEX512,
        "sha512:" HEX512 "0",
        "sha384:" HEX256 "0000000000000000000000000000000000000000",
        "sha256+b64:" HEX256,
    };
    struct digest digest;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_fails(DIGEST_INVALID, parse(texts[i], strlen(texts[i]), &digest));
    assert_fails(DIGEST_INVALID, parse("sha256:" HEX256 "\0", 72, &digest));
    assert_fails(DIGEST_INVALID, parse("sha256\0:" HEX256, 72, &digest));
    assert_fails(DIGEST_INVALID, parse("sha512:" HEX256 "\0" HEX256, 136, &digest));
    for (size_t len = 0; len < 71; len++)
        assert_fails(DIGEST_INVALID, parse("sha256:" HEX256, len, &digest));
}

static void test_a_message_names_all_of_it(void **state)
{
    static const char text[] = "sha512=" HEX512;
    struct digest digest;

    (void)state;
    assert_fails(DIGEST_INVALID, parse(text, strlen(text), &digest));
    assert_non_null(strstr(failure.msg, text));
    assert_non_null(strstr(failure.msg, "sha512:<128 hex digits>"));
}

static void test_halves(void **state)
{
    enum digest_algorithm algorithm;
    struct digest digest;

    (void)state;
    assert_returns(0, digest_from_hex(&digest, DIGEST_SHA512, HEX512, &failure));
    assert_string_equal("sha512:" HEX512, digest.s);
    assert_int_equal(DIGEST_SHA512, digest.algorithm);
    assert_fails(DIGEST_INVALID, digest_from_hex(&digest, DIGEST_SHA512, HEX256, &failure));
    assert_fails(DIGEST_INVALID, digest_from_hex(&digest, DIGEST_SHA256, "", &failure));
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        const char *name = digest_algorithm_name((enum digest_algorithm)i);
        assert_returns(0, digest_algorithm_parse(&algorithm, name, &failure));
        assert_int_equal(i, algorithm);
    }
    assert_fails(DIGEST_INVALID, digest_algorithm_parse(&algorithm, "sha1", &failure));
    assert_fails(DIGEST_INVALID, digest_algorithm_parse(&algorithm, "", &failure));
    assert_fails(DIGEST_INVALID, digest_algorithm_parse(&algorithm, "SHA256", &failure));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_texts_that_are_no_digest),
        cmocka_unit_test(test_a_message_names_all_of_it),
        cmocka_unit_test(test_halves),
    };

    return RUN(tests);
}
