/* SPDX-License-Identifier: Apache-2.0
 * L2: the settings of a store. */
#include "store/store_settings.h"

static bool is_absolute(const char *value, const char **must)
{
    *must = "must be an absolute path";
    return value[0] == '/';
}

static const char *const durabilities[] = {"full", "none", NULL};

static const struct settings_key keys[] = {
    SETTINGS_TEXT(struct store_settings, root, "root", "/var/lib/registry", is_absolute),
    SETTINGS_CHOICE(struct store_settings, durability, "durability", "full", durabilities),
    SETTINGS_MODE(struct store_settings, file_mode, "file_mode", "0640"),
    SETTINGS_MODE(struct store_settings, dir_mode, "dir_mode", "0750"),
    SETTINGS_NUMBER(struct store_settings, manifest_limit, "manifest_limit", "4194304", 1024,
                    1 << 30),
    SETTINGS_NUMBER(struct store_settings, upload_limit, "upload_limit", "1000", 0, 1000000),
    SETTINGS_NUMBER(struct store_settings, lock_timeout, "lock_timeout", "10", 0, 3600),
    SETTINGS_NUMBER(struct store_settings, grace, "grace", "86400", 0, INT32_MAX),
    SETTINGS_SWITCH(struct store_settings, readonly, "readonly", "false"),
    SETTINGS_SWITCH(struct store_settings, shared, "shared", "false"),
    SETTINGS_END,
};

const struct settings_table store_settings_table =
    SETTINGS_TABLE(struct store_settings, keys, NULL);
