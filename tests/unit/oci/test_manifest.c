/* SPDX-License-Identifier: Apache-2.0
 * oci/manifest.c: what is a manifest, and what it says. */
#include "unit/unit.h"

#include "oci/manifest.h"

#include <stdio.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DESCRIPTOR_A "{\"digest\":\"sha256:" HEX_A "\",\"size\":1,\"mediaType\":\"type/a\"}"
#define DESCRIPTOR_B "{\"digest\":\"sha256:" HEX_B "\",\"size\":22,\"mediaType\":\"type/b\"}"
#define V2 "\"schemaVersion\":2"
#define TYPE(type) ",\"mediaType\":\"" type "\""
#define CONFIG ",\"config\":" DESCRIPTOR_A
#define LAYERS ",\"layers\":[" DESCRIPTOR_B "]"
#define IMAGE V2 CONFIG LAYERS
#define INDEX V2 ",\"manifests\":[" DESCRIPTOR_A "]"

static int parse(struct manifest *manifest, const char *text)
{
    return manifest_parse(manifest, text, strlen(text), &failure);
}

static void test_image(void **state)
{
    AUTO_MANIFEST manifest = {0};

    (void)state;
    assert_returns(0, parse(&manifest, "{" IMAGE TYPE(MEDIA_TYPE_DOCKER_MANIFEST) "}"));
    assert_false(manifest.is_index);
    assert_string_equal(MEDIA_TYPE_DOCKER_MANIFEST, manifest.media_type);
    assert_int_equal(2, manifest.n_references);
    const struct descriptor *config = &manifest.references[0], *layer = &manifest.references[1];
    assert_int_equal(DESCRIPTOR_CONFIG, config->role);
    assert_string_equal("sha256:" HEX_A, config->digest.s);
    assert_int_equal(1, config->size);
    assert_string_equal("type/a", config->media_type);
    assert_int_equal(DESCRIPTOR_LAYER, layer->role);
    assert_string_equal("sha256:" HEX_B, layer->digest.s);
    assert_int_equal(22, layer->size);
    assert_false(layer->has_urls);
    assert_string_equal("type/b", json_text(json_get(layer->json, "mediaType")));
    assert_false(manifest.has_subject);
}

static void test_index(void **state)
{
    AUTO_MANIFEST manifest = {0};

    (void)state;
    assert_returns(0, parse(&manifest, "{" V2 ",\"manifests\":[" DESCRIPTOR_A "," DESCRIPTOR_B
                                       "],\"subject\":" DESCRIPTOR_B "}"));
    assert_true(manifest.is_index);
    assert_string_equal(MEDIA_TYPE_OCI_INDEX, manifest.media_type);
    assert_int_equal(2, manifest.n_references);
    assert_int_equal(DESCRIPTOR_CHILD, manifest.references[0].role);
    assert_int_equal(DESCRIPTOR_CHILD, manifest.references[1].role);
    assert_string_equal("sha256:" HEX_B, manifest.references[1].digest.s);
    assert_true(manifest.has_subject);
    assert_string_equal("sha256:" HEX_B, manifest.subject.s);
}

