/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth user`: htpasswd files. */
#include "admin/admin.h"

#include "admin/password.h"
#include "auth/passwd.h"
#include "base/codec.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COST_MIN 4
#define COST_DEFAULT 10
#define COST_MAX 17

static int parse_cost(const struct admin_options *options, int *cost, struct err *err)
{
    const char *text = options->cost;
    int64_t n;

    *cost = COST_DEFAULT;
    if (!text)
        return 0;
    if (!decimal_parse(text, strlen(text), &n) || n < COST_MIN || n > COST_MAX)
        return err_set(err, ERR_USAGE, "--cost takes a number from %d to %d", COST_MIN, COST_MAX);
    *cost = (int)n;
    return 0;
}

static int has_user(const char *path, const char *user, struct err *err)
{
    AUTO_STRINGS users = {0};

    if (passwd_users(path, &users, err) < 0)
        return -1;
    for (size_t i = 0; i < users.n; i++)
        if (!strcmp(users.v[i], user))
            return 1;
    return 0;
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
static int share_new_file(const struct admin_options *options, const char *path, struct err *err)
{
    struct conf conf;
    int result = 0;

    if (admin_conf(options, &conf, NULL) == 0) {
        result = admin_give_to_group(&conf, path, err);
        conf_free(&conf);
    }
    admin_note_root(path);
    return result;
}

static int set_password(const struct admin_options *options, char **args, bool add, struct err *err)
{
    const char *path = args[0], *user = args[1];
    AUTO_PASSWORD password;
    AUTO_BUF hash = BUF_INIT;
    int cost;

    /* Before somebody types a password in vain, and after he took his time. */
    if (parse_cost(options, &cost, err) < 0 || check_presence(path, user, add, err) < 0 ||
        password_ask(&password, user, err) < 0 || passwd_hash(password.s, cost, &hash, err) < 0 ||
        check_presence(path, user, add, err) < 0)
        return -1;
    bool is_new = access(path, F_OK) < 0;
    if (passwd_set(path, user, hash.s, err) < 0)
        return -1;
    return is_new ? share_new_file(options, path, err) : 0;
}

int admin_user_add(const struct admin_options *options, char **args, struct err *err)
{
    return set_password(options, args, true, err);
}

int admin_user_passwd(const struct admin_options *options, char **args, struct err *err)
{
    return set_password(options, args, false, err);
}

int admin_user_rm(const struct admin_options *options, char **args, struct err *err)
{
    (void)options;
    int removed = passwd_remove(args[0], args[1], err);
    return removed == 0 ? no_such_user(args[0], args[1], err) : removed < 0 ? -1 : 0;
}

static void print_users(const struct strings *users, const struct passwd *passwd, bool json,
                        struct buf *out)
{
    struct err why;

    buf_addstr(out, json ? "{\"users\":[" : "");
    for (size_t i = 0; i < users->n; i++) {
        buf_addstr(out, json && i ? "," : "");
        if (json)
            json_quote(users->v[i], out);
        else
            buf_addf(out, "%s\n", users->v[i]);
    }
    buf_addstr(out, json ? "],\"unusable\":[" : "");
    for (size_t i = 0; passwd_unusable(passwd, i, &why); i++) {
        if (!json) {
            fprintf(stderr, "berth: %s\n", why.msg);
            continue;
        }
        buf_addstr(out, i ? "," : "");
        json_quote(why.msg, out);
    }
    buf_addstr(out, json ? "]}\n" : "");
}

int admin_user_ls(const struct admin_options *options, char **args, struct err *err)
{
    AUTO_STRINGS users = {0};
    AUTO_BUF out = BUF_INIT;

    if (access(args[0], F_OK) < 0)
        return err_set(err, ERR_NOT_FOUND, "%s: %s", args[0], strerror(errno));
    struct passwd *passwd = passwd_read(args[0], 0, err);
    if (!passwd)
        return -1;
    int result = passwd_users(args[0], &users, err);
    if (result == 0) {
        print_users(&users, passwd, options->json, &out);
        result = admin_print(&out, err);
    }
    passwd_free(passwd);
    return result;
}
