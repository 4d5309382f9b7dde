/* SPDX-License-Identifier: Apache-2.0
 * base/json.c: strictness, beyond what json-c calls strict, and reading. */
#include "unit/unit.h"

#include "base/json.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH 16

static struct json *parse(const char *text)
{
    return json_parse(text, strlen(text), DEPTH, &failure);
}

/* Wherever it is split, and one character at a time. */
static void assert_splits(const char *text, size_t len, enum err_code code)
{
    size_t step = len / 300 + 1;
    struct json_reading *slow = json_begin(DEPTH, JSON_BYTES_MAX, JSON_ALL);

    for (size_t at = 0; at <= len; at += step) {
        struct err split = {.code = ERR_NONE};
        struct json_reading *reading = json_begin(DEPTH, JSON_BYTES_MAX, JSON_ALL);
        json_feed(reading, text, at);
        json_feed(reading, text + at, len - at);
        struct json *json = json_end(reading, NULL, &split);
        if (split.code != code)
            fail_msg("split at %zu of %s: %s", at, text, split.msg);
        assert_int_equal(code == ERR_NONE, json != NULL);
        json_free(json);
    }
    for (size_t at = 0; at < len; at++)
        json_feed(slow, text + at, 1);
    struct json *json = json_end(slow, NULL, NULL);
    assert_int_equal(code == ERR_NONE, json != NULL);
    json_free(json);
}

static void assert_accepted(const char *text)
{
    struct json *json = parse(text);

    if (!json)
        fail_msg("%s was refused: %s", text, failure.msg);
    json_free(json);
    assert_splits(text, strlen(text), ERR_NONE);
}

static void assert_refused_bytes(const char *text, size_t len)
{
    /* Exactly as long, so that a sanitizer sees a reader that goes beyond the end. */
    char *exact = malloc(len + !len);
    assert_non_null(exact);
    memcpy(exact, text, len);
    failure.code = ERR_NONE;
    if (json_parse(exact, len, DEPTH, &failure))
        fail_msg("%s was accepted", text);
    free(exact);
    assert_int_equal(ERR_MANIFEST_INVALID, failure.code);
    assert_splits(text, len, ERR_MANIFEST_INVALID);
}

static void test_accepts(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " \t\r\n{ \"a\" : [ 1 , true , false , null ] } ",
        "{}\n",
        "{}\r\n\t  \n",
        "{\"a\":{\"a\":{\"a\":1}}}", /* the same key, but not in one object */
        "[{\"a\":1},{\"a\":2}]",
        "{\"\":1,\" \":2}",
        "{\"a:b\":\":::\"}",
        "{\"a\":\"\\\"b\\\":1\"}",
        "[\"\\\\\",\"a\"]",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"]",
        "[\"\x7f\"]",
        "[\"\xc3\xa9 \xe2\x82\xac \xed\x9f\xbf \xee\x80\x80 \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf\"]",
        "[\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80\"]", /* the bounds */
        "[\"/* no comment */ 'single' NaN\"]",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_accepted(texts[i]);
}

static void test_refuses_broken_structure(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "{]",
        "[1",
        "[1,",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "{,}",
        "[1 2]",
        "[\"a\" \"b\"]",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\"::1}",
        "{1:2}",
        "{a:1}",
        "{'a':1}",
        "['a']",
        "{\"a\":'b'}",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_refused_bytes(texts[i], strlen(texts[i]));
}

