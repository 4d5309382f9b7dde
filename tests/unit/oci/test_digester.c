/* SPDX-License-Identifier: Apache-2.0
 * oci/digester.c: the hashes, and a hash carried from one process to the next. */
#include "config.h"

#include "unit/unit.h"

#include "oci/digester.h"

#include <stdio.h>
#include <stdlib.h>

#define HEX256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HEX512                                                                                     \
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"                             \
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

/* FIPS 180-4's examples. */
static void test_known_answers(void **state)
{
    struct digest digest;

    (void)state;
    digest = unit_digest(DIGEST_SHA256, "abc");
    assert_string_equal("sha256:" HEX256, digest.s);
    digest = unit_digest(DIGEST_SHA512, "abc");
    assert_string_equal("sha512:" HEX512, digest.s);
    digest = unit_digest(DIGEST_SHA256, "");
    assert_string_equal("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                        digest.s);
    digest = unit_digest(DIGEST_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
    assert_string_equal("sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
                        digest.s);
}

#define CONTENT_LEN 400

static void make_content(unsigned char content[CONTENT_LEN])
{
    for (int i = 0; i < CONTENT_LEN; i++)
        content[i] = (unsigned char)(i * 37 + i / 7);
}

static void test_pieces_of_any_size(void **state)
{
    unsigned char content[CONTENT_LEN];

    (void)state;
    make_content(content);
    for (int a = 0; a < DIGEST_ALGORITHMS; a++) {
        struct digest whole, pieces;
        digester_of(&whole, (enum digest_algorithm)a, content, CONTENT_LEN);
        for (size_t step = 1; step < 200; step++) {
            AUTO_DIGESTER digester;
            digester_init(&digester, (enum digest_algorithm)a);
            for (size_t off = 0; off < CONTENT_LEN; off += step)
                digester_update(&digester, content + off,
                                CONTENT_LEN - off < step ? CONTENT_LEN - off : step);
            digester_final(&digester, &pieces);
            assert_string_equal(whole.s, pieces.s);
        }
    }
}

/* Hashes the first `first` bytes, saves, restores in another digester, and hashes the rest. */
static bool carry_on(const unsigned char *content, size_t first, struct digest *digest)
{
    AUTO_BUF saved = BUF_INIT;
    AUTO_DIGESTER before, after;

    digester_init(&before, DIGEST_SHA256);
    digester_init(&after, DIGEST_SHA256);
    digester_update(&before, content, first);
    if (!digester_save(&before, &saved) || !digester_restore(&after, saved.s, (int64_t)first))
        return false;
    digester_update(&after, content + first, CONTENT_LEN - first);
    digester_final(&after, digest);
    return true;
}

#ifdef HAVE_SHA256_CTX
static void test_saved_state_at_every_offset(void **state)
{
    unsigned char content[CONTENT_LEN];
    struct digest whole, carried;

    (void)state;
    make_content(content);
    digester_of(&whole, DIGEST_SHA256, content, CONTENT_LEN);
    for (size_t first = 0; first <= CONTENT_LEN; first++) {
        assert_true(carry_on(content, first, &carried));
        assert_string_equal(whole.s, carried.s);
    }
}

/* The count of bits does not fit into one of SHA-256's words from 512 MiB on. The answers are
 * sha256sum's. */
static void test_saved_state_of_a_large_blob(void **state)
{
    static unsigned char zeroes[1 << 20];
    static const struct {
        int64_t size;
        const char *answer;
    } table[] = {
        {(INT64_C(1) << 29) - 1,
         "bf7f45d9df691bd277948d7f124b87a9f76e16ddb5d8fb25a49df939798f0a01"},
        {INT64_C(1) << 29, "9acca8e8c22201155389f65abbf6bc9723edc7384ead80503839f49dcc56d767"},
        {(INT64_C(1) << 29) + 77,
         "19095b118d22e183ccbd606d4b02a447ea6cc9a522821c421adb5b5e16a471ed"},
    };
    AUTO_DIGESTER whole;
    int64_t at = 0;

    (void)state;
    digester_init(&whole, DIGEST_SHA256);
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_BUF saved = BUF_INIT;
        AUTO_DIGESTER restored;
        struct digest digest;
        while (at < table[i].size) {
            size_t rest = (size_t)(table[i].size - at);
            size_t len = rest < sizeof zeroes ? rest : sizeof zeroes;
            digester_update(&whole, zeroes, len);
            at += (int64_t)len;
        }
        assert_true(digester_save(&whole, &saved));
        digester_init(&restored, DIGEST_SHA256);
        assert_true(digester_restore(&restored, saved.s, at));
        digester_final(&restored, &digest);
        assert_string_equal(table[i].answer, digest_hex(&digest));
    }
}

static void test_restore_refuses_what_is_no_state(void **state)
{
    AUTO_BUF saved = BUF_INIT;
    AUTO_DIGESTER digester;
    struct digest empty, digest;
    char text[300];

    (void)state;
    digester_init(&digester, DIGEST_SHA256);
    digester_update(&digester, "abc", 3);
    assert_true(digester_save(&digester, &saved));
    digester_free(&digester);
    digester_init(&digester, DIGEST_SHA256);
    assert_false(digester_restore(&digester, "", 3));
    assert_false(digester_restore(&digester, "", 0));
    assert_false(digester_restore(&digester, saved.s, 2));
    assert_false(digester_restore(&digester, saved.s, 4));
    assert_false(digester_restore(&digester, saved.s, 64));
    for (size_t i = 0; i < saved.len; i++) {
        memcpy(text, saved.s, saved.len + 1);
        text[i] = 'X';
        assert_false(digester_restore(&digester, text, 3));
    }
    snprintf(text, sizeof text, "%s0", saved.s);
    assert_false(digester_restore(&digester, text, 3));
    /* It is as it was made. */
    digester_final(&digester, &digest);
    empty = unit_digest_of("");
    assert_string_equal(empty.s, digest.s);
}
#else
static void test_no_state_is_saved_without_the_interface(void **state)
{
    unsigned char content[CONTENT_LEN];
    struct digest digest;

    (void)state;
    make_content(content);
    assert_false(carry_on(content, 64, &digest));
}
#endif

static void test_sha512_cannot_be_saved(void **state)
{
    AUTO_BUF saved = BUF_INIT;
    AUTO_DIGESTER digester;

    (void)state;
    digester_init(&digester, DIGEST_SHA512);
    assert_false(digester_save(&digester, &saved));
    assert_int_equal(0, saved.len);
    assert_false(digester_restore(&digester, "", 0));
}

static void test_free_twice(void **state)
{
    struct digester digester;

    (void)state;
    digester_init(&digester, DIGEST_SHA256);
    digester_free(&digester);
    assert_null(digester.state);
    digester_free(&digester);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_pieces_of_any_size),
#ifdef HAVE_SHA256_CTX
        cmocka_unit_test(test_saved_state_at_every_offset),
        cmocka_unit_test(test_saved_state_of_a_large_blob),
        cmocka_unit_test(test_restore_refuses_what_is_no_state),
#else
        cmocka_unit_test(test_no_state_is_saved_without_the_interface),
#endif
        cmocka_unit_test(test_sha512_cannot_be_saved),
        cmocka_unit_test(test_free_twice),
    };

    return RUN(tests);
}