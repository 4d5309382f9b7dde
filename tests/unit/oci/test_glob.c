/* SPDX-License-Identifier: Apache-2.0
 * oci/glob.c: what globs match, and which of two is more specific. */
#include "unit/unit.h"

#include "oci/glob.h"

static const struct match_case {
    const char *glob, *s;
    bool matches;
} match_cases[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "a", true},
    {"a", "ab", false},
    {"ab", "a", false},
    {"team/app", "team/app", true},
    {"team/app", "team/app2", false},
    {"team/app", "xteam/app", false},
    {"team.app", "team-app", false}, /* a dot is a dot */
    {"a[b]", "ab", false},           /* nothing else is special */
    {"a\\b", "ab", false},
    {"*", "a", true},
    {"*", "", true},
    {"*", "a/b", false},
    {"*/*", "a/b", true},
    {"*/*", "a/b/c", false},
    {"team/*", "team/app", true},
    {"team/*", "team/app/x", false},
    {"team/*", "team", false},
    {"team/*", "team2/app", false},
    {"team*", "team2", true},
    {"team*", "team2/app", false},
    {"*/app", "team/app", true},
    {"*/app", "a/team/app", false},
    {"a*b*c", "a1b2c", true},
    {"a*b*c", "abbbc", true},
    {"a*b*c", "ab/bc", false},
    {"a*bc", "abcbc", true},
    {"v1.*", "v1.2.3", true},
    {"v1.*", "v10", false},
    {"**", "a", true},
    {"**", "a/b/c", true},
    {"team/**", "team/app", true},
    {"team/**", "team/a/b/c", true},
    {"team/**", "team", false},
    {"team/**", "teams/app", false},
    {"**/app", "a/b/app", true},
    {"**/app", "app", false},
    {"**app", "app", true},
    {"a/**/z", "a/b/c/z", true},
    {"a/**/z", "a/z", false},
    {"**/b*c", "x/bd/bxc", true}, /* the first component that fits so far is not the one */
    {"**/b*c", "x/bxc/d", false},
    {"**a*b", "a/axb", true},
    {"*a**b", "xa/y/b", true},
    {"*/x**y*z", "q/x/y/yz", true},
    {"***", "a/b", true},
    {"?", "a", true},
    {"?", "", false},
    {"?", "/", false},
    {"a?c", "abc", true},
    {"a?c", "a/c", false},
    {"a?*", "a", false},
    {"a?*", "abc", true},
    {"*?", "a", true},
    {"**?", "a/b", true},
};

static void test_what_globs_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH_OF(match_cases); i++)
        if (glob_matches(match_cases[i].glob, match_cases[i].s) != match_cases[i].matches)
            fail_msg("%s %s", match_cases[i].glob, match_cases[i].s);
}

/* By all ways to match, without a thought for time. */
static bool matches_plainly(const char *glob, const char *s)
{
    if (*glob == '\0')
        return *s == '\0';
    if (glob[0] == '*') {
        bool across = glob[1] == '*';
        for (;; s++) {
            if (matches_plainly(glob + 1 + across, s))
                return true;
            if (*s == '\0' || (*s == '/' && !across))
                return false;
        }
    }
    return *s && (*glob == *s || (*glob == '?' && *s != '/')) && matches_plainly(glob + 1, s + 1);
}

/* All texts of up to five characters from these. */
static void nth_text(size_t n, const char *alphabet, char *text)
{
    size_t size = strlen(alphabet) + 1;

    for (int i = 0; i < 5; i++, n /= size)
        if (n % size)
            *text++ = alphabet[n % size - 1];
    *text = '\0';
}

static void test_all_short_globs(void **state)
{
    char glob[6], s[6];

    (void)state;
    for (size_t i = 0; i < 3125; i++) {
        nth_text(i, "a*/?", glob);
        for (size_t k = 0; k < 1024; k++) {
            nth_text(k, "a/b", s);
            if (glob_matches(glob, s) != matches_plainly(glob, s))
                fail_msg("%s %s", glob, s);
        }
    }
}

static void test_a_hostile_glob_takes_no_time(void **state)
{
    char glob[201], s[201];
    long started = unit_cpu_ms();

    (void)state;
    for (size_t i = 0; i < 200; i += 2)
        memcpy(glob + i, "*a", 2);
    memset(s, 'a', 199);
    s[199] = 'b';
    glob[200] = s[200] = '\0';
    assert_false(glob_matches(glob, s));
    assert_true(unit_cpu_ms() - started < 500);
}

static void test_the_most_specific_comes_first(void **state)
{
    /* Each is more specific than those behind it. */
    static const char *const order[] = {
        "team/application/x", /* without wildcards */
        "team/app",
        "team/app/*", /* the longer text in front */
        "team/app*",
        "team/*/release", /* more text in all */
        "team/*/x",
        "team/*",
        "team/**", /* fewer ** */
        "te*",
        "*/release",
        "**/x",
        "*",
        "**",
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(order); i++) {
        assert_int_equal(0, glob_compare(order[i], order[i]));
        for (size_t k = i + 1; k < LENGTH_OF(order); k++) {
            if (glob_compare(order[i], order[k]) >= 0 || glob_compare(order[k], order[i]) <= 0)
                fail_msg("%s %s", order[i], order[k]);
        }
    }
    assert_int_equal(0, glob_compare("a/*", "b/*"));
    assert_int_equal(0, glob_compare("a?", "a*"));
    assert_int_equal(0, glob_compare("a***", "a**"));
}

static void test_globs_that_can_match_nothing(void **state)
{
    static const struct {
        const char *glob;
        bool name, tag;
    } cases[] = {
        {"", false, false},      {"a", true, true},       {"**", true, true},
        {"team/*", true, false}, {"/a", false, false},    {"a/", false, false},
        {"a//b", false, false},  {"V1", false, true},     {"v1 ", false, false},
        {"a:b", false, false},   {"v?.*_-x", true, true}, {"\xc3\xa9", false, false},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(cases); i++)
        if (glob_can_match_name(cases[i].glob) != cases[i].name ||
            glob_can_match_tag(cases[i].glob) != cases[i].tag)
            fail_msg("%s", cases[i].glob);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_globs_match),
        cmocka_unit_test(test_all_short_globs),
        cmocka_unit_test(test_a_hostile_glob_takes_no_time),
        cmocka_unit_test(test_the_most_specific_comes_first),
        cmocka_unit_test(test_globs_that_can_match_nothing),
    };

    return RUN(tests);
}
