/* SPDX-License-Identifier: Apache-2.0
 * L2: headers of answers. */
#include "remote/answer.h"

#include "base/decimal.h"

#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define SPACE " \t"

static bool take_number(const char **s, int64_t *number)
{
    size_t len = strspn(*s, DIGITS);
    bool ok = len > 0 && decimal_parse(*s, len, number) && *number < INT64_MAX;

    *s += len;
    return ok;
}

bool answer_content_range(const char *value, int64_t *first, int64_t *last, int64_t *size)
{
    const char *s = value + strspn(value, SPACE);

    if (strncasecmp(s, "bytes ", 6) != 0)
        return false;
    s += 6 + strspn(s + 6, SPACE);
    if (!take_number(&s, first) || *s++ != '-' || !take_number(&s, last) || *s++ != '/')
        return false;
    if (*s == '*') {
        *size = -1;
        s++;
    } else if (!take_number(&s, size)) {
        return false;
    }
    return s[strspn(s, SPACE)] == '\0' && *first <= *last && (*size < 0 || *last < *size);
}

int64_t answer_retry_after(const char *value, time_t now)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
        "%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
        "%a %b %d %H:%M:%S %Y",      /* asctime */
    };
    const char *s = value + strspn(value, SPACE);
    size_t len = strspn(s, DIGITS);
    int64_t seconds;

    if (len > 0)
        return s[len + strspn(s + len, SPACE)] == '\0' && decimal_parse(s, len, &seconds) ? seconds
                                                                                          : -1;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm when = {0};
        const char *end = strptime(s, forms[i], &when);
        if (end && end[strspn(end, SPACE)] == '\0') {
            time_t at = timegm(&when);
            return at > now ? (int64_t)(at - now) : 0;
        }
    }
    return -1;
}

/* What is behind a parameter's value at s. */
static const char *skip_value(const char *s)
{
    if (*s != '"')
        return s + strcspn(s, ",; \t");
    for (s++; *s && *s != '"'; s++)
        if (*s == '\\' && s[1])
            s++;
    return *s ? s + 1 : s;
}

/* Whether a relation is among those of len bytes at s, which spaces separate. */
static bool has_relation(const char *s, size_t len, const char *relation)
{
    if (len >= 2 && *s == '"') {
        s++;
        len -= 2;
    }
    for (const char *end = s + len; s < end;) {
        size_t n = 0;
        while (s + n < end && s[n] != ' ')
            n++;
        if (n == strlen(relation) && !strncasecmp(s, relation, n))
            return true;
        s += n + 1;
    }
    return false;
}

/* The parameters of a link, from behind its target on; *is_next: its relation says so. What is
 * behind them. */
static const char *take_parameters(const char *s, bool *is_next)
{
    bool has_rel = false; /* the first counts */

    *is_next = false;
    for (s += strspn(s, SPACE); *s == ';'; s += strspn(s, SPACE)) {
        s += 1 + strspn(s + 1, SPACE);
        const char *name = s;
        size_t len = strcspn(s, "=,; \t");
        s += len;
        s += strspn(s, SPACE);
        if (*s != '=')
            continue;
        s += 1 + strspn(s + 1, SPACE);
        const char *end = skip_value(s);
        if (len == 3 && !strncasecmp(name, "rel", 3) && !has_rel) {
            has_rel = true;
            *is_next = has_relation(s, (size_t)(end - s), "next");
        }
        s = end;
    }
    return s;
}

bool answer_next(const char *link, struct buf *target)
{
    for (const char *s = link; *(s += strspn(s, SPACE ",")) == '<';) {
        const char *from = s + 1, *to = strchr(from, '>');
        bool is_next;
        if (!to)
            return false;
        s = take_parameters(to + 1, &is_next);
        if (is_next) {
            buf_add(target, from, (size_t)(to - from));
            return true;
        }
    }
    return false;
}