static void test_refuses_what_is_no_json(void **state)
{
    static const char *const texts[] = {
        "{}{}",
        "{} {}",
        "{}x",
        "{},",
        "{}\f",
        "// comment\n{}",
        "/* comment */{}",
        "{}// comment",
        "[1/**/]",
        "[#]",
        "null",
        "true ",
        "7 ",
        "\"text\"",
        "[NaN]",
        "[nan]",
        "[Infinity]",
        "[-Infinity]",
        "[inf]",
        "[True]",
        "[TRUE]",
        "[tru]",
        "[truee]",
        "[nul]",
        "[fals]",
        "[undefined]",
        "\xef\xbb\xbf{}", /* byte order mark */
        "[\"unterminated]",
        "[\"\\\"]",
        "[\"\\q\"]",
        "[\"\\u12\"]",
        "[\"\\u12g4\"]",
        "[\"\\x41\"]",
        "[\"\n\"]",
        "[\"\t\"]",
        "[\"\x1f\"]",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_refused_bytes(texts[i], strlen(texts[i]));
    assert_refused_bytes("{}\0", 3);
    assert_refused_bytes("{}\0{}", 5);
    assert_refused_bytes("[\"a\0b\"]", 7);
    assert_refused_bytes("[\0]", 3);
}

static void test_numbers_are_those_of_the_grammar(void **state)
{
    static const char *const good[] = {
        "0",   "-0",   "1",       "-1",  "10",  "1.5", "0.0",  "-0.1",
        "1e5", "1E+5", "1.25e-3", "0e0", "100", "1e0", "-1e1", "9223372036854775808"};
    static const char *const bad[] = {
        "01",    "00",     "-01", "-00", "007",  "1.",    "-1.", ".5",    "-.5",   "+1",    "1e",
        "1e+",   "1.e5",   "--1", "-",   "1-2",  "+",     "e",   "1.2.3", "1e2.5", "1e2e3", "0x10",
        "1_000", "1,000.", "0.",  "-0.", "1.5.", "1e01x", "0e",  "00.5",  "1 2",   "1+1",
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(good); i++) {
        snprintf(text, sizeof text, "{\"a\":%s}", good[i]);
        assert_accepted(text);
        snprintf(text, sizeof text, "[1,%s , 2]", good[i]);
        assert_accepted(text);
    }
    for (size_t i = 0; i < LENGTH_OF(bad); i++) {
        snprintf(text, sizeof text, "{\"a\":%s}", bad[i]);
        assert_refused_bytes(text, strlen(text));
        snprintf(text, sizeof text, "[%s ]", bad[i]);
        assert_refused_bytes(text, strlen(text));
    }
}

static void test_keys_stand_once(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"b\":2,\"a\":3}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"\":1,\"\":2}",
        "[{\"x\":{\"a\":[],\"a\":{}}}]",
        "{\"x\":[{\"a\":null,\"a\":null}]}",
        "{\"a\":{},\"b\":{\"c\":1,\"c\":1}}",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++) {
        assert_refused_bytes(texts[i], strlen(texts[i]));
        assert_non_null(strstr(failure.msg, "twice"));
    }
}

/* json-c would end the key there: "digest\0x" would read as "digest". */
static void test_keys_hold_no_nul(void **state)
{
    static const char *const texts[] = {
        "{\"digest\\u0000x\":1}",
        "{\"\\u0000\":1}",
        "{\"a\\u0000\" \n:1}",
        "{\"a\":1,\"b\\\\\\u0000\":2}",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++)
        assert_refused_bytes(texts[i], strlen(texts[i]));
    assert_accepted("{\"a\\\\u0000\":1}");  /* a backslash, then letters */
    assert_accepted("{\"a\":\"\\u0000\"}"); /* in a value: see json_text */
    assert_accepted("{\"a\":\"\\u0000\",\"b\":1}");
    assert_accepted("{\"a\\u0001\":1}");
}

static void test_utf8_is_sound(void **state)
{
    static const char *const sequences[] = {
        "\x80",             /* continuation alone */
        "\xbf",             /* the same */
        "\xc3",             /* cut short by the quote */
        "\xc3(",            /* no continuation */
        "\xe2\x82",         /* cut short */
        "\xe2(\xac",        /* no continuation in the middle */
        "\xf0\x9f\x98",     /* cut short */
        "\xf0\x9f\x98(",    /* no continuation at the end */
        "\xc0\x80",         /* overlong NUL */
        "\xc0\xaf",         /* overlong slash */
        "\xc1\xbf",         /* overlong */
        "\xe0\x80\xaf",     /* overlong slash */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x80\x80\xaf", /* overlong slash */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xed\xbf\xbf",     /* surrogate */
        "\xf4\x90\x80\x80", /* beyond U+10FFFF */
        "\xf5\x80\x80\x80", /* the same */
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(sequences); i++) {
        snprintf(text, sizeof text, "[\"a%s\"]", sequences[i]);
        assert_refused_bytes(text, strlen(text));
        snprintf(text, sizeof text, "{\"%s\":1}", sequences[i]);
        assert_refused_bytes(text, strlen(text));
        snprintf(text, sizeof text, "[\"%s", sequences[i]); /* the input ends there */
        assert_refused_bytes(text, strlen(text));
        snprintf(text, sizeof text, "[%s]", sequences[i]);
        assert_refused_bytes(text, strlen(text));
    }
}