/* What the media type is, and whether it is an index. */
static void test_kinds(void **state)
{
    static const struct {
        const char *text;
        const char *media_type;
        bool is_index;
    } table[] = {
        {"{" V2 "}", MEDIA_TYPE_OCI_MANIFEST, false},
        {"{" IMAGE "}", MEDIA_TYPE_OCI_MANIFEST, false},
        {"{" V2 CONFIG "}", MEDIA_TYPE_OCI_MANIFEST, false},
        {"{" V2 ",\"layers\":[]}", MEDIA_TYPE_OCI_MANIFEST, false},
        {"{" INDEX "}", MEDIA_TYPE_OCI_INDEX, true},
        {"{" V2 ",\"manifests\":[]}", MEDIA_TYPE_OCI_INDEX, true},
        {"{" INDEX TYPE(MEDIA_TYPE_OCI_INDEX) "}", MEDIA_TYPE_OCI_INDEX, true},
        {"{" INDEX TYPE(MEDIA_TYPE_DOCKER_LIST) "}", MEDIA_TYPE_DOCKER_LIST, true},
        {"{" V2 TYPE(MEDIA_TYPE_OCI_INDEX) "}", MEDIA_TYPE_OCI_INDEX, true},
        {"{" IMAGE TYPE(MEDIA_TYPE_OCI_MANIFEST) "}", MEDIA_TYPE_OCI_MANIFEST, false},
        {"{" IMAGE TYPE("application/vnd.example+json") "}", "application/vnd.example+json", false},
        {"{" INDEX TYPE("application/vnd.example+json") "}", "application/vnd.example+json", true},
        {"{" IMAGE ",\"manifests\":null}", MEDIA_TYPE_OCI_MANIFEST, false},
        {"{" IMAGE ",\"unknown\":{\"deep\":[1]}}", MEDIA_TYPE_OCI_MANIFEST, false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_MANIFEST manifest = {0};
        assert_returns(0, parse(&manifest, table[i].text));
        assert_string_equal(table[i].media_type, manifest.media_type);
        assert_int_equal(table[i].is_index, manifest.is_index);
    }
}

static void test_what_is_no_manifest(void **state)
{
    static const char *const texts[] = {
        "",
        "x",
        "[]",
        "\"text\"",
        "{}",
        "{\"schemaVersion\":1}",
        "{\"schemaVersion\":3}",
        "{\"schemaVersion\":\"2\"}",
        "{\"schemaVersion\":2.0}",
        "{\"schemaVersion\":2,\"schemaVersion\":2}",
        /* two things at once (CVE-2021-41190) */
        "{" IMAGE ",\"manifests\":[]}",
        "{" V2 ",\"layers\":[],\"manifests\":[]}",
        "{" V2 CONFIG ",\"manifests\":[]}",
        "{" IMAGE TYPE(MEDIA_TYPE_OCI_INDEX) "}",
        "{" V2 CONFIG TYPE(MEDIA_TYPE_DOCKER_LIST) "}",
        "{" V2 ",\"layers\":[]" TYPE(MEDIA_TYPE_OCI_INDEX) "}",
        "{" INDEX TYPE(MEDIA_TYPE_OCI_MANIFEST) "}",
        "{" INDEX TYPE(MEDIA_TYPE_DOCKER_MANIFEST) "}",
        /* members of the wrong kind */
        "{" IMAGE ",\"mediaType\":2}",
        "{" IMAGE ",\"mediaType\":\"\"}",
        "{" V2 CONFIG ",\"layers\":{}}",
        "{" V2 CONFIG ",\"layers\":\"x\"}",
        "{" V2 ",\"manifests\":{}}",
        "{" V2 ",\"config\":\"sha256:" HEX_A "\"}",
        "{" V2 ",\"config\":[]}",
        "{" V2 ",\"layers\":[null]}",
        "{" V2 ",\"layers\":[[" DESCRIPTOR_A "]]}",
        "{" IMAGE ",\"annotations\":[]}",
        "{" IMAGE ",\"annotations\":{\"a\":1}}",
        "{" IMAGE ",\"annotations\":{\"a\":null}}",
        "{" IMAGE ",\"annotations\":\"a\"}",
        "{" IMAGE ",\"artifactType\":1}",
        "{" IMAGE ",\"artifactType\":\"a\\u0000b\"}",
        "{" IMAGE ",\"subject\":{}}",
        "{" IMAGE ",\"subject\":\"sha256:" HEX_A "\"}",
        "{" IMAGE ",\"subject\":{\"digest\":\"sha256:" HEX_A "\"}}",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++) {
        struct manifest manifest;
        memset(&manifest, 0xff, sizeof manifest);
        assert_fails(MANIFEST_INVALID, parse(&manifest, texts[i]));
        assert_null(manifest.json); /* nothing is left to free */
        assert_null(manifest.references);
    }
}

static void test_descriptors_that_are_none(void **state)
{
    static const char *const descriptors[] = {
        "{}",
        "{\"size\":1}",
        "{\"digest\":\"sha256:" HEX_A "\"}",
        "{\"digest\":1,\"size\":1}",
        "{\"digest\":\"sha256:abc\",\"size\":1}",
        "{\"digest\":\"sha256:../../x\",\"size\":1}",
        "{\"digest\":\"md5:" HEX_A "\",\"size\":1}",
        "{\"digest\":\"sha256:" HEX_A "\\u0000\",\"size\":1}",
        "{\"digest\":\"sha256:" HEX_A "\",\"size\":-1}",
        "{\"digest\":\"sha256:" HEX_A "\",\"size\":\"1\"}",
        "{\"digest\":\"sha256:" HEX_A "\",\"size\":1.5}",
        "{\"digest\":\"sha256:" HEX_A "\",\"size\":9223372036854775808}",
        "{\"digest\":\"sha256:" HEX_A "\",\"size\":1,\"mediaType\":1}",
        "{\"digest\":\"sha256:" HEX_A "\",\"size\":1,\"mediaType\":\"a\\u0000\"}",
    };
    static const char *const places[] = {
        "{" V2 ",\"config\":%s}",
        "{" V2 ",\"layers\":[" DESCRIPTOR_A ",%s]}",
        "{" V2 ",\"manifests\":[%s]}",
        "{" IMAGE ",\"subject\":%s}",
    };
    char text[1000];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(descriptors); i++) {
        for (size_t k = 0; k < LENGTH_OF(places); k++) {
            struct manifest manifest;
            const char *percent = strchr(places[k], '%');
            snprintf(text, sizeof text, "%.*s%s%s", (int)(percent - places[k]), places[k],
                     descriptors[i], percent + 2);
            assert_fails(MANIFEST_INVALID, parse(&manifest, text));
        }
    }
}

