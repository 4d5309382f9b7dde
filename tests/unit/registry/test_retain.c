/* SPDX-License-Identifier: Apache-2.0
 * registry/retain.c: rules and histories, with what survives. */
#include "unit/unit.h"

#include "base/duration.h"
#include "registry/retain.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND ((int64_t)1000000000)
#define NOW (1800000000 * SECOND)

struct rule {
    int64_t newest;
    const char *tags[3];
    const char *younger, *pulled, *untagged;
};

/* What a repository holds, in words:
 *   v1=A:40d     a tag of manifest A that was set 40 days ago
 *   v1=A:40d/3d  and pulled 3 days ago
 *   !v1=A:40d    an immutable one
 *   ~A=S:40d     a signature's tag: S signs A
 *   ~=S:40d      S signs what is not here
 *   A@9d         A was pushed, or lost a tag, 9 days ago; 100 days if it is not said
 *   I>A          A is a child of I
 *   X<R          R names X as its subject
 *   since:60d    when recording of pulls began */
struct row {
    struct rule rule;
    const char *history;
    const char *survivors; /* tags | manifests */
};

static const struct row table[] = {
    /* No rule for tags: all stay. */
    {{0}, "v1=A:900d v2=B:1d", "v1 v2 | A B"},
    {{.untagged = "7d"}, "v1=A:900d", "v1 | A"},

    /* newest */
    {{.newest = 2}, "v1=A:3d v2=B:2d v3=C:1d", "v2 v3 | A B C"},
    {{.newest = 1}, "v1=A:3d v2=A:2d", "v2 | A"},
    {{.newest = 9}, "v1=A:3d v2=A:2d", "v1 v2 | A"},
    {{.newest = 1}, "a=A:1d v9=B:2d", "a | A B"},                /* by time, not by name */
    {{.newest = 2}, "v1=A:1d v2=B:1d v3=C:1d", "v2 v3 | A B C"}, /* at once: the last names */
    {{.newest = 2}, "a=A:1d c=C:2d b=B:2d", "a c | A B C"},
    {{.newest = 1}, "!v1=A:1d v2=B:2d", "v1 | A B"},   /* immutable ones count */
    {{.newest = 1}, "v1=A:2d ~A=S:1d", "v1 ~A | A S"}, /* signatures do not */
    {{.newest = INT64_MAX}, "v1=A:2d", "v1 | A"},

    /* tags */
    {{.tags = {"v*", "latest"}}, "v1=A:900d latest=B:900d pr-1=C:1d", "v1 latest | A B C"},
    {{.tags = {"v1.?"}}, "v1.2=A:9d v1.23=B:9d v1=C:9d", "v1.2 | A B C"},
    {{.tags = {"V*"}}, "v1=A:1d", "| A"},

    /* younger */
    {{.younger = "30d"}, "v1=A:29d v2=B:30d v3=C:31d", "v1 | A B C"},
    {{.younger = "0s"}, "v1=A:0s", "| A"},
    {{.younger = "1h"}, "v1=A:-5m", "v1 | A"}, /* of a clock that is ahead */

    /* pulled */
    {{.pulled = "14d"}, "since:900d v1=A:90d/13d v2=B:90d/15d", "v1 | A B"},
    {{.pulled = "14d"}, "since:900d v1=A:90d", "| A"},    /* never pulled */
    {{.pulled = "14d"}, "since:900d v1=A:13d", "v1 | A"}, /* but just pushed */
    {{.pulled = "14d"}, "since:900d v1=A:13d/90d", "v1 | A"},
    {{.pulled = "14d"}, "since:13d v1=A:90d", "v1 | A"}, /* too early to know */
    {{.pulled = "14d"}, "since:15d v1=A:90d", "| A"},
    {{.pulled = "14d"}, "v1=A:900d v2=A:1d", "v1 v2 | A"}, /* nothing was recorded yet */
    {{.pulled = "14d"}, "v1=A:900d/90d v2=A:900d", "v2 | A"},
    {{.pulled = "14d"}, "since:1d v1=A:900d/90d", "| A"}, /* what is known counts */

    /* Any of the rules keeps. */
    {{.newest = 1, .tags = {"v*"}, .younger = "7d", .pulled = "14d"},
     "since:900d v1=A:90d new=B:3d young=C:5d used=D:90d/9d old=E:90d/90d",
     "v1 new young used | A B C D E"},
    {{.newest = 1, .tags = {"x*"}}, "x1=A:1d y1=B:2d", "x1 | A B"}, /* not the newest of the rest */

    /* Immutable tags stay, whatever the rules say, and so does what they reach. */
    {{.newest = 1, .untagged = "1d"}, "!v1=I:90d v2=C:1d I>A I>B B<S", "v1 v2 | I A B C S"},
    {{.tags = {"none"}, .untagged = "0s"}, "!v1=A:90d", "v1 | A"},
    {{.tags = {"none"}}, "v1=A:9d !~A=S:9d A@900d", "~A | A S"},

    /* Manifests without a tag. */
    {{.untagged = "7d"}, "v1=A:9d B@6d C@8d", "v1 | A B"},
    {{.untagged = "7d"}, "B@7d C@-1d", "| B C"},
    {{.untagged = "forever"}, "B@900d", "| B"},
    {{.untagged = "0s"}, "B@2s C@0s", "| C"},
    {{0}, "B@23h C@25h", "| B"}, /* the grace of a day */
    {{.newest = 1, .untagged = "1d"}, "v1=A:9d v2=B:8d A@900d", "v2 | A B"}, /* from now on */
    {{.newest = 1, .untagged = "0s"}, "v1=A:9d v2=B:8d A@900d", "v2 | A B"},

    /* Images of several platforms: children are not untagged while their index lives. */
    {{.untagged = "7d"}, "v1=I:9d I>A I>B", "v1 | I A B"},
    {{.untagged = "7d"}, "I@9d I>A I>B", "|"},
    {{.untagged = "7d"}, "I@6d I>A I>B", "| I A B"},
    {{.untagged = "7d"}, "I@9d A@6d I>A I>B", "| A"},
    {{.untagged = "7d"}, "v1=I:9d J@9d I>A I>B J>B J>C", "v1 | I A B"}, /* shared */
    {{.untagged = "7d"}, "v1=I:9d I>J J>K K>A", "v1 | I J K A"},
    {{.untagged = "7d"}, "amd64=A:9d I>A I>B", "amd64 | A"}, /* a child does not keep its index */
    {{.newest = 1, .untagged = "7d"}, "v1=I:9d v2=J:8d I>A J>B", "v2 | I J A B"},

    /* Referrers are there as long as their subject. */
    {{.untagged = "7d"}, "v1=A:9d A<S S<T", "v1 | A S T"},
    {{.untagged = "7d"}, "A@6d A<S", "| A S"},
    {{.untagged = "7d"}, "A@9d A<S S@1d", "|"},
    {{.untagged = "7d"}, "v1=I:9d I>A A<S S>B", "v1 | I A S B"},
    {{.untagged = "7d"}, "A@9d A<S v1=S:9d", "v1 | S"}, /* nor does a referrer keep its subject */
    {{.newest = 1, .untagged = "7d"}, "A@9d A<S v1=S:9d v2=B:1d", "v2 | S B"},
    {{.untagged = "7d"}, "I@9d I>S A@9d A<S A>S", "|"},

    /* So are signatures by tag, whatever the rules for tags. */
    {{.tags = {"v*"}, .untagged = "7d"}, "v1=A:9d ~A=S:9d", "v1 ~A | A S"},
    {{.tags = {"v*"}, .untagged = "7d"},
     "pr=A:9d ~A=S:9d",
     "~A | A S"},                                                /* A has lost its tag now */
    {{.tags = {"v*"}, .untagged = "7d"}, "A@9d ~A=S:1d", "| S"}, /* S from now on */
    {{.untagged = "7d"}, "A@9d ~A=S:1d", "| S"},
    {{.tags = {"v*"}, .untagged = "7d"}, "v1=I:9d I>A ~A=S:9d ~S=T:9d", "v1 ~A ~S | I A S T"},
    {{.tags = {"v*"}}, "~=S:900d", "~ | S"},
    {{.tags = {"v*"}, .untagged = "7d"}, "A@9d ~A=I:9d I>S A<S", "| I S"},
    {{.tags = {"v*"}, .untagged = "7d"}, "A@9d ~A=I:9d I>S ~S=T:9d", "~S | I S T"},
    {{.tags = {"v*"}, .untagged = "forever"}, "A@9d ~A=S:9d", "~A | A S"},
    {{.younger = "30d"}, "~A=A:9d A@900d", "~A | A"},
};

