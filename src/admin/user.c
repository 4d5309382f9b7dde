/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth user`: htpasswd files. */
#include "admin/command.h"
#include "admin/open.h"
#include "admin/share.h"
#include "auth/passwd.h"
#include "auth/passwd_file.h"
#include "cli/output.h"
#include "cli/password.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COST_MIN 4
#define COST_DEFAULT 10
#define COST_MAX 17

struct password_line {
    struct options_common common;
    int cost;
    const char *group;
};

static const struct options_row rows[] = {
    OPTIONS_NUMBER(struct password_line, cost, 'C', "cost", "N",
                   "of bcrypt, 4 to 17 (default: 10); one more doubles the time", COST_MIN,
                   COST_MAX),
    SHARE_ROW(struct password_line),
    OPTIONS_END,
};

/* A new file of root's could not be read by the web server. */
static int choose_group(const struct password_line *options, gid_t *group, struct err *err)
{
    struct config conf;
    bool configured = open_config(&options->common, &conf, NULL) == 0;

    int result = share_group(options->group, configured ? &conf : NULL, group, err);
    if (configured)
        config_free(&conf);
    return result;
}

static int set_password(const struct password_line *options, char **args,
                        enum passwd_file_user which, struct err *err)
{
    const char *path = args[0], *user = args[1];
    AUTO_PASSWORD password;
    AUTO_BUF hash = BUF_INIT;
    int cost = options->cost ? options->cost : COST_DEFAULT;
    gid_t group;

    /* Before somebody types a password in vain. */
    if (choose_group(options, &group, err) < 0 || passwd_file_check(path, user, which, err) < 0 ||
        password_ask(&password, user, err) < 0 || passwd_hash(password.s, cost, &hash, err) < 0)
        return -1;
    bool is_new = access(path, F_OK) < 0;
    if (passwd_file_set(path, user, hash.s, which, group, err) < 0 ||
        (options->group && share_give(path, group, err) < 0))
        return -1;
    if (is_new || options->group)
        share_say(path, group);
    return 0;
}

static int run_add(const void *said, char **args, struct err *err)
{
    return set_password(said, args, PASSWD_FILE_NEW, err);
}

static int run_passwd(const void *said, char **args, struct err *err)
{
    return set_password(said, args, PASSWD_FILE_KNOWN, err);
}

static int run_rm(const void *said, char **args, struct err *err)
{
    (void)said;
    int removed = passwd_file_remove(args[0], args[1], err);
    if (removed == 0)
        return err_set(err, ERR_NOT_FOUND, "%s has no user \"%s\"", args[0], args[1]);
    return removed < 0 ? -1 : 0;
}

static int print_users(const struct strings *users, const struct passwd *passwd, bool json,
                       struct err *err)
{
    struct err why;
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    if (json)
        json_writer_array(out.json, "users");
    for (size_t i = 0; i < users->n; i++) {
        if (json)
            json_writer_string(out.json, NULL, users->v[i]);
        else
            buf_addf(&out.text, "%s\n", users->v[i]);
    }
    if (json) {
        json_writer_end(out.json);
        json_writer_array(out.json, "unusable");
    }
    for (size_t i = 0; passwd_unusable(passwd, i, &why); i++) {
        if (json)
            json_writer_string(out.json, NULL, why.msg);
        else
            fprintf(stderr, "berth: %s\n", why.msg);
    }
    if (json)
        json_writer_end(out.json);
    return output_end(&out, err);
}

static int run_ls(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    AUTO_STRINGS users = {0};

    if (access(args[0], F_OK) < 0)
        return err_set(err, ERR_NOT_FOUND, "%s: %s", args[0], strerror(errno));
    struct passwd *passwd = passwd_read(args[0], 0, err);
    if (!passwd)
        return -1;
    int result = passwd_file_users(args[0], &users, err);
    if (result == 0)
        result = print_users(&users, passwd, options->json, err);
    passwd_free(passwd);
    return result;
}

const struct command user_add_command = {
    .name = "user add",
    .arguments = "FILE USER",
    .summary = "add a user to an htpasswd file",
    .args_min = 2,
    .args_max = 2,
    .rows = rows,
    .size = sizeof(struct password_line),
    .run = run_add,
};

const struct command user_passwd_command = {
    .name = "user passwd",
    .arguments = "FILE USER",
    .summary = "change a user's password",
    .args_min = 2,
    .args_max = 2,
    .rows = rows,
    .size = sizeof(struct password_line),
    .run = run_passwd,
};

const struct command user_rm_command = {
    .name = "user rm",
    .arguments = "FILE USER",
    .summary = "remove a user from an htpasswd file",
    .args_min = 2,
    .args_max = 2,
    .size = sizeof(struct options_common),
    .run = run_rm,
};

const struct command user_ls_command = {
    .name = "user ls",
    .arguments = "FILE",
    .summary = "list the users of an htpasswd file",
    .args_min = 1,
    .args_max = 1,
    .size = sizeof(struct options_common),
    .run = run_ls,
};
