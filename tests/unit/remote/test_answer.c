/* SPDX-License-Identifier: Apache-2.0
 * remote/answer.c: headers of answers. */
#include "unit/unit.h"

#include "remote/answer.h"

static void test_content_range(void **state)
{
    static const struct {
        const char *value;
        int64_t first, last, size; /* first -1: none */
    } table[] = {
        {"bytes 0-499/1234", 0, 499, 1234},
        {"bytes 1233-1233/1234", 1233, 1233, 1234},
        {"Bytes  7-9/* ", 7, 9, -1},
        {"bytes 0-9223372036854775806/*", 0, INT64_MAX - 1, -1},
        {"bytes 0-0/9223372036854775807", -1, 0, 0}, /* or larger */
        {"bytes 0-99999999999999999999/*", -1, 0, 0},
        {"bytes 500-499/1234", -1, 0, 0},
        {"bytes 0-1234/1234", -1, 0, 0},
        {"bytes */1234", -1, 0, 0},
        {"bytes 0-499", -1, 0, 0},
        {"bytes 0-499/", -1, 0, 0},
        {"bytes 0-499/12 34", -1, 0, 0},
        {"bytes 0-499/1234x", -1, 0, 0},
        {"bytes -499/1234", -1, 0, 0},
        {"bytes 0-/1234", -1, 0, 0},
        {"bytes=0-499/1234", -1, 0, 0},
        {"0-499/1234", -1, 0, 0},
        {"items 0-499/1234", -1, 0, 0},
        {"", -1, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        int64_t first = -1, last = 0, size = 0;
        bool found = answer_content_range(table[i].value, &first, &last, &size);
        if (found != (table[i].first >= 0))
            fail_msg("%s", table[i].value);
        if (found) {
            assert_int_equal(table[i].first, first);
            assert_int_equal(table[i].last, last);
            assert_int_equal(table[i].size, size);
        }
    }
}

static void test_retry_after(void **state)
{
    /* Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's own example. */
    const time_t then = 784111777;
    static const struct {
        const char *value;
        int64_t seconds;
    } table[] = {
        {"120", 120},
        {" 0 ", 0},
        {"99999999999999999999", INT64_MAX},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 60},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 60},
        {"Sun Nov  6 08:49:37 1994", 60},
        {"Sun, 06 Nov 1994 08:00:00 GMT", 0}, /* long ago */
        {"Mon, 07 Nov 1994 08:48:37 GMT", 86400},
        {"Sun, 06 Nov 1994 08:49:37 GMT, or so", -1},
        {"Sun, 06 Nov 1994 08:49:37 CET", -1},
        {"-1", -1},
        {"1.5", -1},
        {"12 s", -1},
        {"soon", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++)
        if (answer_retry_after(table[i].value, then - 60) != table[i].seconds)
            fail_msg("%s", table[i].value);
}

static void test_next(void **state)
{
    static const struct {
        const char *link, *target; /* NULL: none */
    } table[] = {
        {"</v2/a/tags/list?last=z&n=2>; rel=\"next\"", "/v2/a/tags/list?last=z&n=2"},
        {"</v2/_catalog?n=1>; rel=next", "/v2/_catalog?n=1"},
        {"</a>; rel=\"prev\", </b>; title=\"a, b; c\"; rel=\"last NEXT\"", "/b"},
        {"</a>;rel=prev;rel=next, </b> ; Rel = next", "/b"}, /* the first counts */
        {" , </a>; title=\"\\\"\"; rel=next", "/a"},
        {"<>; rel=next", ""},
        {"</a>; rel=\"nextdoor\"", NULL},
        {"</a>; title=\"rel=next\"", NULL},
        {"</a>; rel=\"\"", NULL},
        {"</a>; rel", NULL},
        {"</a>; rel=\"next", NULL},
        {"</a", NULL},
        {"/a; rel=next", NULL},
        {"</a>", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        AUTO_BUF target = BUF_INIT;
        buf_addstr(&target, "");
        bool found = answer_next(table[i].link, &target);
        if (found != (table[i].target != NULL))
            fail_msg("%s", table[i].link);
        assert_string_equal(found ? table[i].target : "", target.s);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_range),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_next),
    };

    return RUN(tests);
}
