/* SPDX-License-Identifier: Apache-2.0
 * oci/saved.c. */
#include "unit/unit.h"

#include "oci/saved.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static int parse_images(struct saved_images *images, const char *text)
{
    return saved_images_parse(images, text, strlen(text), &failure);
}

static int parse_index(struct saved_index *index, const char *text)
{
    return saved_index_parse(index, text, strlen(text), &failure);
}

static void test_images(void **state)
{
    AUTO_SAVED_IMAGES images = {0};
    (void)state;

    assert_returns(0,
                   parse_images(&images, "[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"b:2\"],"
                                         "\"Layers\":[\"x/layer.tar\",\"y\"]},"
                                         "{\"Config\":\"d\",\"RepoTags\":null,\"Layers\":null,"
                                         "\"LayerSources\":{}},{\"Config\":\"e\"}]"));
    assert_int_equal(3, images.n);
    assert_string_equal("c.json", images.v[0].config);
    assert_int_equal(2, images.v[0].names.n);
    assert_string_equal("b:2", images.v[0].names.v[1]);
    assert_int_equal(2, images.v[0].layers.n);
    assert_string_equal("x/layer.tar", images.v[0].layers.v[0]);
    assert_false(images.v[0].has_sources);
    assert_int_equal(0, images.v[1].names.n + images.v[1].layers.n);
    assert_true(images.v[1].has_sources);
}

static void test_bad_images(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[1]",
        "[{}]",
        "[{\"Config\":1}]",
        "[{\"Config\":\"a\",\"Layers\":{}}]",
        "[{\"Config\":\"a\",\"Layers\":[null]}]",
        "[{\"Config\":\"a\",\"RepoTags\":\"a:1\"}]",
        "[{\"Config\":\"a\\u0007\"}]",
        "[{\"Config\":\"a\",\"Config\":\"b\"}]",
    };
    struct saved_images images;
    (void)state;

    for (size_t i = 0; i < LENGTH_OF(texts); i++) {
        assert_fails(ARCHIVE_INVALID, parse_images(&images, texts[i]));
        assert_non_null(strstr(failure.msg, "manifest.json: "));
    }
}

static void test_list_or_manifest(void **state)
{
    (void)state;
    assert_true(saved_images_are_there(" \n[", 3));
    assert_false(saved_images_are_there("{\"a\":[]}", 8));
    assert_false(saved_images_are_there("", 0));
    assert_false(saved_images_are_there(" ", 1));
    assert_false(saved_images_are_there("\0[", 2));
}

static void test_index(void **state)
{
    AUTO_SAVED_INDEX index = {0};
    (void)state;

    assert_returns(0,
                   parse_index(&index, "{\"schemaVersion\":2,\"manifests\":["
                                       "{\"digest\":\"sha256:" HEX "\",\"size\":5,\"annotations\":"
                                       "{\"org.opencontainers.image.ref.name\":\"1.0\","
                                       "\"io.containerd.image.name\":\"docker.io/library/a:1.0\"}},"
                                       "{\"digest\":\"sha256:" HEX "\",\"size\":0,\"annotations\":"
                                       "{\"org.opencontainers.image.ref.name\":\"\"}}]}"));
    assert_int_equal(2, index.n);
    assert_string_equal("sha256:" HEX, index.v[0].digest.s);
    assert_int_equal(5, index.v[0].size);
    assert_string_equal("1.0", index.v[0].ref);
    assert_string_equal("docker.io/library/a:1.0", index.v[0].name);
    assert_null(index.v[1].ref);
    assert_null(index.v[1].name);
}

static void test_bad_index(void **state)
{
    static const char *const texts[] = {
        "[]",
        "{}",
        "{\"manifests\":{}}",
        "{\"manifests\":[{}]}",
        "{\"manifests\":[{\"digest\":\"sha256:" HEX "\"}]}",
        "{\"manifests\":[{\"digest\":\"sha256:" HEX "\",\"size\":-1}]}",
        "{\"manifests\":[{\"digest\":\"sha256:../../x\",\"size\":1}]}",
    };
    struct saved_index index;
    (void)state;

    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_fails(ARCHIVE_INVALID, parse_index(&index, texts[i]));
}

static int parse_diff_ids(struct strings *diff_ids, const char *text)
{
    strings_free(diff_ids);
    return saved_diff_ids_parse(diff_ids, text, strlen(text), &failure);
}

static void test_diff_ids(void **state)
{
    AUTO_STRINGS diff_ids = {0};
    (void)state;

    assert_returns(0,
                   parse_diff_ids(&diff_ids, "{\"rootfs\":{\"diff_ids\":[\"sha256:" HEX "\"]}}"));
    assert_int_equal(1, diff_ids.n);
    assert_string_equal("sha256:" HEX, diff_ids.v[0]);
    assert_returns(0, parse_diff_ids(&diff_ids, "{}"));
    assert_int_equal(0, diff_ids.n);
    assert_fails(ARCHIVE_INVALID, parse_diff_ids(&diff_ids, "[]"));
    assert_fails(ARCHIVE_INVALID, parse_diff_ids(&diff_ids, "{\"rootfs\":{\"diff_ids\":[\"x\"]}}"));
    assert_fails(ARCHIVE_INVALID, parse_diff_ids(&diff_ids, "{\"rootfs\":{\"diff_ids\":1}}"));
}

static void test_paths(void **state)
{
    static const struct {
        const char *path, *link_at, *expected; /* NULL: refused */
    } cases[] = {
        {"a/b", NULL, "a/b"},
        {"./a//b/./c/", NULL, "a/b/c"},
        {".", NULL, ""},
        {"/a", NULL, NULL},
        {"..", NULL, NULL},
        {"a/..", NULL, NULL},
        {"a/../b", NULL, NULL},
        {"...", NULL, "..."},
        {"a\tb", NULL, NULL},
        {"a\x7f", NULL, NULL},
        {"../x/layer.tar", "id/layer.tar", "x/layer.tar"},
        {"c", "a/b", "a/c"},
        {"..", "a/b", ""},
        {"../..", "a/b", NULL},
        {"../../etc/passwd", "a/b", NULL},
        {"/etc/passwd", "a/b", NULL},
        {"../a/../b", "x/y", "b"},
    };
    (void)state;

    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        AUTO_BUF out = BUF_INIT;
        assert_int_equal(cases[i].expected != NULL,
                         saved_path(&out, cases[i].path, cases[i].link_at));
        if (cases[i].expected)
            assert_string_equal(cases[i].expected, out.s);
    }
    AUTO_BUF long_path = BUF_INIT, out = BUF_INIT;
    while (long_path.len < 1030)
        buf_addstr(&long_path, "abcdefghi/");
    assert_false(saved_path(&out, long_path.s, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_bad_images),
        cmocka_unit_test(test_list_or_manifest),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_bad_index),
        cmocka_unit_test(test_diff_ids),
        cmocka_unit_test(test_paths),
    };

    return RUN(tests);
}
