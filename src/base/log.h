/* SPDX-License-Identifier: Apache-2.0
 *
 * One line an event on standard error, which every web server and systemd collect. Control
 * characters in a message are shown as \xHH, so that a request cannot forge a line. Where standard
 * error is the journal's, a line begins with its priority, such as <3>, see sd-daemon(3).
 */
#ifndef BERTH_BASE_LOG_H
#define BERTH_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level); /* default: warning */
/* The request at work, which each line then names at its end; NULL: none. Not copied. */
void log_set_request(const char *id);
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