static void test_media_types(void **state)
{
    static const char *const good[] = {"a/b", "application/vnd.oci.image.manifest.v1+json",
                                       "A1/!#$&-^_.+"};
    static const char *const bad[] = {"a",          "/",    "a/",       "/b",       "a/b/c",
                                      "a b/c",      "a/b;", "a/b; c=d", "a/b\\n",   "a/\\r\\nX: y",
                                      "\xc3\xa9/b", "a/b*", "*/*",      "a/\\u0000"};
    char text[1000], long_type[300];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(good); i++) {
        AUTO_MANIFEST manifest = {0};
        snprintf(text, sizeof text, "{" IMAGE ",\"mediaType\":\"%s\"}", good[i]);
        assert_returns(0, parse(&manifest, text));
        assert_string_equal(good[i], manifest.media_type);
    }
    for (size_t i = 0; i < LENGTH_OF(bad); i++) {
        struct manifest manifest;
        snprintf(text, sizeof text, "{" IMAGE ",\"mediaType\":\"%s\"}", bad[i]);
        assert_fails(MANIFEST_INVALID, parse(&manifest, text));
    }
    memset(long_type, 'a', sizeof long_type);
    long_type[100] = '/';
    for (size_t len = 255; len <= 256; len++) { /* it goes into a header field */
        AUTO_MANIFEST manifest = {0};
        snprintf(text, sizeof text, "{" IMAGE ",\"mediaType\":\"%.*s\"}", (int)len, long_type);
        assert_int_equal(len == 255 ? 0 : -1, parse(&manifest, text));
    }
}

static void test_urls(void **state)
{
    AUTO_MANIFEST manifest = {0};
    const char *text = "{" V2 ",\"layers\":["
                       "{\"digest\":\"sha256:" HEX_A "\",\"size\":1,\"urls\":[\"http://x/\"]},"
                       "{\"digest\":\"sha256:" HEX_B "\",\"size\":1,\"urls\":[]},"
                       "{\"digest\":\"sha256:" HEX_B "\",\"size\":1,\"urls\":\"x\"}]}";

    (void)state;
    assert_returns(0, parse(&manifest, text));
    assert_true(manifest.references[0].has_urls);
    assert_false(manifest.references[1].has_urls);
    assert_false(manifest.references[2].has_urls);
    assert_null(manifest.references[0].media_type);
}

static void test_depth(void **state)
{
    char text[4 * MANIFEST_DEPTH_MAX + 100];

    (void)state;
    for (size_t n = MANIFEST_DEPTH_MAX - 2; n <= MANIFEST_DEPTH_MAX; n++) {
        AUTO_MANIFEST manifest = {0};
        int len = snprintf(text, sizeof text, "{" V2 ",\"x\":");
        memset(text + len, '[', n);
        memset(text + len + n, ']', n);
        memcpy(text + len + 2 * n, "}", 2);
        /* One level is the object itself. */
        assert_int_equal(n < MANIFEST_DEPTH_MAX ? 0 : -1, parse(&manifest, text));
    }
}