static int64_t time_ago(const char *text)
{
    int64_t seconds;
    bool ahead = *text == '-';
    char age[16];

    snprintf(age, sizeof age, "%.*s", (int)strcspn(text + ahead, "/"), text + ahead);
    if (!duration_parse(age, &seconds))
        fail_msg("%s", text);
    return NOW - (ahead ? -seconds : seconds) * SECOND;
}

/* Manifests are known by a letter. */
static uint32_t manifest(struct retain_history *history, char letter)
{
    char text[2] = {letter, '\0'};
    const struct digest digest = unit_digest_of(text);

    for (size_t i = 0; i < history->n_manifests; i++)
        if (digest_equal(&history->manifests[i].digest, &digest))
            return (uint32_t)i;
    struct retain_manifest *new = retain_add_manifest(history);
    new->digest = digest;
    new->since = time_ago("100d");
    return (uint32_t)(history->n_manifests - 1);
}

static const char *keep_name(struct retain_history *history, const char *text)
{
    strings_add(&history->names, text);
    return history->names.v[history->names.n - 1];
}

static void add_tag(struct retain_history *history, const char *word)
{
    char name[TAG_LEN_MAX + 1];
    struct retain_tag tag = {.pulled = -1, .subject = RETAIN_NONE};
    const char *equals = strchr(word, '='), *slash = strchr(word, '/');

    tag.immutable = *word == '!';
    word += tag.immutable;
    snprintf(name, sizeof name, "%.*s", (int)(equals - word), word);
    tag.name = keep_name(history, name);
    tag.is_signature = *word == '~';
    if (tag.is_signature && word[1] != '=')
        tag.subject = manifest(history, word[1]);
    tag.manifest = manifest(history, equals[1]);
    tag.set = time_ago(equals + 3);
    if (slash)
        tag.pulled = time_ago(slash + 1);
    *retain_add_tag(history) = tag;
}

