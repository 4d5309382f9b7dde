/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration, berth.conf(5): read once with libconfuse (which nobody else includes), then
 * each key from the environment variable BERTH_<KEY> where that is set.
 */
#ifndef BERTH_BASE_CONF_H
#define BERTH_BASE_CONF_H

#include "base/err.h"
#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum conf_sendfile { CONF_SENDFILE_OFF, CONF_SENDFILE_X_SENDFILE, CONF_SENDFILE_X_ACCEL };

struct conf {
    char *root;   /* data directory, absolute */
    bool durable; /* fsync what was acknowledged */
    enum conf_sendfile sendfile;
    char *sendfile_prefix; /* URL path of nginx' internal location, ends in a slash */
    mode_t file_mode;
    mode_t dir_mode;
    int64_t manifest_limit; /* bytes */
    int lock_timeout;       /* seconds */
    int64_t page_limit;     /* entries in one page of a listing */
    int64_t grace;          /* seconds for which the collector leaves new and touched blobs alone */
    enum log_level log_level;
};

/* Reads path, or where it is NULL $BERTH_CONF, or else /etc/berth/berth.conf if there is one.
 * ERR_CONFIG names file, line and remedy. conf_free afterwards, also after an error. */
int conf_load(struct conf *conf, const char *path, struct err *err);
void conf_free(struct conf *conf);

#endif