static void test_content_type_must_agree(void **state)
{
    static const struct {
        const char *text;
        const char *content_type;
        bool agrees;
    } table[] = {
        {"{" IMAGE TYPE(MEDIA_TYPE_OCI_MANIFEST) "}", MEDIA_TYPE_OCI_MANIFEST, true},
        {"{" IMAGE TYPE(MEDIA_TYPE_OCI_MANIFEST) "}", NULL, true},
        {"{" IMAGE TYPE(MEDIA_TYPE_OCI_MANIFEST) "}", "", true},
        {"{" IMAGE TYPE(MEDIA_TYPE_OCI_MANIFEST) "}", MEDIA_TYPE_DOCKER_MANIFEST, false},
        {"{" IMAGE TYPE(MEDIA_TYPE_OCI_MANIFEST) "}", "application/json", false},
        {"{" IMAGE "}", MEDIA_TYPE_OCI_MANIFEST, true},
        {"{" IMAGE "}", "application/json", true},
        {"{" IMAGE "}", NULL, true},
        {"{" IMAGE "}", MEDIA_TYPE_OCI_INDEX, false},
        {"{" IMAGE "}", MEDIA_TYPE_DOCKER_LIST, false},
        {"{" IMAGE "}", MEDIA_TYPE_DOCKER_MANIFEST, false},
        {"{" INDEX "}", MEDIA_TYPE_OCI_INDEX, true},
        {"{" INDEX "}", MEDIA_TYPE_OCI_MANIFEST, false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_MANIFEST manifest = {0};
        assert_returns(0, parse(&manifest, table[i].text));
        if (table[i].agrees)
            assert_returns(0, manifest_check_type(&manifest, table[i].content_type, &failure));
        else
            assert_fails(MANIFEST_INVALID,
                         manifest_check_type(&manifest, table[i].content_type, &failure));
    }
}

/* The rules of "Listing Referrers". */
static void test_describe(void **state)
{
    static const struct {
        const char *text;
        const char *rest; /* behind the size */
    } table[] = {
        {"{" IMAGE "}", ",\"artifactType\":\"type/a\"}"},
        {"{" IMAGE ",\"artifactType\":\"x/y\"}", ",\"artifactType\":\"x/y\"}"},
        {"{" IMAGE ",\"artifactType\":\"\"}", ",\"artifactType\":\"type/a\"}"},
        {"{" V2 ",\"layers\":[" DESCRIPTOR_A "]}", "}"},
        {"{" V2 "}", "}"},
        {"{" IMAGE ",\"artifactType\":\"x\",\"annotations\":{\"a\":\"\\\"b\\\"\",\"c/d\":\"\"}}",
         ",\"artifactType\":\"x\",\"annotations\":{\"a\":\"\\\"b\\\"\",\"c/d\":\"\"}}"},
        {"{" V2 ",\"annotations\":{}}", ",\"annotations\":{}}"},
    };
    struct digest digest = unit_digest_of("any");

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_MANIFEST manifest = {0};
        AUTO_BUF out = BUF_INIT;
        AUTO_BUF expected = BUF_INIT;
        assert_returns(0, parse(&manifest, table[i].text));
        manifest_describe(&manifest, &digest, 77, &out);
        buf_addf(&expected, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":77%s",
                 MEDIA_TYPE_OCI_MANIFEST, digest.s, table[i].rest);
        assert_string_equal(expected.s, out.s);
    }
}

static void test_describe_index_has_no_config_to_name_its_type(void **state)
{
    AUTO_MANIFEST manifest = {0};
    AUTO_BUF out = BUF_INIT;
    struct digest digest = unit_digest_of("any");

    (void)state;
    assert_returns(0, parse(&manifest, "{" INDEX "}"));
    manifest_describe(&manifest, &digest, 0, &out);
    assert_null(strstr(out.s, "artifactType"));
    assert_non_null(strstr(out.s, "{\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX "\""));
}

