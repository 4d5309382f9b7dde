/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of a store, read once by each program that opens it.
 */
#ifndef BERTH_STORE_STORE_SETTINGS_H
#define BERTH_STORE_STORE_SETTINGS_H

#include "base/settings.h"

enum store_durability { STORE_DURABILITY_FULL, STORE_DURABILITY_NONE };

struct store_settings {
    char *root;                       /* data directory, absolute */
    enum store_durability durability; /* whether what was acknowledged survives a power cut */
    mode_t file_mode;
    mode_t dir_mode;
    int64_t manifest_limit; /* bytes */
    int64_t upload_limit;   /* open uploads of one user in one repository; 0: any number */
    int64_t lock_timeout;   /* seconds */
    int64_t grace;          /* seconds for which the collector leaves new and touched blobs alone */
    bool readonly;          /* at the start: what cannot be written to is opened to read */
    bool shared;            /* several hosts serve it: storage/storage.h */
};
extern const struct settings_table store_settings_table;

#endif