static void add_word(struct retain_history *history, const char *word)
{
    if (!strncmp(word, "since:", 6)) {
        history->since = time_ago(word + 6);
    } else if (strchr(word, '=')) {
        add_tag(history, word);
    } else if (word[1] == '@') {
        uint32_t number = manifest(history, word[0]);
        history->manifests[number].since = time_ago(word + 2);
    } else {
        uint32_t owner = manifest(history, word[0]), owned = manifest(history, word[2]);
        retain_add_edge(history, owner, owned);
        history->manifests[owned].is_owned |= word[1] == '<';
    }
}

static void read_history(struct retain_history *history, const char *text)
{
    char copy[256], *save;

    *history = (struct retain_history){.now = NOW, .since = -1};
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        add_word(history, word);
}

static struct settings_age age_of(const char *text)
{
    struct settings_age age = {.text = (char *)text, .seconds = SETTINGS_FOREVER};

    if (text && strcmp(text, "forever") != 0 && !duration_parse(text, &age.seconds))
        fail_msg("%s", text);
    return age;
}

static struct retain_section section_of(struct rule *rule, const char *pattern)
{
    struct retain_section section = {.pattern = (char *)pattern,
                                     .newest = rule->newest,
                                     .tags = {.v = (char **)rule->tags},
                                     .younger = age_of(rule->younger),
                                     .pulled = age_of(rule->pulled),
                                     .untagged = age_of(rule->untagged)};