/* Issue 10, item 2: what docker pushed to registry:2 once can be read, not pushed. */
static void test_2_schema_1(void **state)
{
    static const char text[] =
        "{\"schemaVersion\":1,\"name\":\"a\",\"tag\":\"b\",\"architecture\":\"amd64\",\"fsLayers\":"
        "["
        "{\"blobSum\":\"sha256:" HEX_A "\"},{\"blobSum\":\"sha256:" HEX_B "\"},"
        "{\"blobSum\":\"sha256:" HEX_A "\"}],\"history\":[{\"v1Compatibility\":\"{}\"}],"
        "\"signatures\":[{\"header\":{}}]}";
    AUTO_MANIFEST manifest = {0};

    (void)state;
    assert_fails(MANIFEST_INVALID, parse(&manifest, text));
    assert_returns(0, manifest_parse_stored(&manifest, text, strlen(text), &failure));
    assert_true(manifest.is_obsolete);
    assert_false(manifest.is_index);
    assert_false(manifest.has_subject);
    assert_string_equal(MEDIA_TYPE_DOCKER_SCHEMA1, manifest.media_type);
    assert_int_equal(3, manifest.n_references);
    assert_string_equal("sha256:" HEX_A, manifest.references[0].digest.s);
    assert_string_equal("sha256:" HEX_B, manifest.references[1].digest.s);
    assert_int_equal(DESCRIPTOR_LAYER, manifest.references[1].role);
    assert_int_equal(-1, manifest.references[1].size);
    assert_null(manifest.references[1].media_type);
}

static void test_2_stored_manifests_are_no_worse(void **state)
{
    static const char *const broken[] = {
        "{\"schemaVersion\":1}",
        "{\"schemaVersion\":1,\"fsLayers\":{}}",
        "{\"schemaVersion\":1,\"fsLayers\":[{}]}",
        "{\"schemaVersion\":1,\"fsLayers\":[{\"blobSum\":\"sha256:short\"}]}",
        "{\"schemaVersion\":3,\"fsLayers\":[]}",
        "{" V2 ",\"layers\":1}",
    };
    AUTO_MANIFEST manifest = {0};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(broken); i++)
        assert_fails(MANIFEST_INVALID,
                     manifest_parse_stored(&manifest, broken[i], strlen(broken[i]), &failure));
    assert_returns(
        0, manifest_parse_stored(&manifest, "{" IMAGE "}", strlen("{" IMAGE "}"), &failure));
    assert_false(manifest.is_obsolete);
}

/* Issue 10, item 4: what is no image and no index may keep its content in `blobs`. */
static void test_4_blobs(void **state)
{
    static const struct {
        const char *type;
        size_t references;
    } table[] = {
        {TYPE(MEDIA_TYPE_OCI_ARTIFACT), 3},
        {TYPE("application/x"), 3},
        {TYPE(MEDIA_TYPE_OCI_MANIFEST), 2},
        {TYPE(MEDIA_TYPE_DOCKER_MANIFEST), 2},
        {"", 2},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_MANIFEST manifest = {0};
        AUTO_BUF text = BUF_INIT;
        buf_addf(&text, "{" IMAGE "%s,\"blobs\":[" DESCRIPTOR_B "]}", table[i].type);
        assert_returns(0, parse(&manifest, text.s));
        assert_int_equal(table[i].references, manifest.n_references);
        assert_int_equal(DESCRIPTOR_LAYER, manifest.references[manifest.n_references - 1].role);
    }
    AUTO_MANIFEST manifest = {0};
    assert_fails(MANIFEST_INVALID,
                 parse(&manifest, "{" V2 TYPE(MEDIA_TYPE_OCI_ARTIFACT) ",\"blobs\":{}}"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_what_is_no_manifest),
        cmocka_unit_test(test_descriptors_that_are_none),
        cmocka_unit_test(test_media_types),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_content_type_must_agree),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_describe_index_has_no_config_to_name_its_type),
        cmocka_unit_test(test_2_schema_1),
        cmocka_unit_test(test_2_stored_manifests_are_no_worse),
        cmocka_unit_test(test_4_blobs),
    };

    return RUN(tests);
}
