/* SPDX-License-Identifier: Apache-2.0
 * base/json_each.c: what is visited, and that all else is judged as by json_parse */
#include "unit/unit.h"

#include "base/json_each.h"

#define DEPTH 16

struct seen {
    struct buf texts;
    size_t n, stop_at;
};

static int visit(void *context, const struct json *element, struct err *err)
{
    struct seen *seen = context;

    json_print(element, &seen->texts);
    if (++seen->n == seen->stop_at)
        return err_set(err, ERR_IO, "enough");
    return 0;
}

static struct json *each(const char *text, struct seen *seen)
{
    *seen = (struct seen){.texts = BUF_INIT, .stop_at = seen->stop_at};
    return json_each(text, strlen(text), DEPTH, "list", visit, seen, &failure);
}

static void test_visits_in_order(void **state)
{
    static const struct {
        const char *text, *seen, *rest;
    } cases[] = {
        {"{\"list\":[{\"a\":1},{\"b\":[2]}]}", "{\"a\":1}{\"b\":[2]}", "{\"list\":[\"\",\"\"]}"},
        {" {\"x\" : 1 , \"list\"\n: [ {\"]\":\"\\\"}\"} ,{} ] , \"y\":{\"list\":[{}]}}",
         "{\"]\":\"\\\"}\"}{}", "{\"x\":1,\"list\":[\"\",\"\"],\"y\":{\"list\":[{}]}}"},
        {"{\"list\":[]}", "", "{\"list\":[]}"},
        {"{\"list\":{\"list\":[{}]}}", "", "{\"list\":{\"list\":[{}]}}"},
        {"{\"a\":\"list\",\"b\":[{}]}", "", "{\"a\":\"list\",\"b\":[{}]}"},
        {"[\"list\",[{}]]", "", "[\"list\",[{}]]"},
        {"{}", "", "{}"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(cases); i++) {
        struct seen seen = {0};
        AUTO_BUF rest = BUF_INIT;
        struct json *json = each(cases[i].text, &seen);
        assert_non_null(json);
        json_print(json, &rest);
        assert_string_equal(cases[i].rest, rest.s);
        assert_string_equal(cases[i].seen, seen.texts.s ? seen.texts.s : "");
        json_free(json);
        buf_free(&seen.texts);
    }
}

static void test_refuses(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "nothing",
        "{\"list\":[",
        "{\"list\":[{",
        "{\"list\":[{}",
        "{\"list\":[{}]",
        "{\"list\":[{}]}}",
        "{\"list\":[{} {}]}",
        "{\"list\":[{},]}",
        "{\"list\":[,{}]}",
        "{\"list\":[{},{}]]}",
        "{\"list\":[1]}",
        "{\"list\":[{},1]}",
        "{\"list\":[[{}]]}",
        "{\"list\":[\"a\",{}]}",
        "{\"list\":[\"a\"],\"b\":[{},{}]}",
        "{\"list\":[{\"a\":1,\"a\":2}]}",
        "{\"list\":[{}],\"list\":[{}]}",
        "{\"list\":[{}],\"l\\u0069st\":[]}",
        "{\"l\\u0069st\":[{}]}",
        "{\"list\" [{}]}",
        "{\"list\":[{\"a\"}]}",
        "{\"a\":1 2,\"list\":[{}]}",
        "{\"list\":[{}],\"a\":\"",
        "{\"list\":[}]}",
        /* what would be JSON with something else in the element's place */
        "{\"list\":[1{}]}",
        "{\"list\":[-{}]}",
        "{\"list\":[{}5]}",
        "{\"list\":[{}e5]}",
        "{\"list\":[{}.5]}",
        "{\"list\":[\"a\"{}]}",
        "{\"list\":[{}\"a\"]}",
        "{\"list\":[tru{}e]}",
        "{\"list\":[{}:{}]}",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(texts); i++) {
        struct seen seen = {0};
        struct json *json = each(texts[i], &seen);
        if (json)
            fail_msg("%s was accepted", texts[i]);
        assert_int_equal(ERR_MANIFEST_INVALID, failure.code);
        buf_free(&seen.texts);
    }
}

static void test_enough(void **state)
{
    struct seen seen = {.stop_at = 2};

    (void)state;
    assert_null(each("{\"list\":[{},{},{}]}", &seen));
    assert_int_equal(ERR_IO, failure.code);
    assert_int_equal(2, seen.n);
    buf_free(&seen.texts);
}

static int count(void *context, const struct json *element, struct err *err)
{
    size_t *n = context;

    (void)element;
    (void)err;
    ++*n;
    return 0;
}

/* More than json_parse takes as one tree. */
static void test_is_as_long_as_its_text(void **state)
{
    AUTO_BUF text = BUF_INIT;
    size_t n = 0;

    (void)state;
    buf_addstr(&text, "{\"list\":[");
    for (int i = 0; i < 60000; i++)
        buf_addf(&text, "%s{\"a\":{\"b\":%d}}", i ? "," : "", i);
    buf_addstr(&text, "]}");
    assert_null(json_parse(text.s, text.len, DEPTH, &failure));
    assert_int_equal(ERR_MANIFEST_TOO_LARGE, failure.code);
    struct json *json = json_each(text.s, text.len, DEPTH, "list", count, &n, &failure);
    assert_non_null(json);
    assert_int_equal(60000, n);
    json_free(json);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_visits_in_order),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_enough),
        cmocka_unit_test(test_is_as_long_as_its_text),
    };

    return RUN(tests);
}
