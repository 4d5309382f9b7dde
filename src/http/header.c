/* SPDX-License-Identifier: Apache-2.0
 * L1: values of HTTP headers. */
#include "http/header.h"

#include "base/decimal.h"

#include <string.h>
#include <strings.h>

static const char *skip_space(const char *s)
{
    return s + strspn(s, " \t");
}

/* Reads digits at *s and moves behind them. */
static bool take_number(const char **s, int64_t *n)
{
    size_t len = strspn(*s, "0123456789");
    bool ok = decimal_parse(*s, len, n);

    *s += len;
    return ok;
}

bool header_content_range(const char *value, int64_t *first, int64_t *last)
{
    const char *s = skip_space(value);
    bool rfc9110 = !strncasecmp(s, "bytes ", 6);

    if (rfc9110)
        s = skip_space(s + 6);
    if (!take_number(&s, first) || *s++ != '-' || !take_number(&s, last))
        return false;
    if (rfc9110 && *s == '/')
        return true;
    return *skip_space(s) == '\0';
}

/* One of "a-b", "a-", "-n" at *s. 1: satisfiable, 0: lies behind the end, -1: malformed. */
static int take_range(const char **s, int64_t size, struct byte_range *range)
{
    int64_t first, last = INT64_MAX;

    if (**s == '-') {
        (*s)++;
        if (!take_number(s, &last))
            return -1;
        *range = (struct byte_range){last < size ? size - last : 0, size - 1};
        return last > 0 && size > 0;
    }
    if (!take_number(s, &first) || **s != '-')
        return -1;
    (*s)++;
    if (**s >= '0' && **s <= '9')
        take_number(s, &last);
    if (last < first)
        return -1;
    *range = (struct byte_range){first, last < size ? last : size - 1};
    return first < size;
}

enum range_verdict header_range(const char *value, int64_t size,
                                struct byte_range ranges[RANGE_MAX], size_t *n)
{
    int64_t total = 0;

    *n = 0;
    if (!value || strncasecmp(value, "bytes=", 6) != 0)
        return RANGE_NONE;
    for (const char *s = value + 6;; s++) {
        struct byte_range range;
        s = skip_space(s);
        int satisfiable = take_range(&s, size, &range);
        s = skip_space(s);
        if (satisfiable < 0 || (*s != '\0' && *s != ','))
            return RANGE_UNSATISFIABLE;
        if (satisfiable) {
            int64_t len = range.last - range.first + 1;
            if (*n == RANGE_MAX || len > size - total || (*n > 0 && len > RANGE_TOTAL_MAX - total))
                return RANGE_NONE;
            total += len;
            ranges[(*n)++] = range;
        }
        if (*s == '\0')
            return *n ? RANGE_SOME : RANGE_UNSATISFIABLE;
    }
}

bool header_etag_matches(const char *value, const char *etag, bool exists,
                         enum etag_comparison comparison)
{
    size_t len = strlen(etag);

    for (const char *s = value; *s;) {
        s += strspn(s, " \t,");
        if (*s == '*')
            return exists;
        bool weak = !strncmp(s, "W/", 2);
        if (weak)
            s += 2;
        const char *end = *s == '"' ? strchr(s + 1, '"') : NULL;
        if (!end)
            return false;
        if (exists && (!weak || comparison == ETAG_WEAK) && (size_t)(end - s - 1) == len &&
            !memcmp(s + 1, etag, len))
            return true;
        s = end + 1;
        s += strspn(s, " \t,");
    }
    return false;
}

void header_media_type(const char *value, char *out, size_t size)
{
    size_t len = strcspn(value, "; \t");

    if (len >= size)
        len = size - 1;
    memcpy(out, value, len);
    out[len] = '\0';
}
