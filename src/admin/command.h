/* SPDX-License-Identifier: Apache-2.0
 *
 * The `berth` command, berth(1): each subcommand is one row of main.c's table, and stands whole in
 * the file of its name: usage, options, and the function that runs it over the registry's verbs.
 * What it does to a store is what the HTTP interface does, under the same locks, while the store is
 * being served or not.
 */
#ifndef BERTH_ADMIN_COMMAND_H
#define BERTH_ADMIN_COMMAND_H

#include "base/err.h"
#include "cli/options.h"

struct command {
    const char *name; /* one word or two */
    const char *arguments;
    const char *summary;
    int args_min, args_max;
    const struct options_row *rows; /* NULL: none but those that all take */
    size_t size;                    /* of the struct that they fill */
    /* options: that struct; args end with NULL. Returns 0, or -1 with *err set. */
    int (*run)(const void *options, char **args, struct err *err);
};

extern const struct command serve_command, registry_command, health_command, status_command;
extern const struct command ls_command, tags_command, inspect_command, du_command;
extern const struct command rm_command, tag_command, cp_command;
extern const struct command gc_command, expire_command, retain_command, fsck_command;
extern const struct command check_storage_command;
extern const struct command export_command, import_command;
extern const struct command user_add_command, user_passwd_command, user_rm_command, user_ls_command;
extern const struct command cache_check_command;
extern const struct command access_command, config_check_command, config_import_command;
extern const struct command token_init_command, token_keys_command;
extern const struct command token_robot_issue_command, token_robot_ls_command,
    token_robot_revoke_command;

#endif
