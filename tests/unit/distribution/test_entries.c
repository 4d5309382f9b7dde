/* SPDX-License-Identifier: Apache-2.0
 * distribution/entries.c: YAML as paths and values. */
#include "unit/unit.h"

#include "base/buf.h"
#include "distribution/entries.h"

static int read_text(struct entries *entries, const char *text)
{
    const struct entries_source source = {.name = "c.yml", .under = ""};

    return entries_read(entries, &source, text, strlen(text), &failure);
}

static void expect(const struct entries *entries, size_t i, const char *path, const char *value,
                   const char *where)
{
    assert_true(i < entries->n);
    assert_string_equal(path, entries->v[i].path);
    assert_string_equal(where, entries->v[i].where);
    if (value)
        assert_string_equal(value, entries->v[i].value);
    else
        assert_null(entries->v[i].value);
}

static void test_paths_and_lines(void **state)
{
    AUTO_ENTRIES entries = {0};

    (void)state;
    assert_returns(0, read_text(&entries, "# what\nhttp:\n  addr: :5000\n  tls: {key: 'a b'}\n"
                                          "list: [x, {y: 1}]\nempty:\nnone: []\nmap: {}\n"
                                          "quoted: ''\ntilde: ~\n"));
    assert_int_equal(9, entries.n);
    expect(&entries, 0, "http.addr", ":5000", "c.yml:3");
    expect(&entries, 1, "http.tls.key", "a b", "c.yml:4");
    expect(&entries, 2, "list[0]", "x", "c.yml:5");
    expect(&entries, 3, "list[1].y", "1", "c.yml:5");
    expect(&entries, 4, "empty", NULL, "c.yml:6");
    expect(&entries, 5, "none", NULL, "c.yml:7");
    expect(&entries, 6, "map", NULL, "c.yml:8");
    expect(&entries, 7, "quoted", "", "c.yml:9");
    expect(&entries, 8, "tilde", NULL, "c.yml:10");
}

static void test_a_variable_has_no_lines(void **state)
{
    const struct entries_source source = {.name = "REGISTRY_A", .under = "a"};
    AUTO_ENTRIES entries = {0};

    (void)state;
    assert_returns(0, entries_read(&entries, &source, "{b: c}", 6, &failure));
    expect(&entries, 0, "a.b", "c", "REGISTRY_A");
    assert_returns(0, entries_read(&entries, &source, "d", 1, &failure));
    expect(&entries, 1, "a", "d", "REGISTRY_A");
    assert_fails(CONFIG, entries_read(&entries, &source, "{", 1, &failure));
    assert_memory_equal("REGISTRY_A: is no YAML: ", failure.msg, 24);
}

static void test_what_stands_below_a_path_is_removed(void **state)
{
    AUTO_ENTRIES entries = {0};

    (void)state;
    assert_returns(0, read_text(&entries, "a: {b: 1, c: [2, 3]}\nab: 4\nx: 5\n"));
    entries_remove(&entries, "a");
    assert_int_equal(2, entries.n);
    expect(&entries, 0, "ab", "4", "c.yml:2");
    expect(&entries, 1, "x", "5", "c.yml:3");
    entries_remove(&entries, "x");
    assert_returns(0, read_text(&entries, "e: 6\n"));
    assert_int_equal(2, entries.n);
    expect(&entries, 1, "e", "6", "c.yml:1");
}

static void test_nothing_is_in_an_empty_file(void **state)
{
    AUTO_ENTRIES entries = {0};

    (void)state;
    assert_returns(0, read_text(&entries, ""));
    assert_returns(0, read_text(&entries, "# nothing\n"));
    assert_int_equal(0, entries.n);
}

static void test_aliases(void **state)
{
    AUTO_ENTRIES entries = {0};

    (void)state;
    assert_returns(0, read_text(&entries, "a: &x {b: 1}\nc: *x\n"));
    assert_int_equal(2, entries.n);
    expect(&entries, 1, "c.b", "1", "c.yml:1");
}

/* In a message, or a comment, a key does not end its line. */
static void test_keys_stay_in_their_line(void **state)
{
    AUTO_ENTRIES entries = {0};

    (void)state;
    assert_returns(0, read_text(&entries, "\"a\\nb\": {\"\\e\": 1}\n"));
    expect(&entries, 0, "a\\x0ab.\\x1b", "1", "c.yml:1");
    assert_fails(CONFIG, read_text(&entries, "\"x\\ny\": 1\n\"x\\ny\": 2\n"));
    assert_string_equal("c.yml:2: stands twice: x\\x0ay", failure.msg);
}

static void test_bad_texts(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"a: 1\nb: [\n", "c.yml:3: is no YAML: "},
        {"a: 1\n\tb: 2\n", "c.yml:2: is no YAML: "},
        {"a: 1\nb: 2\na: 3\n", "c.yml:3: stands twice: a"},
        {"x: {a: 1, a: 1}\n", "c.yml:1: stands twice: a"},
        {"{a: 1}: 2\n", "c.yml:1: a key must be plain text"},
        {"\n- a\n", "c.yml:2: begins with no key"},
        {"a: \"x\\0y\"\n", "c.yml:1: there is a NUL in it"},
        {"a: *b\n", "c.yml:1: is no YAML: "},
        {"a: &a [*a]\n", "c.yml:1: there is too much in it"}, /* itself, again and again */
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(bad); i++) {
        AUTO_ENTRIES entries = {0};
        assert_fails(CONFIG, read_text(&entries, bad[i].text));
        assert_memory_equal(bad[i].message, failure.msg, strlen(bad[i].message));
        assert_null(strstr(failure.msg, "(null)"));
    }
}

/* Nine lists of nine of the one before: a billion of the first. */
static void test_much_of_little(void **state)
{
    AUTO_ENTRIES entries = {0};
    AUTO_BUF text = BUF_INIT;

    (void)state;
    buf_addstr(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 10; i++) {
        buf_addf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 9; j++)
            buf_addf(&text, "%s*a%d", j ? ", " : "", i - 1);
        buf_addstr(&text, "]\n");
    }
    assert_fails(CONFIG, read_text(&entries, text.s));
    assert_true(entries.n <= 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_and_lines),
        cmocka_unit_test(test_a_variable_has_no_lines),
        cmocka_unit_test(test_what_stands_below_a_path_is_removed),
        cmocka_unit_test(test_nothing_is_in_an_empty_file),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_keys_stay_in_their_line),
        cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_much_of_little),
    };

    return RUN(tests);
}
