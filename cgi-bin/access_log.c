/* SPDX-License-Identifier: Apache-2.0
 * L5: the access log. */
#include "access_log.h"

#include "base/buf.h"
#include "base/line_file.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIELD_MAX 2048 /* bytes of what a client chose */

static struct line_file file = {.fd = -1};

void access_log_open(const char *path)
{
    if (*path)
        line_file_open(&file, path);
}

void access_log_close(void)
{
    line_file_close(&file);
}

/* `also`: besides control characters, quotes, backslashes and what is not ASCII. */
static void add_field(struct buf *line, const char *text, const char *also)
{
    size_t len = text ? strnlen(text, FIELD_MAX) : 0;

    if (len == 0)
        buf_addc(line, '-');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || strchr(also, c))
            buf_addf(line, "\\x%02x", c);
        else
            buf_addc(line, (char)c);
    }
}

static void add_quoted(struct buf *line, const char *text)
{
    buf_addstr(line, " \"");
    add_field(line, text, "");
    buf_addc(line, '"');
}

void access_log_add(const struct access_log_entry *entry)
{
    AUTO_BUF line = BUF_INIT;
    char when[sizeof "02/Jan/2006:15:04:05 +0000"];
    time_t now = time(NULL);
    struct tm tm;

    if (!file.path)
        return;
    strftime(when, sizeof when, "%d/%b/%Y:%H:%M:%S +0000", gmtime_r(&now, &tm));
    add_field(&line, entry->address, " ");
    buf_addstr(&line, " - ");
    add_field(&line, entry->user, " ");
    buf_addf(&line, " [%s] \"", when);
    add_field(&line, entry->method, " ");
    buf_addc(&line, ' ');
    add_field(&line, entry->uri ? entry->uri : entry->path, " ");
    buf_addc(&line, ' ');
    add_field(&line, entry->protocol, " ");
    buf_addf(&line, "\" %d %jd", entry->status, (intmax_t)entry->sent);
    add_quoted(&line, entry->referer);
    add_quoted(&line, entry->agent);
    add_quoted(&line, entry->id);
    buf_addf(&line, " %jd.%06jd %jd %ld\n", (intmax_t)(entry->nanoseconds / 1000000000),
             (intmax_t)(entry->nanoseconds / 1000 % 1000000), (intmax_t)entry->taken,
             (long)getpid());
    line_file_add(&file, line.s, line.len);
}
