/* SPDX-License-Identifier: Apache-2.0
 * oci/platform.c */
#include "unit/unit.h"

#include "oci/platform.h"

static const char *text_of(const struct platform *platform)
{
    static char text[PLATFORM_TEXT_SIZE];

    platform_text(text, platform);
    return text;
}

static void test_parse(void **state)
{
    static const char *const table[][2] = {
        {"linux/amd64", "linux/amd64"},
        {"linux/x86_64", "linux/amd64"},
        {"linux/arm/v6", "linux/arm/v6"},
        {"linux/aarch64", "linux/arm64"},
        {"linux/armhf", "linux/arm/v7"},
        {"linux/armhf/v6", "linux/arm/v6"},
        {"windows/amd64", "windows/amd64"},
        {"linux/some-new/x", "linux/some-new/x"},
        {"linux/i686", "linux/386"},
        {"windows/amd64:10.0.20348", "windows/amd64:10.0.20348"},
        {"windows/arm/v7:10.0.1.2", "windows/arm/v7:10.0.1.2"},
        {"linux/x86_64:a/b", "linux/amd64:a/b"},
    };
    static const char *const bad[] = {
        "",           "amd64",
        "/",          "linux/",
        "/amd64",     "linux//v7",
        "linux/arm/", "linux/arm/v7/",
        "linux:1/a",  ":1",
        "linux/a:",   "linux/a/:1",
        "a/b/c/d",    "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    struct platform platform;

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        assert_returns(0, platform_parse(&platform, table[i][0], &failure));
        assert_string_equal(table[i][1], text_of(&platform));
    }
    for (size_t i = 0; i < LENGTH_OF(bad); i++)
        assert_fails(USAGE, platform_parse(&platform, bad[i], &failure));
    platform_of_machine(&platform, "armv6l");
    assert_string_equal("linux/arm/v6", text_of(&platform));
    platform_of_machine(&platform, "riscv64");
    assert_string_equal("linux/riscv64", text_of(&platform));
}

static bool from_json(struct platform *platform, const char *text)
{
    struct json *json = json_parse(text, strlen(text), 8, &failure);
    bool known = platform_from_json(platform, json);

    json_free(json);
    return known;
}

static void test_from_json(void **state)
{
    struct platform platform;

    (void)state;
    assert_true(
        from_json(&platform, "{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}"));
    assert_string_equal("linux/arm/v7", text_of(&platform));
    assert_true(
        from_json(&platform, "{\"architecture\":\"amd64\",\"os\":\"linux\",\"variant\":\"\"}"));
    assert_string_equal("linux/amd64", text_of(&platform));
    assert_true(from_json(
        &platform, "{\"architecture\":\"amd64\",\"os\":\"windows\",\"os.version\":\"10.0.1\"}"));
    assert_string_equal("windows/amd64:10.0.1", text_of(&platform));
    assert_false(from_json(&platform, "{\"os\":\"unknown\",\"architecture\":\"unknown\"}"));
    assert_false(from_json(&platform, "{\"os\":\"linux\"}"));
    assert_false(from_json(&platform, "{\"os\":1,\"architecture\":\"amd64\"}"));
    assert_false(platform_from_json(&platform, NULL));
}

static int fits(const char *wanted, const char *there)
{
    struct platform left, right;

    assert_returns(0, platform_parse(&left, wanted, &failure));
    assert_returns(0, platform_parse(&right, there, &failure));
    return platform_fits(&left, &right);
}

static void test_fits(void **state)
{
    (void)state;
    assert_true(fits("linux/amd64", "linux/amd64") > 0);
    assert_true(fits("linux/arm64", "linux/arm64/v8") == fits("linux/arm64", "linux/arm64"));
    assert_true(fits("linux/arm", "linux/arm/v7") > fits("linux/arm", "linux/arm/v6"));
    assert_true(fits("linux/arm", "linux/arm/v6") > fits("linux/arm", "linux/arm/v5"));
    assert_true(fits("linux/arm", "linux/arm/v5") > 0);
    assert_true(fits("linux/amd64/v3", "linux/amd64") > 0);
    assert_true(fits("linux/amd64/v3", "linux/amd64/v3") >
                fits("linux/amd64/v3", "linux/amd64/v2"));
    assert_int_equal(0, fits("linux/amd64", "linux/amd64/v2"));
    assert_int_equal(0, fits("linux/arm/v6", "linux/arm/v7"));
    assert_int_equal(0, fits("linux/arm64", "linux/arm"));
    assert_int_equal(0, fits("linux/amd64", "windows/amd64"));
    assert_true(fits("windows/amd64", "windows/amd64:10.0.1.2") > 0);
    assert_true(fits("windows/amd64:10.0.1", "windows/amd64:10.0.1.2") > 0);
    assert_true(fits("windows/amd64:10.0.1", "windows/amd64:10.0.1") > 0);
    assert_int_equal(0, fits("windows/amd64:10.0.1", "windows/amd64:10.0.12"));
    assert_int_equal(0, fits("windows/amd64:10.0.1", "windows/amd64:10.0"));
    assert_int_equal(0, fits("windows/amd64:10.0.1", "windows/amd64"));
    assert_int_equal(0, fits("linux/mips64le", "linux/mips64le/softfloat"));
    assert_true(fits("linux/mips64le/softfloat", "linux/mips64le/softfloat") > 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_from_json),
        cmocka_unit_test(test_fits),
    };

    return RUN(tests);
}
