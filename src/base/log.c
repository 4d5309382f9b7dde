/* SPDX-License-Identifier: Apache-2.0
 * L0: the log, one line an event on standard error. */
#include "base/log.h"

#include "base/buf.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Below PIPE_BUF with what goes before it, so that lines of several workers do not mix in a pipe.
 */
#define LINE_TEXT_SIZE 3072

static enum log_level log_level = LOG_LEVEL_WARNING;
static const char *log_request;

void log_set_level(enum log_level level)
{
    log_level = level;
}

void log_set_request(const char *id)
{
    log_request = id;
}

/* JOURNAL_STREAM names the journal's end, as <device>:<inode>; what was started by a unit may have
 * another standard error of its own, such as a file, where a priority would only be noise. */
static bool goes_to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device, inode;
    struct stat st;
    char *end;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    device = strtoumax(stream, &end, 10);
    if (*end != ':')
        return false;
    inode = strtoumax(end + 1, &end, 10);
    return *end == '\0' && device == st.st_dev && inode == st.st_ino;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    static const char priorities[] = "3467"; /* as syslog(3) has them */
    char text[LINE_TEXT_SIZE];
    va_list ap;

    if (level > log_level)
        return;
    va_start(ap, fmt);
    text_format(text, sizeof text, NULL, fmt, ap);
    va_end(ap);

    AUTO_BUF line = BUF_INIT;
    if (goes_to_journal())
        buf_addf(&line, "<%c>", priorities[level]);
    buf_addf(&line, "berth[%ld]: %s: ", (long)getpid(), names[level]);
    text_add_escaped(&line, text);
    if (log_request)
        buf_addf(&line, " (request %s)", log_request);
    buf_addc(&line, '\n');
    /* One write a line, so that the lines of several workers don't mix. Nothing sensible can be
     * done if it fails. */
    ssize_t written = write(STDERR_FILENO, line.s, line.len);
    (void)written;
}
