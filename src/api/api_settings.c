/* SPDX-License-Identifier: Apache-2.0
 * L4: the settings of the HTTP interface. */
#include "api/api_settings.h"

#include <string.h>

static bool is_prefix(const char *value, const char **must)
{
    *must = "must begin and end with a slash";
    return value[0] == '/' && value[strlen(value) - 1] == '/';
}

static bool is_path(const char *value, const char **must)
{
    *must = "must be an absolute path";
    return !*value || value[0] == '/';
}

static bool is_sink(const char *value, const char **must)
{
    *must = "must be \"syslog\", \"journal\" or an absolute path";
    return !*value || value[0] == '/' || !strcmp(value, "syslog") || !strcmp(value, "journal");
}

static bool is_user(const char *value, const char **must)
{
    *must = "must be the name of a user, or a number";
    return *value != '\0';
}

static const char *const sendfiles[] = {"off", "x-sendfile", "x-accel-redirect", NULL};

static const struct settings_key keys[] = {
    SETTINGS_CHOICE(struct api_settings, sendfile, "sendfile", "off", sendfiles),
    SETTINGS_TEXT(struct api_settings, sendfile_prefix, "sendfile_prefix", "/_berth/", is_prefix),
    SETTINGS_NUMBER(struct api_settings, page_limit, "page_limit", "1000", 1, 1000000),
    SETTINGS_NUMBER(struct api_settings, client_timeout, "client_timeout", "300", 1, 86400),
    SETTINGS_NUMBER(struct api_settings, ready_room, "ready_room", "67108864", 0, INT64_MAX),
    SETTINGS_TEXT(struct api_settings, audit, "audit", "", is_sink),
    SETTINGS_TEXT(struct api_settings, access_log, "access_log", "", is_path),
    SETTINGS_TEXT(struct api_settings, metrics_dir, "metrics_dir", "", is_path),
    SETTINGS_CHECKED_LIST(struct api_settings, socket_users, "socket_users", is_user),
    SETTINGS_END,
};

const struct settings_table api_settings_table = SETTINGS_TABLE(struct api_settings, keys, NULL);
