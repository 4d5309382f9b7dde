/* SPDX-License-Identifier: Apache-2.0
 * L1: Via. */
#include "http/via.h"

#include <string.h>
#include <strings.h>

#define SPACE " \t"

/* What is behind a comment, in which others may stand. */
static const char *skip_comment(const char *s)
{
    int depth = 0;

    do {
        if (*s == '\\' && s[1])
            s++;
        else if (*s == '(')
            depth++;
        else if (*s == ')')
            depth--;
        s += *s != '\0';
    } while (*s && depth > 0);
    return s;
}

bool via_names(const char *value, const char *received_by)
{
    size_t len = strlen(received_by);
    const char *s = value;

    while (*(s += strspn(s, SPACE ","))) {
        s += strcspn(s, SPACE ","); /* the protocol */
        s += strspn(s, SPACE);
        size_t n = strcspn(s, SPACE ",");
        if (n == len && !strncasecmp(s, received_by, n))
            return true;
        for (s += n; *s && *s != ','; s = *s == '(' ? skip_comment(s) : s + 1)
            ;
    }
    return false;
}
