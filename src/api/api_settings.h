/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of the HTTP interface, read once by each program that answers requests.
 */
#ifndef BERTH_API_API_SETTINGS_H
#define BERTH_API_API_SETTINGS_H

#include "base/settings.h"

enum api_sendfile { API_SENDFILE_OFF, API_SENDFILE_X_SENDFILE, API_SENDFILE_X_ACCEL };

struct api_settings {
    enum api_sendfile sendfile;
    char *sendfile_prefix;  /* URL path of nginx' internal location, ends in a slash */
    int64_t page_limit;     /* entries in one page of a listing */
    int64_t client_timeout; /* seconds for a manifest to arrive, and for each MiB of an answer */
    int64_t ready_room;     /* bytes that must be free for /readyz; 0: any number */
    char *audit;            /* a file, "syslog", "journal"; "": none */
    char *access_log;       /* a file; "": none */
    char *metrics_dir;      /* where counters are shared; "": metric.h says */
    struct strings socket_users; /* who may connect to the FastCGI socket; none: whoever can */
};
extern const struct settings_table api_settings_table;

#endif