static void nest(char *text, size_t n)
{
    memset(text, '[', n);
    memset(text + n, ']', n);
    text[2 * n] = '\0';
}

static void test_depth_is_bounded(void **state)
{
    static char text[200001];

    (void)state;
    nest(text, DEPTH);
    assert_accepted(text);
    nest(text, DEPTH + 1);
    assert_refused_bytes(text, strlen(text));
    nest(text, 100000);
    assert_refused_bytes(text, strlen(text));
    for (size_t i = 0; i < 20000; i++)
        memcpy(text + 5 * i, "{\"a\":", 5);
    assert_refused_bytes(text, 100000);
}

static void test_readers_take_any_value(void **state)
{
    static const char *const texts[] = {"{}", "[]", "[1]", "{\"a\":null}"};
    int64_t size;

    (void)state;
    assert_false(json_is_object(NULL));
    assert_false(json_is_array(NULL));
    assert_false(json_is_string_map(NULL));
    assert_null(json_get(NULL, "a"));
    assert_int_equal(0, json_array_len(NULL));
    assert_null(json_array_at(NULL, 0));
    assert_null(json_text(NULL));
    assert_false(json_size(NULL, &size));
    json_free(NULL);
    for (size_t i = 0; i < LENGTH_OF(texts); i++) {
        struct json *json = parse(texts[i]);
        assert_int_equal(texts[i][0] == '{', json_is_object(json));
        assert_int_equal(texts[i][0] == '[', json_is_array(json));
        assert_null(json_text(json));
        assert_int_equal(!strcmp(texts[i], "[1]"), json_array_len(json));
        assert_int_equal(!strcmp(texts[i], "{}"), json_is_string_map(json));
        assert_null(json_get(json, "a"));
        assert_int_equal(!strcmp(texts[i], "[1]"), json_array_at(json, 0) != NULL);
        assert_null(json_array_at(json, 1));
        assert_false(json_size(json, &size));
        json_free(json);
    }
}

static void test_reading(void **state)
{
    struct json *json =
        parse("{\"o\":{\"a\":\"x\",\"b\":\"\"},\"l\":[\"p\",2,\"q\"],\"m\":{\"a\":1}}");

    (void)state;
    assert_true(json_is_string_map(json_get(json, "o")));
    assert_false(json_is_string_map(json_get(json, "m")));
    assert_false(json_is_string_map(json));
    assert_string_equal("x", json_text(json_get(json_get(json, "o"), "a")));
    assert_string_equal("", json_text(json_get(json_get(json, "o"), "b")));
    const struct json *list = json_get(json, "l");
    assert_int_equal(3, json_array_len(list));
    assert_string_equal("q", json_text(json_array_at(list, 2)));
    assert_null(json_text(json_array_at(list, 1)));
    assert_null(json_get(json, "none"));
    json_free(json);
}

static void test_text_holds_no_nul(void **state)
{
    struct json *json = parse("[\"a\\u0000b\",\"\\u0000\",\"ab\"]");

    (void)state;
    assert_null(json_text(json_array_at(json, 0)));
    assert_null(json_text(json_array_at(json, 1)));
    assert_string_equal("ab", json_text(json_array_at(json, 2)));
    json_free(json);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        int64_t size; /* -1: none */
    } table[] = {
        {"0", 0},
        {"1", 1},
        {"4294967296", INT64_C(4294967296)},
        {"9223372036854775806", INT64_MAX - 1},
        {"9223372036854775807", -1},
        {"9223372036854775808", -1},
        {"18446744073709551615", -1},
        {"18446744073709551616", -1},
        {"99999999999999999999999999", -1},
        {"-1", -1},
        {"-9223372036854775809", -1},
        {"1.0", -1},
        {"1e3", -1},
        {"\"1\"", -1},
        {"true", -1},
        {"null", -1},
        {"[1]", -1},
    };
    char text[64];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        int64_t size = -1;
        snprintf(text, sizeof text, "[%s]", table[i].text);
        struct json *json = parse(text);
        assert_non_null(json);
        assert_int_equal(table[i].size >= 0, json_size(json_array_at(json, 0), &size));
        assert_int_equal(table[i].size, size);
        json_free(json);
    }
}