    while (section.tags.n < LENGTH_OF(rule->tags) && rule->tags[section.tags.n])
        section.tags.n++;
    return section;
}

static void decide(struct rule *rule, struct retain_history *history)
{
    struct retain_section section = section_of(rule, "**");
    struct retain_settings settings = {.retains = &section, .n_retains = 1};
    const struct name name = unit_name("a");

    history->untagged = retain_untagged(&settings, &name, rule->untagged ? 0 : 86400);
    retain_decide(&section, history);
}

/* "v1 ~A | A S" */
static void describe(struct retain_history *history, char *text, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < history->n_tags; i++)
        if (history->tags[i].stays)
            n += (size_t)snprintf(text + n, size - n, "%s ", history->tags[i].name);
    n += (size_t)snprintf(text + n, size - n, "|");
    for (char letter = 'A'; letter <= 'Z'; letter++) {
        char of[2] = {letter, '\0'};
        const struct digest digest = unit_digest_of(of);
        for (size_t i = 0; i < history->n_manifests; i++)
            if (digest_equal(&history->manifests[i].digest, &digest) && history->manifests[i].stays)
                n += (size_t)snprintf(text + n, size - n, " %c", letter);
    }
}

/* The survivors of a row in the order of describe: manifests by letter. */
static void sort_letters(const char *survivors, char *text, size_t size)
{
    const char *bar = strchr(survivors, '|');
    size_t n = (size_t)snprintf(text, size, "%.*s", (int)(bar - survivors + 1), survivors);

    for (char letter = 'A'; letter <= 'Z'; letter++)
        if (strchr(bar, letter))
            n += (size_t)snprintf(text + n, size - n, " %c", letter);
}

static void test_survivors(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct rule rule = table[i].rule;
        struct retain_history history;
        char actual[256], expected[256];

        read_history(&history, table[i].history);
        decide(&rule, &history);
        describe(&history, actual, sizeof actual);
        sort_letters(table[i].survivors, expected, sizeof expected);
        if (strcmp(actual, expected) != 0)
            fail_msg("row %zu, \"%s\": expected \"%s\", is \"%s\"", i, table[i].history, expected,
                     actual);
        /* Deciding again changes nothing. */
        decide(&rule, &history);
        describe(&history, actual, sizeof actual);
        assert_string_equal(expected, actual);
        retain_history_free(&history);
    }
}

static void test_the_rule_that_is_named(void **state)
{
    static const struct {
        struct rule rule;
        const char *history; /* its first tag is asked about */
        enum retain_reason reason;
    } rows[] = {
        {{0}, "v1=A:9d", RETAIN_NO_RULES},
        {{.newest = 1, .tags = {"v*"}, .younger = "9w", .pulled = "9w"},
         "!v1=A:9d",
         RETAIN_IMMUTABLE},
        {{.newest = 1, .tags = {"x", "v*"}, .younger = "9w", .pulled = "9w"},
         "v1=A:9d",
         RETAIN_TAGS},
        {{.newest = 1, .younger = "9w", .pulled = "9w"}, "v1=A:9d", RETAIN_NEWEST},
        {{.newest = 1, .younger = "9w", .pulled = "9w"}, "v1=A:9d x=B:1d", RETAIN_YOUNGER},
        {{.younger = "1w", .pulled = "9w"}, "v1=A:9d", RETAIN_PULLED},
        {{.younger = "1w", .pulled = "1w"}, "since:90d v1=A:9d", RETAIN_NOTHING},
        {{.newest = 1}, "~A=S:9d A@1h", RETAIN_SUBJECT},
        {{.newest = 1}, "~A=S:9d A@9d", RETAIN_SUBJECT_GOES},
        {{.newest = 1}, "~=S:9d", RETAIN_NO_SUBJECT},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(rows); i++) {
        struct rule rule = rows[i].rule;
        struct retain_history history;
        read_history(&history, rows[i].history);
        decide(&rule, &history);
        if (history.tags[0].reason != rows[i].reason)
            fail_msg("row %zu: %d", i, history.tags[0].reason);
        if (rows[i].reason == RETAIN_TAGS)
            assert_string_equal("v*", history.tags[0].pattern);
        retain_history_free(&history);
    }
}

