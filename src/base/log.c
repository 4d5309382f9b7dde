/* SPDX-License-Identifier: Apache-2.0
 * L0: the log, one line an event on standard error. */
#include "base/log.h"

#include "base/buf.h"
#include "base/text.h"

#include <stdarg.h>
#include <unistd.h>

/* Below PIPE_BUF with what goes before it, so that lines of several workers do not mix in a pipe.
 */
#define LINE_TEXT_SIZE 3072

static enum log_level log_level = LOG_LEVEL_WARNING;

void log_set_level(enum log_level level)
{
    log_level = level;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char text[LINE_TEXT_SIZE];
    va_list ap;

    if (level > log_level)
        return;
    va_start(ap, fmt);
    text_format(text, sizeof text, NULL, fmt, ap);
    va_end(ap);

    AUTO_BUF line = BUF_INIT;
    buf_addf(&line, "berth[%ld]: %s: ", (long)getpid(), names[level]);
    text_add_escaped(&line, text);
    buf_addc(&line, '\n');
    /* One write a line, so that the lines of several workers don't mix. Nothing sensible can be
     * done if it fails. */
    ssize_t written = write(STDERR_FILENO, line.s, line.len);
    (void)written;
}