static void test_print_is_compact_and_whole(void **state)
{
    AUTO_BUF out = BUF_INIT;
    struct json *json = parse("{ \"a/b\" : [ 1, \"\\u00e9\\n\", \"x\\u0000y\" ] }");

    (void)state;
    buf_addstr(&out, "=");
    json_print(json, &out);
    assert_string_equal("={\"a/b\":[1,\"\xc3\xa9\\n\",\"x\\u0000y\"]}", out.s);
    json_free(json);
}

/* A list, or an object, of n times the same value. */
static void put_many(struct buf *text, bool object, const char *value, size_t n)
{
    buf_clear(text);
    buf_addc(text, object ? '{' : '[');
    for (size_t i = 0; i < n; i++) {
        buf_addstr(text, i ? "," : "");
        if (object)
            buf_addf(text, "\"%zu\":", i);
        buf_addstr(text, value);
    }
    buf_addc(text, object ? '}' : ']');
}

static size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

#define DESCRIPTOR_64                                                                              \
    "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:"          \
    "0123456789012345678901234567890123456789012345678901234567890123\",\"size\":64}"

/* Issue 10, item 6: whatever is in it, a tree takes no more than JSON_BYTES_MAX. */
static void test_6_memory_is_bounded(void **state)
{
    static const char *const values[] = {
        "0",
        "true",
        "1.5",
        "\"\"",
        "{}",
        "[]",
        "[[[[{}]]]]",
        "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,\"j\":0,\"k\":0}",
        DESCRIPTOR_64};

    (void)state;
    for (size_t i = 0; i < 2 * LENGTH_OF(values); i++) {
        AUTO_BUF text = BUF_INIT;
        size_t before = heap(), taken = 0, text_len = 0;
        for (size_t n = 12000; text_len < (size_t)5 << 20; n += n / 2) {
            put_many(&text, i % 2, values[i / 2], n);
            text_len = text.len;
            before = heap();
            struct json *json = json_parse(text.s, text.len, 64, NULL);
            if (!json)
                break;
            taken = heap() - before;
            assert_in_range(taken, 0, JSON_BYTES_MAX);
            json_free(json);
        }
    }
}

/* Also while it is read, however small the pieces: what is too much is not built first. */
static void test_6_too_much_is_not_built(void **state)
{
    static const size_t lengths[] = {2, 65536};
    static char zeros[65536];

    (void)state;
    for (size_t i = 0; i < sizeof zeros; i += 2)
        memcpy(zeros + i, "0,", 2);
    for (size_t i = 0; i < LENGTH_OF(lengths); i++) {
        struct json_reading *reading = json_begin(DEPTH, (size_t)1 << 20, JSON_ALL);
        size_t before = heap(), most = 0;
        json_feed(reading, "[", 1);
        for (size_t fed = 0; fed < (size_t)4 << 20; fed += lengths[i]) {
            json_feed(reading, zeros, lengths[i]);
            if (fed % 65536 == 0)
                most = heap() > before + most ? heap() - before : most;
        }
        json_feed(reading, "0]", 2);
        assert_null(json_end(reading, NULL, &failure));
        assert_int_equal(ERR_MANIFEST_TOO_LARGE, failure.code);
        assert_in_range(most, 0, (size_t)4 << 20);
    }
}

/* All that fits into a manifest as large as manifest_limit is by default. */
static void test_6_real_manifests_fit(void **state)
{
    AUTO_BUF text = BUF_INIT;
    size_t n = ((size_t)4 << 20) / sizeof DESCRIPTOR_64;

    (void)state;
    put_many(&text, false, DESCRIPTOR_64, n);
    struct json *json = json_parse(text.s, text.len, 64, &failure);
    assert_non_null(json);
    assert_int_equal(n, json_array_len(json));
    json_free(json);
}

