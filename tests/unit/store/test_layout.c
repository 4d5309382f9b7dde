/* SPDX-License-Identifier: Apache-2.0
 * store/layout.c: where everything lies, letter for letter as in CNCF Distribution's filesystem
 * driver. */
#include "unit/unit.h"

#include "base/uuid.h"
#include "store/layout.h"

#define HEX256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HEX512                                                                                     \
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"                             \
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
#define ID "01234567-89ab-cdef-0123-456789abcdef"
#define REPO "repositories/team/app"

static void test_paths(void **state)
{
    const struct name name = unit_name("team/app");
    const struct tag tag = unit_tag("v1.0");
    const struct digest a = unit_digest(DIGEST_SHA256, "abc"),
                        b = unit_digest(DIGEST_SHA512, "abc");
    struct layout_path p;

    (void)state;
    assert_string_equal("blobs/sha256/ba/" HEX256 "/data", layout_blob(&p, &a));
    assert_string_equal("blobs/sha512/dd/" HEX512 "/data", layout_blob(&p, &b));
    assert_string_equal("blobs/sha256/ba/" HEX256, layout_blob_dir(&p, &a));
    assert_string_equal(REPO "/_uploads", layout_uploads(&p, &name));
    assert_string_equal(REPO "/_referrers", layout_referrers_index(&p, &name));
    assert_string_equal("blobs/sha512", layout_blobs(&p, DIGEST_SHA512));
    assert_string_equal(REPO "/_layers", layout_layers(&p, &name));
    assert_string_equal(REPO "/_layers/sha512", layout_layers_of(&p, &name, DIGEST_SHA512));
    assert_string_equal(REPO "/_layers/sha256/" HEX256 "/link", layout_layer(&p, &name, &a));
    assert_string_equal(REPO "/_layers/sha512/" HEX512 "/link", layout_layer(&p, &name, &b));
    assert_string_equal(REPO "/_manifests", layout_manifests(&p, &name));
    assert_string_equal(REPO "/_manifests/revisions/sha512",
                        layout_revisions(&p, &name, DIGEST_SHA512));
    assert_string_equal(REPO "/_manifests/revisions/sha256/" HEX256 "/link",
                        layout_revision(&p, &name, &a));
    assert_string_equal(REPO "/_manifests/revisions/sha512/" HEX512 "/link",
                        layout_revision(&p, &name, &b));
    assert_string_equal(REPO "/_manifests/tags", layout_tags(&p, &name));
    assert_string_equal(REPO "/_manifests/tags/v1.0", layout_tag(&p, &name, &tag));
    assert_string_equal(REPO "/_manifests/tags/v1.0/current/link",
                        layout_tag_current(&p, &name, &tag));
    assert_string_equal("v1.0/current/link", layout_tag_current_in(&p, &tag));
    assert_string_equal(REPO "/_manifests/tags/v1.0/index/sha256/" HEX256 "/link",
                        layout_tag_index(&p, &name, &tag, &a));
    assert_string_equal(REPO "/_uploads/" ID, layout_upload(&p, &name, ID, NULL));
    assert_string_equal(REPO "/_uploads/" ID "/data", layout_upload(&p, &name, ID, "data"));
    assert_string_equal(REPO "/_referrers/sha256/" HEX256 "/sha512",
                        layout_referrers(&p, &name, &a, DIGEST_SHA512));
    assert_string_equal(REPO "/_referrers/sha512/" HEX512 "/sha256/" HEX256,
                        layout_referrer(&p, &name, &b, &a));
    assert_string_equal("_berth/pulled/team/app/_tags/v1.0", layout_pulled(&p, &name, &tag));
    assert_string_equal("_berth/pulled/team/app/_since", layout_pulled_of(&p, &name, "_since"));
    assert_string_equal("_berth/pulled/team/app", layout_pulled_of(&p, &name, NULL));
}

static void test_the_longest_names_fit(void **state)
{
    char text[256];
    struct name name;
    struct tag tag;
    struct layout_path p;
    const struct digest digest = unit_digest(DIGEST_SHA512, "abc");

    (void)state;
    memset(text, 'n', sizeof text);
    assert_returns(0, name_parse(&name, text, NAME_LEN_MAX, &failure));
    assert_returns(0, tag_parse(&tag, text, TAG_LEN_MAX, &failure));
    const char *index = layout_tag_index(&p, &name, &tag, &digest);
    assert_string_equal("/link", index + strlen(index) - 5);
    const char *referrer = layout_referrer(&p, &name, &digest, &digest);
    assert_string_equal(digest_hex(&digest), referrer + strlen(referrer) - 128);
}

static void test_temporary_names_differ(void **state)
{
    struct layout_path first, second;

    (void)state;
    layout_tmp(&first);
    layout_tmp(&second);
    assert_string_not_equal(first.s, second.s);
    assert_memory_equal("_berth/tmp/", first.s, 11);
    assert_true(uuid_valid(first.s + 11, strlen(first.s + 11)));
}

/* Which lock a repository takes is a part of the disk format: these never change. */
static void test_repository_locks(void **state)
{
    static const struct {
        const char *name;
        const char *path;
    } table[] = {
        {"a", "_berth/lock/repo/e4"},
        {"library/alpine", "_berth/lock/repo/a6"},
        {"team/app", "_berth/lock/repo/0d"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct layout_path p;
        struct name name = unit_name(table[i].name);
        assert_string_equal(table[i].path, layout_repo_lock(&p, &name));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_the_longest_names_fit),
        cmocka_unit_test(test_temporary_names_differ),
        cmocka_unit_test(test_repository_locks),
    };

    return RUN(tests);
}