static void test_why_manifests_stay_or_go(void **state)
{
    static const struct {
        const char *history; /* M is asked about */
        enum retain_reason reason;
        char owner;
    } rows[] = {
        {"v1=M:9d", RETAIN_TAGGED, 0},        {"x=M:9d", RETAIN_LOST_TAG, 0},
        {"x=M:9d v1=M:9d", RETAIN_TAGGED, 0}, {"v1=I:9d I>M", RETAIN_BELONGS, 'I'},
        {"v1=A:9d A<M", RETAIN_BELONGS, 'A'}, {"v1=I:9d I>M M@1d", RETAIN_BELONGS, 'I'},
        {"M@1d", RETAIN_UNTAGGED, 0},         {"M@9d", RETAIN_NOTHING, 0},
        {"I@9d I>M", RETAIN_NOTHING, 0},      {"A@9d A<M", RETAIN_SUBJECT_GOES, 'A'},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(rows); i++) {
        struct rule rule = {.tags = {"v*"}, .untagged = "7d"};
        struct retain_history history;
        read_history(&history, rows[i].history);
        decide(&rule, &history);
        uint32_t number = manifest(&history, 'M');
        const struct retain_manifest *m = &history.manifests[number];
        if (m->reason != rows[i].reason)
            fail_msg("row %zu: %d", i, m->reason);
        if (rows[i].owner)
            assert_int_equal(manifest(&history, rows[i].owner), m->owner);
        retain_history_free(&history);
    }
}

static uint32_t rank_of(struct retain_history *history, char letter)
{
    uint32_t number = manifest(history, letter);

    assert_false(history->manifests[number].stays);
    return history->manifests[number].rank;
}

/* An index goes before its children and a subject before its referrers, even where the letters say
 * otherwise. */
static void test_the_order_of_removal(void **state)
{
    struct rule rule = {.untagged = "7d"};
    struct retain_history history;

    (void)state;
    read_history(&history, "A@9d C>A K>C Z>K K<B B<D Y>Z v=X:1d X>W");
    decide(&rule, &history);
    assert_true(rank_of(&history, 'Y') < rank_of(&history, 'Z'));
    assert_true(rank_of(&history, 'Z') < rank_of(&history, 'K'));
    assert_true(rank_of(&history, 'K') < rank_of(&history, 'C'));
    assert_true(rank_of(&history, 'C') < rank_of(&history, 'A'));
    assert_true(rank_of(&history, 'K') < rank_of(&history, 'B'));
    assert_true(rank_of(&history, 'B') < rank_of(&history, 'D'));
    retain_history_free(&history);
    read_history(&history, "A@9d A<R R>A"); /* a circle ends, too */
    decide(&rule, &history);
    retain_history_free(&history);
}

static void test_which_section_applies(void **state)
{
    static const struct {
        const char *name;
        int line; /* 0: none */
    } rows[] = {
        {"other", 0}, {"team/app", 3}, {"team/x", 2}, {"team/x/y", 1},
        {"a", 4},     {"b", 4},        {"team", 4},
    };
    struct retain_section sections[] = {
        {.pattern = (char[]){"team/**"}, .place.line = 1},
        {.pattern = (char[]){"team/*"}, .place.line = 2},
        {.pattern = (char[]){"team/app"}, .place.line = 3},
        {.pattern = (char[]){"?"}, .place.line = 4},
        {.pattern = (char[]){"*?"}, .place.line = 5},
    };
    struct retain_settings settings = {.retains = sections, .n_retains = 4};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(rows); i++) {
        const struct name name = unit_name(rows[i].name);
        const struct retain_section *section = retain_section(&settings, &name);
        if (!strcmp(rows[i].name, "team")) /* matched by no section of these */
            assert_null(section);
        else
            assert_int_equal(rows[i].line, section ? section->place.line : 0);
    }
    settings.n_retains = 5; /* of equally narrow ones the first */
    const struct name name = unit_name("c");
    assert_int_equal(4, retain_section(&settings, &name)->place.line);
}

