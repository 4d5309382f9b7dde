/* SPDX-License-Identifier: Apache-2.0
 * L0: growable byte string. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *buf_reserve(struct buf *buf, size_t len)
{
    if (len >= SIZE_MAX / 2 - buf->len)
        abort();
    size_t need = buf->len + len + 1;
    if (need > buf->cap) {
        size_t cap = buf->cap + buf->cap / 2;
        buf->cap = need > cap ? need : cap;
        buf->s = mem_grow(buf->s, buf->cap, 1);
    }
    buf->s[buf->len] = '\0';
    return buf->s + buf->len;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    char *end = buf_reserve(buf, len);

    if (len)
        memcpy(end, bytes, len);
    end[len] = '\0';
    buf->len += len;
}

void buf_addstr(struct buf *buf, const char *s)
{
    buf_add(buf, s, strlen(s));
}

void buf_addc(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_addvf(struct buf *buf, const char *fmt, va_list ap)
{
    va_list again;

    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    if (len < 0)
        abort();
    char *end = buf_reserve(buf, (size_t)len);
    vsnprintf(end, (size_t)len + 1, fmt, again);
    va_end(again);
    buf->len += (size_t)len;
}

void buf_addf(struct buf *buf, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_addvf(buf, fmt, ap);
    va_end(ap);
}

char *buf_line(struct buf *buf, size_t *at)
{
    if (*at >= buf->len)
        return NULL;
    char *line = buf->s + *at;
    char *end = memchr(line, '\n', buf->len - *at);
    if (end)
        *end = '\0';
    *at = end ? (size_t)(end + 1 - buf->s) : buf->len;
    return line;
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->s)
        buf->s[0] = '\0';
}

void buf_free(struct buf *buf)
{
    free(buf->s);
    *buf = (struct buf)BUF_INIT;
}
