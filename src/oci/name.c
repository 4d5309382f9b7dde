/* SPDX-License-Identifier: Apache-2.0
 * L1: the grammar of repository names. */
#include "oci/name.h"

#include <stdbool.h>
#include <string.h>

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The length of the separator at s: one dot, one or two underscores, or any number of dashes. */
static size_t separator_len(const char *s, size_t len)
{
    size_t n = 0;

    if (len == 0)
        return 0;
    if (s[0] == '.')
        return 1;
    if (s[0] == '_')
        return len > 1 && s[1] == '_' ? 2 : 1;
    while (n < len && s[n] == '-')
        n++;
    return n;
}

static bool component_valid(const char *s, size_t len)
{
    size_t i = 0;

    for (;;) {
        size_t start = i;
        while (i < len && is_alnum(s[i]))
            i++;
        if (i == start)
            return false;
        if (i == len)
            return true;
        size_t separator = separator_len(s + i, len - i);
        if (separator == 0)
            return false;
        i += separator;
    }
}

int name_parse(struct name *name, const char *s, size_t len, struct err *err)
{
    if (len > NAME_LEN_MAX)
        return err_set(err, ERR_NAME_INVALID, "it is longer than %d bytes", NAME_LEN_MAX);
    for (size_t start = 0; start <= len;) {
        const char *slash = memchr(s + start, '/', len - start);
        size_t end = slash ? (size_t)(slash - s) : len;
        if (!component_valid(s + start, end - start))
            return err_set(err, ERR_NAME_INVALID,
                           "\"%.*s\": components are lower-case letters and digits, separated by "
                           "one of . _ __ -",
                           (int)len, s);
        start = end + 1;
    }
    memcpy(name->s, s, len);
    name->s[len] = '\0';
    return 0;
}

int name_compare(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    int left = *a == '/' ? 1 : (unsigned char)*a;
    int right = *b == '/' ? 1 : (unsigned char)*b;
    return left - right;
}

bool name_lies_below(const char *text, const char *ancestor)
{
    size_t len = strlen(ancestor);

    return !strncmp(text, ancestor, len) && text[len] == '/';
}

bool name_component_below(const char *text, const struct name *parent,
                          char component[NAME_LEN_MAX + 1])
{
    if (!text || (parent->s[0] && !name_lies_below(text, parent->s)))
        return false;
    if (parent->s[0])
        text += strlen(parent->s) + 1;
    size_t len = strcspn(text, "/");
    if (len > NAME_LEN_MAX)
        return false;
    memcpy(component, text, len);
    component[len] = '\0';
    return true;
}
