/* SPDX-License-Identifier: Apache-2.0
 *
 * The access log (`access_log` in berth.conf(5)): a line for each request, in the combined format
 * with what berth knows besides. One for each process.
 */
#ifndef BERTH_CGI_BIN_ACCESS_LOG_H
#define BERTH_CGI_BIN_ACCESS_LOG_H

#include <stdint.h>

/* NULL is what is not known. */
struct access_log_entry {
    const char *address, *user;
    const char *method;
    const char *uri, *path; /* as the client wrote it; decoded, where that is not known */
    const char *protocol;
    int status;
    int64_t sent, taken; /* bytes of bodies */
    const char *referer, *agent;
    const char *id;
    int64_t nanoseconds;
};

/* "": none. */
void access_log_open(const char *path);
void access_log_close(void);
/* What a client chose is cut, and escaped as \xHH: it ends neither its quotes nor the line. */
void access_log_add(const struct access_log_entry *entry);

#endif
