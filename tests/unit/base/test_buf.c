/* SPDX-License-Identifier: Apache-2.0
 * base/buf.c */
#include "unit/unit.h"

#include "base/buf.h"

static void test_appends_and_ends_in_nul(void **state)
{
    AUTO_BUF buf = BUF_INIT;

    (void)state;
    buf_addstr(&buf, "");
    assert_string_equal("", buf.s); /* never NULL after the first append */
    buf_addstr(&buf, "abc");
    buf_addc(&buf, '/');
    buf_add(&buf, "de\0f", 4);
    buf_addf(&buf, "%03d%s", 7, "z");
    assert_int_equal(12, buf.len);
    assert_memory_equal("abc/de\0f007z", buf.s, 13);
}

static void test_grows_over_any_step(void **state)
{
    AUTO_BUF buf = BUF_INIT;
    char chunk[257];

    (void)state;
    memset(chunk, 'k', sizeof chunk);
    for (size_t n = 0; n < 1000; n++) {
        buf_add(&buf, chunk, n % sizeof chunk);
        assert_int_equal('\0', buf.s[buf.len]);
        assert_true(buf.cap > buf.len);
    }
    for (size_t i = 0; i < buf.len; i++)
        assert_int_equal('k', buf.s[i]);
}

static void test_printf_longer_than_the_room(void **state)
{
    AUTO_BUF buf = BUF_INIT;

    (void)state;
    buf_addf(&buf, "%0500d", 1);
    buf_addf(&buf, "%s", "");
    assert_int_equal(500, buf.len);
    assert_int_equal(500, strlen(buf.s));
    assert_int_equal('1', buf.s[499]);
}

static void test_reserve_is_behind_the_end(void **state)
{
    AUTO_BUF buf = BUF_INIT;
    AUTO_BUF untouched = BUF_INIT;

    (void)state;
    buf_reserve(&untouched, 100);
    assert_string_equal("", untouched.s);
    buf_addstr(&buf, "ab");
    char *end = buf_reserve(&buf, 1000);
    assert_ptr_equal(buf.s + 2, end);
    assert_int_equal(2, buf.len);
    assert_string_equal("ab", buf.s);
    memset(end, 'r', 1000);
    buf.len += 1000;
    buf_addc(&buf, '!');
    assert_int_equal(1003, strlen(buf.s));
    assert_int_equal('!', buf.s[1002]);
}

static void test_clear_keeps_memory_and_free_resets(void **state)
{
    struct buf buf = BUF_INIT;

    (void)state;
    buf_clear(&buf);
    assert_null(buf.s);
    buf_addstr(&buf, "abc");
    char *memory = buf.s;
    buf_clear(&buf);
    assert_int_equal(0, buf.len);
    assert_ptr_equal(memory, buf.s);
    assert_string_equal("", buf.s);
    buf_free(&buf);
    assert_null(buf.s);
    assert_int_equal(0, buf.len);
    assert_int_equal(0, buf.cap);
    buf_addstr(&buf, "again");
    assert_string_equal("again", buf.s);
    buf_free(&buf);
}

static void test_lines(void **state)
{
    struct buf buf = BUF_INIT;
    size_t at = 0;

    (void)state;
    assert_null(buf_line(&buf, &at));
    buf_addstr(&buf, "one\n\nthree");
    assert_string_equal("one", buf_line(&buf, &at));
    assert_string_equal("", buf_line(&buf, &at));
    assert_int_equal(5, at);
    assert_string_equal("three", buf_line(&buf, &at));
    assert_null(buf_line(&buf, &at));
    buf_addstr(&buf, "\n"); /* ends the last line: another one does not begin */
    assert_string_equal("", buf_line(&buf, &at));
    assert_null(buf_line(&buf, &at));
    buf_free(&buf);
}

static int reserve_too_much(void *context)
{
    (void)context;
    struct buf buf = BUF_INIT;
    buf_addstr(&buf, "x");
    return buf_reserve(&buf, SIZE_MAX - 1) != NULL; /* with the rest it would wrap around */
}

static void test_overflow_aborts(void **state)
{
    (void)state;
    assert_int_equal(SIGABRT, unit_signal_of(reserve_too_much, NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_and_ends_in_nul),
        cmocka_unit_test(test_grows_over_any_step),
        cmocka_unit_test(test_printf_longer_than_the_room),
        cmocka_unit_test(test_reserve_is_behind_the_end),
        cmocka_unit_test(test_clear_keeps_memory_and_free_resets),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_overflow_aborts),
    };

    return RUN(tests);
}
