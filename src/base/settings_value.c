/* SPDX-License-Identifier: Apache-2.0
 * L0: the values of settings. */
#include "base/settings_value.h"

#include "base/duration.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool parse_text(const struct settings_key *key, const char *text, void *member,
                       struct buf *must)
{
    const char *what = "";

    if (key->check && !key->check(text, &what)) {
        buf_addstr(must, what);
        return false;
    }
    *(char **)member = mem_strdup(text);
    return true;
}

static bool within(const char *text, int base, int64_t min, int64_t max, int64_t *number)
{
    char *end;

    errno = 0;
    long long n = strtoll(text, &end, base);
    *number = n;
    return !errno && end != text && !*end && n >= min && n <= max;
}

static bool parse_number(const struct settings_key *key, const char *text, void *member,
                         struct buf *must)
{
    if (within(text, 10, key->min, key->max, member))
        return true;
    buf_addf(must, "must be a number from %jd", (intmax_t)key->min);
    if (key->max < INT64_MAX)
        buf_addf(must, " to %jd", (intmax_t)key->max);
    return false;
}

static bool parse_mode(const char *text, void *member, struct buf *must)
{
    int64_t mode;

    if (!within(text, 8, 0, 07777, &mode)) {
        buf_addstr(must, "must be an octal mode like 0640");
        return false;
    }
    *(mode_t *)member = (mode_t)mode;
    return true;
}

/* How many there are: that none of them is it. */
static unsigned choose(const char *const *choices, const char *text, struct buf *must)
{
    unsigned n = 0;

    for (; choices[n]; n++)
        if (!strcmp(choices[n], text))
            return n;
    for (unsigned i = 0; i < n; i++)
        buf_addf(must, "%s\"%s\"", i ? ", " : "must be one of ", choices[i]);
    return n;
}

static bool parse_choice(const struct settings_key *key, const char *text, void *member,
                         struct buf *must)
{
    unsigned chosen = choose(key->choices, text, must);

    *(unsigned *)member = chosen;
    return key->choices[chosen] != NULL;
}

static bool parse_switch(const char *text, void *member, struct buf *must)
{
    static const char *const truth[] = {"false", "true", NULL};
    unsigned chosen = choose(truth, text, must);

    *(bool *)member = chosen == 1;
    return truth[chosen] != NULL;
}

static bool parse_age(const struct settings_key *key, const char *text, void *member,
                      struct buf *must)
{
    struct settings_age *age = member;

    age->text = mem_strdup(text);
    if (key->may_last && !strcmp(text, "forever"))
        age->seconds = SETTINGS_FOREVER;
    else if (!duration_parse(text, &age->seconds)) {
        buf_addstr(must, key->may_last ? "must be like 12h, 30d, 8w, or \"forever\""
                                       : "must be like 12h, 30d, 8w");
        return false;
    }
    return true;
}

bool settings_value_parse(const struct settings_key *key, const char *text, void *member,
                          struct buf *must)
{
    switch (key->kind) {
    case SETTINGS_KIND_TEXT:
        return parse_text(key, text, member, must);
    case SETTINGS_KIND_NUMBER:
        return parse_number(key, text, member, must);
    case SETTINGS_KIND_MODE:
        return parse_mode(text, member, must);
    case SETTINGS_KIND_SWITCH:
        return parse_switch(text, member, must);
    case SETTINGS_KIND_CHOICE:
        return parse_choice(key, text, member, must);
    case SETTINGS_KIND_AGE:
        return parse_age(key, text, member, must);
    case SETTINGS_KIND_LIST:
        break;
    }
    abort();
}

void settings_value_free(const struct settings_key *key, void *member)
{
    if (key->kind == SETTINGS_KIND_TEXT)
        free(*(char **)member);
    if (key->kind == SETTINGS_KIND_LIST)
        strings_free(member);
    if (key->kind == SETTINGS_KIND_AGE)
        free(((struct settings_age *)member)->text);
}

bool settings_value_quotable(const char *value, const char **must)
{
    *must = "cannot hold quotes, backslashes or line breaks";
    return !strpbrk(value, "\"\\\r\n");
}