static struct json *feed_many(enum json_part part, const char *before, const char *many, size_t n,
                              const char *after, bool *is_cut)
{
    struct json_reading *reading = json_begin(DEPTH, JSON_BYTES_MAX, part);

    json_feed(reading, before, strlen(before));
    for (size_t i = 0; i < n; i++)
        json_feed(reading, many, strlen(many));
    json_feed(reading, after, strlen(after));
    return json_end(reading, is_cut, &failure);
}

/* Issue 10, item 37: what a manifest is stands at its top, however much is in it. */
static void test_37_the_top_alone(void **state)
{
    bool is_cut = true;
    size_t before = heap();
    struct json *json = feed_many(JSON_TOP, "{\"n\":1,\"x\":[0", ",[{\"a\":\"]\"},1.5]", 2000000,
                                  "],\"o\":{\"n\":{}},\"t\":\"m\"} \n", &is_cut);

    (void)state;
    assert_non_null(json);
    assert_in_range(heap() - before, 0, 100000);
    assert_false(is_cut);
    assert_true(json_is_array(json_get(json, "x")));
    assert_int_equal(0, json_array_len(json_get(json, "x")));
    assert_true(json_is_object(json_get(json, "o")));
    assert_null(json_get(json_get(json, "o"), "n"));
    assert_string_equal("m", json_text(json_get(json, "t")));
    json_free(json);
    assert_null(feed_many(JSON_TOP, "{\"x\":[", "0,", 9, "}]}", NULL));
    assert_null(feed_many(JSON_TOP, "{\"x\":[", "0,", 9, "0],\"x\":1}", NULL));
    assert_null(feed_many(JSON_ALL, "{\"x\":[0", ",[{\"a\":\"]\"},1.5]", 2000000, "]}", NULL));
    assert_int_equal(ERR_MANIFEST_TOO_LARGE, failure.code);
    /* What is no JSON is so, whatever it would take. */
    assert_null(feed_many(JSON_ALL, "{\"x\":[0", ",[{\"a\":\"]\"},1.5]", 2000000, "]}.", NULL));
    assert_int_equal(ERR_MANIFEST_INVALID, failure.code);
}

/* The same: a long text is not kept whole. */
static void test_37_long_texts_are_cut(void **state)
{
    const char *piece = "0123456\\n9\xc3\xa9\\u00e9\\\\abc";
    bool is_cut = false;
    size_t before = heap();
    struct json *json =
        feed_many(JSON_ALL, "{\"a\":\"", piece, 4000000, "\",\"b\":\"c\"}", &is_cut);

    (void)state;
    assert_non_null(json);
    assert_true(is_cut);
    assert_in_range(heap() - before, 0, 4 * JSON_TEXT_MAX);
    assert_in_range(strlen(json_text(json_get(json, "a"))), JSON_TEXT_MAX, 2 * JSON_TEXT_MAX);
    assert_string_equal("c", json_text(json_get(json, "b")));
    json_free(json);
    json = feed_many(JSON_ALL, "{\"a\":\"", "x", 4000000, "\"}", &is_cut);
    assert_false(is_cut);
    assert_int_equal(4000000, strlen(json_text(json_get(json, "a"))));
    json_free(json);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses_broken_structure),
        cmocka_unit_test(test_refuses_what_is_no_json),
        cmocka_unit_test(test_numbers_are_those_of_the_grammar),
        cmocka_unit_test(test_keys_stand_once),
        cmocka_unit_test(test_keys_hold_no_nul),
        cmocka_unit_test(test_utf8_is_sound),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_readers_take_any_value),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_text_holds_no_nul),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_print_is_compact_and_whole),
        cmocka_unit_test(test_6_memory_is_bounded),
        cmocka_unit_test(test_6_too_much_is_not_built),
        cmocka_unit_test(test_6_real_manifests_fit),
        cmocka_unit_test(test_37_the_top_alone),
        cmocka_unit_test(test_37_long_texts_are_cut),
    };

    return RUN(tests);
}
