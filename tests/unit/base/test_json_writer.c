/* SPDX-License-Identifier: Apache-2.0
 * base/json_writer.c */
#include "base/json.h"
#include "base/json_writer.h"
#include "unit/unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_all_kinds_of_values(void **state)
{
    AUTO_BUF out = BUF_INIT;
    struct json_writer json = json_writer_begin(&out);

    (void)state;
    json_writer_object(&json, NULL);
    json_writer_string(&json, "name", "team/app");
    json_writer_string(&json, "none", NULL);
    json_writer_array(&json, "empty");
    json_writer_end(&json);
    json_writer_array(&json, "list");
    json_writer_number(&json, NULL, INT64_MIN);
    json_writer_seconds(&json, NULL, 1.25);
    json_writer_bool(&json, NULL, true);
    json_writer_null(&json, NULL);
    json_writer_object(&json, NULL);
    json_writer_bool(&json, "b", false);
    json_writer_end(&json);
    json_writer_raw(&json, NULL, "{\"x\":[1]}+", 9);
    json_writer_end(&json);
    json_writer_stringf(&json, "text", "%s:%d", "a\"b", 7);
    json_writer_end(&json);
    assert_string_equal("{\"name\":\"team/app\",\"none\":null,\"empty\":[],"
                        "\"list\":[-9223372036854775808,1.250,true,null,{\"b\":false},"
                        "{\"x\":[1]}],\"text\":\"a\\\"b:7\"}",
                        out.s);
}

static void test_what_is_hostile_is_escaped(void **state)
{
    AUTO_BUF out = BUF_INIT;
    struct json_writer json = json_writer_begin(&out);

    (void)state;
    json_writer_string(&json, NULL, "\"\\\n\x7f\xff\xc3\xa9</script>");
    assert_string_equal("\"\\\"\\\\\\u000a\\u007f\xef\xbf\xbd\xc3\xa9</script>\"", out.s);
}

static void test_quote(void **state)
{
    static const struct {
        const char *text;
        const char *quoted;
    } table[] = {
        {"", "\"\""},
        {"a b/c", "\"a b/c\""},
        {"\"\\", "\"\\\"\\\\\""},
        {"\n\t\x01\x1f\x7f", "\"\\u000a\\u0009\\u0001\\u001f\\u007f\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xff", "\"\xef\xbf\xbd\""},
        {"a\xc3", "\"a\xef\xbf\xbd\""}, /* the text ends within a sequence */
        {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xf0\x9f\x98", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80z", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_BUF out = BUF_INIT;
        char *exact = strdup(table[i].text); /* so that reading beyond it is seen */
        struct json_writer json = json_writer_begin(&out);
        json_writer_string(&json, NULL, exact);
        free(exact);
        assert_string_equal(table[i].quoted, out.s);
    }
}

static void test_the_text_may_be_taken_away_meanwhile(void **state)
{
    AUTO_BUF out = BUF_INIT, all = BUF_INIT;
    struct json_writer json = json_writer_begin(&out);

    (void)state;
    json_writer_array(&json, NULL);
    for (int i = 0; i < 3; i++) {
        json_writer_number(&json, NULL, i);
        buf_add(&all, out.s, out.len);
        buf_clear(&out);
    }
    json_writer_end(&json);
    buf_add(&all, out.s, out.len);
    assert_string_equal("[0,1,2]", all.s);
}

static void key_in_a_list(struct json_writer *json)
{
    json_writer_array(json, NULL);
    json_writer_null(json, "key");
}

static void no_key_in_an_object(struct json_writer *json)
{
    json_writer_object(json, NULL);
    json_writer_null(json, NULL);
}

static void an_end_too_many(struct json_writer *json)
{
    json_writer_array(json, NULL);
    json_writer_end(json);
    json_writer_end(json);
}

static void a_second_value(struct json_writer *json)
{
    json_writer_null(json, NULL);
    json_writer_null(json, NULL);
}

static void too_deep(struct json_writer *json)
{
    for (int i = 0; i <= JSON_WRITER_DEPTH_MAX; i++)
        json_writer_array(json, NULL);
}

static void test_mistakes_abort(void **state)
{
    void (*const mistakes[])(struct json_writer *) = {key_in_a_list, no_key_in_an_object,
                                                      an_end_too_many, a_second_value, too_deep};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(mistakes); i++) {
        pid_t child = fork();
        if (child == 0) {
            struct buf out = BUF_INIT;
            struct json_writer json = json_writer_begin(&out);
            setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
            signal(SIGABRT, SIG_DFL);
            mistakes[i](&json);
            _exit(0);
        }
        int status;
        assert_int_equal(child, waitpid(child, &status, 0));
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

static void test_values_that_were_read(void **state)
{
    static const char text[] = "{\"a\":[1,\"x\",null],\"b\":{}}";
    struct json *read = json_parse(text, strlen(text), 4, &failure);
    AUTO_BUF out = BUF_INIT;

    (void)state;
    assert_non_null(read);
    struct json_writer json = json_writer_begin(&out);
    json_writer_array(&json, NULL);
    json_writer_value(&json, NULL, read);
    json_writer_value(&json, NULL, json_get(read, "a"));
    json_writer_value(&json, NULL, json_get(read, "none"));
    json_writer_end(&json);
    assert_string_equal("[{\"a\":[1,\"x\",null],\"b\":{}},[1,\"x\",null],null]", out.s);
    json_free(read);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds_of_values),
        cmocka_unit_test(test_what_is_hostile_is_escaped),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_the_text_may_be_taken_away_meanwhile),
        cmocka_unit_test(test_values_that_were_read),
        cmocka_unit_test(test_mistakes_abort),
    };

    return RUN(tests);
}
