/* SPDX-License-Identifier: Apache-2.0
 * oci/attached.c */
#include "oci/attached.h"

#include "unit/unit.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define REST "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static struct digest digest_with(enum digest_algorithm algorithm, const char *hex)
{
    struct digest digest;

    assert_returns(0, digest_from_hex(&digest, algorithm, hex, &failure));
    return digest;
}

static void test_tags_of_a_manifest(void **state)
{
    static const char *const tags[] = {"sha256-" HEX, "sha256-" HEX ".sig", "sha256-" HEX ".att",
                                       "sha256-" HEX ".sbom"};
    const struct digest digest = digest_with(DIGEST_SHA256, HEX),
                        other = digest_with(DIGEST_SHA256, REST);
    struct attached attached;
    struct tag tag;

    (void)state;
    assert_int_equal(ATTACHED_KINDS, LENGTH_OF(tags));
    for (int i = 0; i < ATTACHED_KINDS; i++) {
        assert_true(attached_tag(&tag, &digest, (enum attached_kind)i));
        assert_string_equal(tags[i], tag.s);
        assert_true(attached_parse(&attached, tag.s));
        assert_int_equal(i, attached.kind);
        assert_true(attached_is_of(&attached, &digest));
        assert_false(attached_is_of(&attached, &other));
    }
}

/* Of a sha512 there is only the specification's tag, which ends after 64 digits. */
static void test_sha512(void **state)
{
    const struct digest digest = digest_with(DIGEST_SHA512, HEX REST),
                        same_start = digest_with(DIGEST_SHA512, HEX HEX),
                        shorter = digest_with(DIGEST_SHA256, HEX);
    struct attached attached;
    struct tag tag;

    (void)state;
    assert_true(attached_tag(&tag, &digest, ATTACHED_REFERRERS));
    assert_string_equal("sha512-" HEX, tag.s);
    assert_true(attached_parse(&attached, tag.s));
    assert_true(attached_is_of(&attached, &digest) && attached_is_of(&attached, &same_start));
    assert_false(attached_is_of(&attached, &shorter));
    assert_false(attached_tag(&tag, &digest, ATTACHED_SIGNATURE));
    assert_false(attached_parse(&attached, "sha512-" HEX ".sig"));
}

static void test_other_tags(void **state)
{
    static const char *const others[] = {
        "",
        "latest",
        "sha256-",
        "sha256-0123.sig",
        "sha256:" HEX,
        "sha256_" HEX,
        "sha384-" HEX,
        "sha256-" HEX "0",
        "sha256-" HEX "-sig",
        "sha256-" HEX ".",
        "sha256-" HEX ".sig2",
        "sha256-" HEX ".sig.old",
        "sha256-" HEX ".foo",
        "SHA256-" HEX,
        "xsha256-" HEX,
        "sha256-0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
    };
    struct attached attached;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(others); i++)
        assert_false(attached_parse(&attached, others[i]));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags_of_a_manifest),
        cmocka_unit_test(test_sha512),
        cmocka_unit_test(test_other_tags),
    };

    return RUN(tests);
}