static void test_how_long_manifests_stay_without_a_tag(void **state)
{
    struct rule none = {0}, week = {.untagged = "1w"}, forever = {.untagged = "forever"},
                at_once = {.untagged = "0s"};
    struct retain_section sections[] = {section_of(&none, "none"), section_of(&week, "week"),
                                        section_of(&forever, "forever"),
                                        section_of(&at_once, "once")};
    struct retain_settings settings = {.retains = sections, .n_retains = LENGTH_OF(sections)};
    const struct name names[] = {unit_name("none"), unit_name("week"), unit_name("forever"),
                                 unit_name("once"), unit_name("other")};
    const int64_t expected[] = {77, 7 * 86400, -1, 39, 77};

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(names); i++)
        assert_int_equal(expected[i], retain_untagged(&settings, &names[i], 77));
}

static void test_patterns_that_match_nothing(void **state)
{
    static const struct {
        const char *pattern, *tag, *said;
    } rows[] = {
        {"team/**", "v*", NULL},
        {"Team", "v*", "no repository's name can match"},
        {"team/", "v*", "no repository's name can match"},
        {"a", "v 1", "no tag can match \"v 1\""},
        {"a", "a/b", "no tag can match \"a/b\""},
        {"a", "", "no tag can match \"\""},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(rows); i++) {
        struct rule rule = {.tags = {"ok", rows[i].tag}};
        struct retain_section section = section_of(&rule, rows[i].pattern);
        section.place = (struct settings_place){(char[]){"/etc/berth.conf"}, 7};
        if (!rows[i].said) {
            assert_returns(0, retain_check(&section, &failure));
            continue;
        }
        assert_fails(CONFIG, retain_check(&section, &failure));
        assert_non_null(strstr(failure.msg, rows[i].said));
        assert_non_null(strstr(failure.msg, "/etc/berth.conf:7: "));
    }
}

/* A repository of 20,000 images and their signatures is no matter of minutes. */
static void test_a_large_repository(void **state)
{
    struct rule rule = {.newest = 10, .untagged = "7d"};
    struct retain_history history = {.now = NOW, .since = -1};
    long started = unit_cpu_ms();
    size_t stay = 0;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        struct retain_manifest *image = retain_add_manifest(&history);
        image->since = time_ago("100d");
        struct retain_manifest *signature = retain_add_manifest(&history);
        signature->since = time_ago("100d");
        struct retain_tag *tag = retain_add_tag(&history);
        char text[16];
        snprintf(text, sizeof text, "%u", i);
        tag->name = keep_name(&history, text);
        tag->set = time_ago("9d") + i;
        tag->manifest = 2 * i;
        tag = retain_add_tag(&history);
        tag->name = "signature";
        tag->is_signature = true;
        tag->subject = 2 * i;
        tag->manifest = 2 * i + 1;
        retain_add_edge(&history, 2 * i, 2 * i + 1);
    }
    decide(&rule, &history);
    for (size_t i = 0; i < history.n_tags; i++)
        stay += history.tags[i].stays && !history.tags[i].is_signature;
    assert_int_equal(10, stay);
    assert_true(unit_cpu_ms() - started < 5000);
    retain_history_free(&history);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_survivors),
        cmocka_unit_test(test_the_rule_that_is_named),
        cmocka_unit_test(test_why_manifests_stay_or_go),
        cmocka_unit_test(test_the_order_of_removal),
        cmocka_unit_test(test_which_section_applies),
        cmocka_unit_test(test_how_long_manifests_stay_without_a_tag),
        cmocka_unit_test(test_patterns_that_match_nothing),
        cmocka_unit_test(test_a_large_repository),
    };

    return RUN(tests);
}
