/* SPDX-License-Identifier: Apache-2.0
 * L0: text for people. */
#include "base/text.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "..."
/* A word is not made shorter than this as long as another one is longer. */
#define WORD_MIN 24

/* The longest run without a space. */
static char *longest_word(char *text, size_t *len)
{
    char *longest = text;

    *len = 0;
    for (char *word = text; *word; word++) {
        size_t n = strcspn(word, " ");
        if (n > *len) {
            longest = word;
            *len = n;
        }
        word += n;
        if (!*word)
            break;
    }
    return longest;
}

/* Takes n bytes, the ellipsis's beyond them, out of the middle; not in the middle of a character of
 * UTF-8. */
static void cut_middle(char *word, size_t len, size_t n)
{
    size_t from = (len - n - strlen(ELLIPSIS)) / 2, to = from + n + strlen(ELLIPSIS);

    while (from > 0 && ((unsigned char)word[from] & 0xc0) == 0x80)
        from--;
    while (to < len && ((unsigned char)word[to] & 0xc0) == 0x80)
        to++;
    memcpy(word + from, ELLIPSIS, strlen(ELLIPSIS));
    memmove(word + from + strlen(ELLIPSIS), word + to, strlen(word + to) + 1);
}

void text_shorten(char *text, size_t size)
{
    size_t len;

    while ((len = strlen(text)) >= size) {
        size_t word_len, over = len - size + 1;
        char *word = longest_word(text, &word_len);
        if (word_len <= WORD_MIN) { /* many words: a text, of which the middle matters least */
            cut_middle(text, len, over);
            return;
        }
        size_t most = word_len - WORD_MIN + strlen(ELLIPSIS);
        /* Of several long words none loses all: half of what there is, then the next longest. */
        size_t share = most / 2 > 8 ? most / 2 : most;
        cut_middle(word, word_len, over < share ? over : share);
    }
}

void text_format(char *out, size_t size, const char *reason, const char *fmt, va_list ap)
{
    AUTO_BUF text = BUF_INIT;

    buf_addvf(&text, fmt, ap);
    if (reason)
        buf_addf(&text, ": %s", reason);
    text_shorten(text.s, size);
    memcpy(out, text.s, strlen(text.s) + 1);
}

void text_add_escaped(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            buf_addf(out, "\\x%02x", (unsigned char)*c);
        else
            buf_addc(out, *c);
    }
}

char *text_take_line(char *text, const char *key)
{
    size_t len = strlen(key);

    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, key, len) && line[len] == ' ')
            return line + len + 1;
    }
    return NULL;
}

void text_end_line(char *value)
{
    if (value)
        value[strcspn(value, "\n")] = '\0';
}

bool text_next_line(const char **at, const char **line, size_t *len)
{
    const char *end = *at ? strchr(*at, '\n') : NULL;

    if (!end)
        return false;
    *line = *at;
    *len = (size_t)(end - *at);
    *at = end + 1;
    return true;
}
