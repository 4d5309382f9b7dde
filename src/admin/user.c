/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth user`: htpasswd files. */
#include "admin/command.h"
#include "admin/open.h"
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
};

static const struct options_row rows[] = {
    OPTIONS_NUMBER(struct password_line, cost, 'C', "cost", "N",
                   "of bcrypt, 4 to 17 (default: 10); one more doubles the time", COST_MIN,
                   COST_MAX),
    OPTIONS_END,
};

static int has_user(const char *path, const char *user, struct err *err)
{
    AUTO_STRINGS users = {0};

    return passwd_file_users(path, &users, err) < 0 ? -1 : strings_has(&users, user);
}

static int no_such_user(const char *path, const char *user, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "%s has no user \"%s\"", path, user);
}

/* Whether the user is there as the command needs it. */
static int check_presence(const char *path, const char *user, bool add, struct err *err)
{
    int found = has_user(path, user, err);

    if (found > 0 && add)
        return err_set(err, ERR_USAGE,
                       "%s has the user \"%s\" already: `berth user passwd` changes the "
                       "password",
                       path, user);
    if (found == 0 && !add)
        return no_such_user(path, user, err);
    return found < 0 ? -1 : 0;
}

/* A new file of root's could not be read by the web server. */
static int share_new_file(const struct password_line *options, const char *path, struct err *err)
{
    struct conf conf;
    int result = 0;

    if (open_conf(&options->common, &conf, NULL) == 0) {
        result = open_share(&conf, path, err);
        conf_free(&conf);
    }
    open_note_root(path);
    return result;
}

static int set_password(const struct password_line *options, char **args, bool add, struct err *err)
{
    const char *path = args[0], *user = args[1];
    AUTO_PASSWORD password;
    AUTO_BUF hash = BUF_INIT;
    int cost = options->cost ? options->cost : COST_DEFAULT;

    /* Before somebody types a password in vain, and after he took his time. */
    if (check_presence(path, user, add, err) < 0 || password_ask(&password, user, err) < 0 ||
        passwd_hash(password.s, cost, &hash, err) < 0 || check_presence(path, user, add, err) < 0)
        return -1;
    bool is_new = access(path, F_OK) < 0;
    if (passwd_file_set(path, user, hash.s, err) < 0)
        return -1;
    return is_new ? share_new_file(options, path, err) : 0;
}

static int run_add(const void *said, char **args, struct err *err)
{
    return set_password(said, args, true, err);
}

static int run_passwd(const void *said, char **args, struct err *err)
{
    return set_password(said, args, false, err);
}

static int run_rm(const void *said, char **args, struct err *err)
{
    (void)said;
    int removed = passwd_file_remove(args[0], args[1], err);
    return removed == 0 ? no_such_user(args[0], args[1], err) : removed < 0 ? -1 : 0;
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
