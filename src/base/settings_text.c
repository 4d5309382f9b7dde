/* SPDX-License-Identifier: Apache-2.0
 * L0: the text of a configuration file, cut into tokens as libconfuse does it. */
#include "base/settings_text.h"

#include "base/may.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX ((size_t)64 << 20) /* bytes; a longer file is an error */

static int read_file(struct buf *text, const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");

    if (!file) {
        int errnum = errno;
        return may_read(path, err) < 0
                   ? -1
                   : err_set(err, ERR_CONFIG, "configuration file %s: %s", path, strerror(errnum));
    }
    while (!feof(file) && !ferror(file) && text->len <= TEXT_MAX)
        text->len += fread(buf_reserve(text, 4096), 1, 4096, file);
    int errnum = ferror(file) ? errno : text->len > TEXT_MAX ? EFBIG : 0;
    fclose(file);
    if (errnum)
        return err_set(err, ERR_CONFIG, "configuration file %s: %s", path, strerror(errnum));
    buf_addstr(text, text->len ? "" : "\n");
    if (strlen(text->s) != text->len)
        return err_set(err, ERR_CONFIG, "configuration file %s: there is a NUL in it", path);
    return 0;
}

static bool is_comment(const char *s)
{
    return s[0] == '#' || !strncmp(s, "//", 2) || !strncmp(s, "/*", 2);
}

/* 0: it has no end. */
static size_t comment_length(const char *s)
{
    if (strncmp(s, "/*", 2) != 0)
        return strcspn(s, "\n");
    const char *end = strstr(s + 2, "*/");
    return end ? (size_t)(end + 2 - s) : 0;
}

/* 0: it has no end. */
static size_t string_length(const char *s)
{
    size_t n = 1;

    while (s[n] && s[n] != s[0])
        n += s[n] == '\\' && s[n + 1] ? 2 : 1;
    return s[n] ? n + 1 : 0;
}

static size_t word_length(const char *s)
{
    if (!strncmp(s, "${", 2) && strchr(s, '}')) /* a variable of the environment */
        return strcspn(s, "}") + 1;
    size_t n = strcspn(s, " \t\r\n(){}=+,\"'#");
    return n ? n : 1;
}

static int line_of(const char *text, const char *at)
{
    int line = 1;

    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

int settings_text_read(struct buf *text, const char *path, struct err *err)
{
    if (read_file(text, path, err) < 0)
        return -1;
    for (char *s = text->s; *s;) {
        bool comment = is_comment(s);
        size_t len = comment                   ? comment_length(s)
                     : *s == '"' || *s == '\'' ? string_length(s)
                                               : word_length(s);
        if (len == 0)
            return err_set(err, ERR_CONFIG, "%s:%d: the %s that begins here has no end", path,
                           line_of(text->s, s), comment ? "comment" : "string");
        for (char *end = s + len; s < end; s++)
            if (comment && *s != '\n')
                *s = ' ';
    }
    return 0;
}
