/* SPDX-License-Identifier: Apache-2.0
 * oci/reference.c */
#include "unit/unit.h"

#include "oci/reference.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX

static void test_a_colon_makes_a_digest(void **state)
{
    struct reference reference;

    (void)state;
    assert_returns(0, reference_parse(&reference, "v1", 2, &failure));
    assert_false(reference.is_digest);
    assert_string_equal("v1", reference_text(&reference));
    assert_returns(0, reference_parse(&reference, DIGEST, strlen(DIGEST), &failure));
    assert_true(reference.is_digest);
    assert_string_equal(DIGEST, reference_text(&reference));
    assert_returns(0, reference_parse(&reference, HEX, strlen(HEX), &failure));
    assert_false(reference.is_digest); /* 64 hex digits are a tag like any other */
    assert_fails(DIGEST_INVALID, reference_parse(&reference, "a:b", 3, &failure));
    assert_fails(DIGEST_INVALID, reference_parse(&reference, ":", 1, &failure));
    assert_fails(DIGEST_INVALID, reference_parse(&reference, "sha256:../../x", 14, &failure));
    assert_fails(MANIFEST_INVALID, reference_parse(&reference, ".x", 2, &failure));
    assert_fails(MANIFEST_INVALID, reference_parse(&reference, "", 0, &failure));
}

static void test_full_references(void **state)
{
    static const struct {
        const char *text;
        const char *name;
        const char *reference;
        bool is_digest;
    } table[] = {
        {"alpine", "alpine", "latest", false},
        {"a/b", "a/b", "latest", false},
        {"a/b:v1", "a/b", "v1", false},
        {"a@" DIGEST, "a", DIGEST, true},
        {"a:v1", "a", "v1", false},              /* whatever the reference held before */
        {"a/b:v1@" DIGEST, "a/b", DIGEST, true}, /* the digest counts, as for docker */
    };
    struct name name;
    struct reference reference;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        assert_returns(0, reference_parse_full(&name, &reference, table[i].text, &failure));
        assert_string_equal(table[i].name, name.s);
        assert_string_equal(table[i].reference, reference_text(&reference));
        assert_int_equal(table[i].is_digest, reference.is_digest);
    }
}

static void test_full_references_that_are_none(void **state)
{
    struct name name;
    struct reference reference;

    (void)state;
    assert_fails(NAME_INVALID, reference_parse_full(&name, &reference, "", &failure));
    assert_fails(NAME_INVALID, reference_parse_full(&name, &reference, ":v1", &failure));
    assert_fails(NAME_INVALID, reference_parse_full(&name, &reference, "@" DIGEST, &failure));
    assert_fails(NAME_INVALID, reference_parse_full(&name, &reference, "A:v1", &failure));
    assert_fails(MANIFEST_INVALID, reference_parse_full(&name, &reference, "a:", &failure));
    assert_fails(MANIFEST_INVALID, reference_parse_full(&name, &reference, "a:b:c", &failure));
    assert_fails(DIGEST_INVALID, reference_parse_full(&name, &reference, "a@", &failure));
    assert_fails(DIGEST_INVALID, reference_parse_full(&name, &reference, "a@v1", &failure));
    assert_fails(DIGEST_INVALID, reference_parse_full(&name, &reference, "a@b@" DIGEST, &failure));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_colon_makes_a_digest),
        cmocka_unit_test(test_full_references),
        cmocka_unit_test(test_full_references_that_are_none),
    };

    return RUN(tests);
}
