/* SPDX-License-Identifier: Apache-2.0
 * L0: the text of berth.conf, cut into tokens as libconfuse does it. */
#include "base/conf_text.h"

#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_file(struct buf *text, const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");

    if (!file) {
        int errnum = errno;
        return err_set(err, ERR_CONFIG, "configuration file %s: %s", path, strerror(errnum));
    }
    while (!feof(file) && !ferror(file))
        text->len += fread(buf_reserve(text, 4096), 1, 4096, file);
    int errnum = ferror(file) ? errno : 0;
    fclose(file);
    if (errnum)
        return err_set(err, ERR_CONFIG, "configuration file %s: %s", path, strerror(errnum));
    buf_addstr(text, text->len ? "" : "\n");
    if (strlen(text->s) != text->len)
        return err_set(err, ERR_CONFIG, "configuration file %s: there is a NUL in it", path);
    return 0;
}

static size_t comment_length(const char *s)
{
    if (s[0] == '#' || !strncmp(s, "//", 2))
        return strcspn(s, "\n");
    if (strncmp(s, "/*", 2) != 0)
        return 0;
    const char *end = strstr(s + 2, "*/");
    return end ? (size_t)(end + 2 - s) : strlen(s);
}

static size_t string_length(const char *s)
{
    size_t n = 1;

    while (s[n] && s[n] != s[0])
        n += s[n] == '\\' && s[n + 1] ? 2 : 1;
    return s[n] ? n + 1 : n;
}

static size_t word_length(const char *s)
{
    if (*s == '"' || *s == '\'')
        return string_length(s);
    if (!strncmp(s, "${", 2)) { /* a variable of the environment */
        size_t n = strcspn(s, "}");
        return s[n] ? n + 1 : n;
    }
    return strcspn(s, " \t\r\n(){}=+,\"'");
}

struct scan {
    struct conf_text *text;
    int line;
    int depth;       /* of braces */
    const char *key; /* outside of all braces: what has begun, NULL: nothing */
    size_t key_len;
    int key_line;
    bool value; /* `=` was there */
};

static void take_word(struct scan *scan, const char *s, size_t len)
{
    if (scan->depth > 0)
        return;
    if (scan->value) {
        scan->value = false;
        scan->key = NULL;
    } else if (!scan->key) { /* else it is the section's title */
        scan->key = s;
        scan->key_len = len;
        scan->key_line = scan->line;
    }
}

static void open_section(struct scan *scan)
{
    struct conf_text *text = scan->text;

    text->sections = mem_grow(text->sections, text->n + 1, sizeof *text->sections);
    struct conf_text_section *section = &text->sections[text->n++];
    section->line = scan->key_line;
    snprintf(section->kind, sizeof section->kind, "%.*s", (int)scan->key_len, scan->key);
}

static void take_mark(struct scan *scan, char mark)
{
    if (mark == '=' && scan->depth == 0)
        scan->value = true;
    if (mark == '{' && scan->depth++ == 0 && scan->key && !scan->value)
        open_section(scan);
    if (mark == '}' && scan->depth > 0 && --scan->depth == 0) {
        scan->key = NULL;
        scan->value = false;
    }
}

/* Takes one token, or what is between two; returns its length. */
static size_t take_token(struct scan *scan, char *s)
{
    size_t len = comment_length(s);

    if (len > 0) {
        for (size_t i = 0; i < len; i++)
            s[i] = s[i] == '\n' ? '\n' : ' ';
        return len;
    }
    len = word_length(s);
    if (len > 0) {
        take_word(scan, s, len);
        return len;
    }
    take_mark(scan, *s);
    return 1;
}

int conf_text_read(struct conf_text *text, const char *path, struct err *err)
{
    struct scan scan = {.text = text, .line = 1};

    *text = (struct conf_text){0};
    if (read_file(&text->text, path, err) < 0)
        return -1;
    for (char *s = text->text.s; *s;) {
        char *end = s + take_token(&scan, s);
        for (; s < end; s++)
            scan.line += *s == '\n';
    }
    if (scan.depth > 0)
        return err_set(err, ERR_CONFIG, "%s:%d: what begins here has no end: a } is missing", path,
                       scan.key_line);
    return 0;
}

void conf_text_free(struct conf_text *text)
{
    buf_free(&text->text);
    free(text->sections);
    *text = (struct conf_text){0};
}

int conf_text_line(const struct conf_text *text, const char *kind, size_t n)
{
    for (size_t i = 0; i < text->n; i++)
        if (!strcmp(text->sections[i].kind, kind) && n-- == 0)
            return text->sections[i].line;
    return 0;
}
