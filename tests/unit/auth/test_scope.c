/* SPDX-License-Identifier: Apache-2.0
 * auth/scope.c: scopes in requests and in tokens. */
#include "unit/unit.h"

#include "auth/scope.h"

static void describe_actions(int actions, struct buf *out)
{
    static const char *const words[] = {"pull", "push", "delete", "admin"}; /* by bits */

    for (size_t i = 0, n = 0; i < LENGTH_OF(words); i++)
        if (actions & 1 << i)
            buf_addf(out, "%s%s", n++ ? "," : "", words[i]);
}

static void print(const struct scopes *scopes, struct buf *out)
{
    struct json_writer json = json_writer_begin(out);

    scope_write_access(scopes, &json, NULL);
}

/* "name=pull,push;catalog", to compare. */
static void describe(const struct scopes *scopes, struct buf *out)
{
    buf_addstr(out, "");
    for (size_t i = 0; i < scopes->n; i++) {
        buf_addf(out, "%s=", scopes->grants[i].pattern);
        describe_actions(scopes->grants[i].actions, out);
        buf_addc(out, ';');
    }
    buf_addstr(out, scopes->catalog ? "catalog" : "");
}

static void test_what_a_client_asks_for(void **state)
{
    static const struct {
        const char *text, *meaning;
    } table[] = {
        {"", ""},
        {" ", ""},
        {"repository:team/app:pull", "team/app=pull;"},
        {"repository:team/app:push,pull", "team/app=pull,push;"},
        {"repository:app:pull,push,delete", "app=pull,push,delete;"},
        {"repository:app:*", "app=pull,push,delete,admin;"},
        {"repository:app:admin", "app=admin;"},
        {"repository:app:pull,fly,,push,", "app=pull,push;"}, /* unknown words */
        {"repository:app:PULL", ""},
        {"repository:app:pullpush", ""},
        {"repository:app:", ""},
        {"repository:app", ""},
        {"repository:", ""},
        {"repository", ""},
        {"repository::pull", ""},
        {":app:pull", ""},
        {"repository:host:5000/app:pull", "host:5000/app=pull;"}, /* the last colon */
        {"repository(plugin):app:pull", "app=pull;"},
        {"(plugin):app:pull", ""},
        {"Repository:app:pull", ""},
        {"repositories:app:pull", ""},
        {"plugin:app:pull", ""},
        {"repository:a:pull repository:b:push", "a=pull;b=push;"},
        {"  repository:a:pull   repository:b:push ", "a=pull;b=push;"},
        {"repository:a:pull repository:a:push", "a=pull;a=push;"},
        {"repository:team/*:pull", "team/*=pull;"},
        {"registry:catalog:*", "catalog"},
        {"registry:catalog:*  repository:a:pull", "a=pull;catalog"},
        {"registry:catalog:pull", ""},
        {"registry:catalog:", ""},
        {"registry:other:*", ""},
        {"repository:catalog:*", "catalog=pull,push,delete,admin;"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct arena arena = {0};
        struct scopes scopes = {0};
        AUTO_BUF meaning = BUF_INIT;
        scope_parse(&scopes, &arena, table[i].text);
        describe(&scopes, &meaning);
        assert_string_equal(table[i].meaning, meaning.s);
        arena_free(&arena);
    }
}

static void test_what_a_token_grants(void **state)
{
    static const struct {
        const char *json, *meaning;
    } table[] = {
        {"[]", ""},
        {"{}", ""},
        {"[{\"type\":\"repository\",\"name\":\"a\",\"actions\":[\"pull\",\"push\"]}]",
         "a=pull,push;"},
        {"[{\"type\":\"repository\",\"name\":\"a\",\"actions\":[\"*\"]}]",
         "a=pull,push,delete,admin;"},
        /* What a token server refused it lists without actions. */
        {"[{\"type\":\"repository\",\"name\":\"a\",\"actions\":[]}]", ""},
        {"[{\"type\":\"registry\",\"name\":\"catalog\",\"actions\":[]}]", ""},
        {"[{\"type\":\"registry\",\"name\":\"catalog\"}]", ""},
        {"[{\"type\":\"registry\",\"name\":\"catalog\",\"actions\":[\"*\"]}]", "catalog"},
        {"[{\"type\":\"repository\",\"name\":\"a\",\"actions\":\"pull\"}]", ""},
        {"[{\"type\":\"repository\",\"name\":\"a\",\"actions\":[1,null,\"pull\"]}]", "a=pull;"},
        {"[{\"type\":\"repository\",\"name\":7,\"actions\":[\"pull\"]}]", ""},
        {"[{\"type\":[],\"name\":\"a\",\"actions\":[\"pull\"]}]", ""},
        {"[{\"type\":\"repository\",\"name\":\"a\\u0000b\",\"actions\":[\"pull\"]}]", ""},
        {"[{\"name\":\"a\",\"actions\":[\"pull\"]}]", ""},
        {"[7,\"repository:a:pull\",null]", ""},
        {"{\"type\":\"repository\",\"name\":\"a\",\"actions\":[\"pull\"]}", ""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct arena arena = {0};
        struct scopes scopes = {0};
        AUTO_BUF meaning = BUF_INIT;
        struct json *json = json_parse(table[i].json, strlen(table[i].json), 8, &failure);
        assert_non_null(json);
        scope_parse_access(&scopes, &arena, json);
        describe(&scopes, &meaning);
        assert_string_equal(table[i].meaning, meaning.s);
        json_free(json);
        arena_free(&arena);
    }
}

static void test_printing_is_undone_by_reading(void **state)
{
    static const char expected[] =
        "[{\"type\":\"repository\",\"name\":\"team/*\",\"actions\":[\"pull\",\"push\"]},"
        "{\"type\":\"repository\",\"name\":\"a\\\"b\",\"actions\":[\"delete\"]},"
        "{\"type\":\"registry\",\"name\":\"catalog\",\"actions\":[\"*\"]}]";
    struct arena arena = {0};
    struct scopes scopes = {0}, again = {0}, none = {0}, catalog = {.catalog = true};
    AUTO_BUF json = BUF_INIT;
    AUTO_BUF before = BUF_INIT;
    AUTO_BUF after = BUF_INIT;

    (void)state;
    scope_parse(&scopes, &arena,
                "repository:team/*:pull,push repository:a\"b:delete registry:catalog:*");
    print(&scopes, &json);
    assert_string_equal(expected, json.s);
    struct json *parsed = json_parse(json.s, json.len, 8, &failure);
    scope_parse_access(&again, &arena, parsed);
    describe(&scopes, &before);
    describe(&again, &after);
    assert_string_equal(before.s, after.s);
    json_free(parsed);
    buf_clear(&json);
    print(&none, &json);
    assert_string_equal("[]", json.s);
    buf_clear(&json);
    print(&catalog, &json);
    assert_string_equal("[{\"type\":\"registry\",\"name\":\"catalog\",\"actions\":[\"*\"]}]",
                        json.s);
    arena_free(&arena);
}

static void test_more_than_64_are_passed_over(void **state)
{
    struct arena arena = {0};
    struct scopes scopes = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        scope_parse(&scopes, &arena, "repository:a:pull");
    assert_int_equal(64, scopes.n);
    scope_parse(&scopes, &arena, "registry:catalog:*");
    assert_true(scopes.catalog);
    arena_free(&arena);
}

static void test_actions_end_at_the_length(void **state)
{
    (void)state;
    assert_int_equal(ACTION_PULL, scope_actions("pull,push", 4));
    assert_int_equal(ACTION_PULL, scope_actions("pull,push", 8));
    assert_int_equal(ACTION_PULL | ACTION_PUSH, scope_actions("pull,push", 9));
    assert_int_equal(0, scope_actions("pull", 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_client_asks_for),
        cmocka_unit_test(test_what_a_token_grants),
        cmocka_unit_test(test_printing_is_undone_by_reading),
        cmocka_unit_test(test_more_than_64_are_passed_over),
        cmocka_unit_test(test_actions_end_at_the_length),
    };

    return RUN(tests);
}
