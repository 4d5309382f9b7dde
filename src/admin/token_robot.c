/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth token issue`, `ls` and `revoke`: robots' tokens. */
#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"
#include "auth/token.h"
#include "base/rfc3339.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct issue_line {
    struct options_common common;
    const char *user, *scope;
    int64_t expires;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct issue_line, user, 'u', "user", "USER", "whose rights the token has"),
    OPTIONS_ROW(struct issue_line, scope, 's', "scope", "SCOPE",
                "what it is for, like repository:team/*:pull,push"),
    OPTIONS_NUMBER(struct issue_line, expires, 'e', "expires", "TIME",
                   "until when, like 12h, 90d, 52w (default: 90d)", 1, 0),
    OPTIONS_END,
};

#define EXPIRES_DEFAULT ((int64_t)90 * 86400)

static bool actions_known(const char *text)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        if (scope_actions(text, len) == 0)
            return false;
        if (!text[len])
            return true;
        text += len + 1;
    }
}

/* A server passes over what it does not know; here it is a slip of the pen. */
static int check_scope(const char *text, struct err *err)
{
    for (size_t len; *text; text += len + (text[len] == ' ')) {
        struct arena arena = {0};
        struct scopes scopes = {0};
        char one[512];

        len = strcspn(text, " ");
        if (len == 0)
            continue;
        snprintf(one, sizeof one, "%.*s", (int)len, text);
        scope_parse(&scopes, &arena, one);
        bool known =
            len < sizeof one && (scopes.n ? actions_known(strrchr(one, ':') + 1) : scopes.catalog);
        arena_free(&arena);
        if (!known)
            return err_set(err, ERR_USAGE,
                           "--scope \"%s\": must be like repository:team/app:pull,push or "
                           "registry:catalog:*",
                           one);
    }
    return 0;
}

static int parse_options(const struct issue_line *options, const char *name, struct robot *robot,
                         struct err *err)
{
    int64_t seconds = options->expires < 0 ? EXPIRES_DEFAULT : options->expires;
    int64_t now = time(NULL);

    if (!options->user || !*options->user || strpbrk(options->user, ":\r\n"))
        return err_set(err, ERR_USAGE, "--user USER says whose rights the token has");
    if (!options->scope || !*options->scope)
        return err_set(err, ERR_USAGE,
                       "--scope SCOPE says what the token is for, like repository:team/*:pull");
    if (check_scope(options->scope, err) < 0)
        return -1;
    *robot = (struct robot){
        .name = name ? name : options->user,
        .user = options->user,
        .scope = options->scope,
        .issued = now,
        .expires = now + seconds,
    };
    return 0;
}

static int load_keys(const struct options_common *common, struct conf *conf, struct err *err)
{
    if (open_conf(common, conf, err) < 0)
        return -1;
    if (!*conf->token_keys)
        err_set(err, ERR_CONFIG, "token_keys is not configured: run `berth token init DIR`");
    else if (open_as_owner_of(conf->token_keys, err) == 0)
        return 0;
    conf_free(conf);
    return -1;
}

static void print_issued(const struct robot *robot, const struct buf *token, bool json,
                         struct buf *out)
{
    char expires[RFC3339_SIZE];

    if (!json) {
        buf_addf(out, "%s\n", token->s);
        return;
    }
    rfc3339_format(expires, robot->expires);
    buf_addf(out, "{\"name\":\"%s\",\"user\":", robot->name);
    json_quote(robot->user, out);
    buf_addstr(out, ",\"scope\":");
    json_quote(robot->scope, out);
    buf_addf(out, ",\"expires\":\"%s\",\"token\":\"%s\"}\n", expires, token->s);
}

static int issue(const struct conf *conf, const struct robot *robot, bool json, struct err *err)
{
    struct conf own = *conf;
    AUTO_BUF before = BUF_INIT;
    AUTO_BUF token = BUF_INIT;
    AUTO_BUF out = BUF_INIT;

    own.n_issuers = 0; /* whose keys issue nothing */
    struct tokens *tokens = token_load(&own, err);
    if (!tokens)
        return -1;
    bool again = robot_text(conf->token_keys, robot->name, &before, NULL) > 0;
    int result = token_issue_robot(tokens, robot, &token, err);
    token_free(tokens);
    if (result < 0)
        return -1;
    if (again)
        fprintf(stderr, "berth: the earlier token %s is revoked\n", robot->name);
    print_issued(robot, &token, json, &out);
    return print_out(&out, err);
}

static int run_issue(const void *said, char **args, struct err *err)
{
    const struct issue_line *options = said;
    struct robot robot;
    struct conf conf;

    if (parse_options(options, args[0], &robot, err) < 0 ||
        load_keys(&options->common, &conf, err) < 0)
        return -1;
    int result = issue(&conf, &robot, options->common.json, err);
    conf_free(&conf);
    return result;
}

static const char *text_or(const struct json *robot, const char *key)
{
    const char *text = json_text(json_get(robot, key));

    return text ? text : "-";
}

static void print_robot(const char *name, const struct json *robot, bool json, int width,
                        struct buf *out)
{
    char expires[RFC3339_SIZE];
    int64_t when = 0;

    json_size(json_get(robot, "expires"), &when);
    rfc3339_format(expires, when);
    bool expired = when <= time(NULL);
    if (!json) {
        buf_addf(out, "%-*s  %s  %-8s  %s%s\n", width, name, expires, text_or(robot, "user"),
                 text_or(robot, "scope"), expired ? " (expired)" : "");
        return;
    }
    buf_addf(out, "{\"name\":\"%s\",\"user\":", name);
    json_quote(text_or(robot, "user"), out);
    buf_addstr(out, ",\"scope\":");
    json_quote(text_or(robot, "scope"), out);
    buf_addf(out, ",\"expires\":\"%s\",\"expired\":%s}", expires, expired ? "true" : "false");
}

/* A damaged file is reported, and lets nobody in. */
static void print_robots(const char *token_keys, const struct strings *names, bool json,
                         struct buf *out)
{
    const char *separator = "";
    size_t width = strlen("NAME");
    struct err err;

    for (size_t i = 0; i < names->n; i++)
        if (strlen(names->v[i]) > width)
            width = strlen(names->v[i]);
    if (json)
        buf_addstr(out, "{\"tokens\":[");
    else
        buf_addf(out, "%-*s  %-20s  USER      SCOPE\n", (int)width, "NAME", "EXPIRES");
    for (size_t i = 0; i < names->n; i++) {
        struct json *robot = robot_read(token_keys, names->v[i], &err);
        if (!robot) {
            fprintf(stderr, "berth: the token %s: %s\n", names->v[i], err.msg);
            continue;
        }
        buf_addstr(out, json ? separator : "");
        separator = ",";
        print_robot(names->v[i], robot, json, (int)width, out);
        json_free(robot);
    }
    buf_addstr(out, json ? "]}\n" : "");
}

static int run_ls(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct conf conf;
    AUTO_STRINGS names = {0};
    AUTO_BUF out = BUF_INIT;

    (void)args;
    if (load_keys(options, &conf, err) < 0)
        return -1;
    int result = robot_list(conf.token_keys, &names, err);
    if (result == 0) {
        print_robots(conf.token_keys, &names, options->json, &out);
        result = print_out(&out, err);
    }
    conf_free(&conf);
    return result;
}

static int run_revoke(const void *said, char **args, struct err *err)
{
    struct conf conf;

    if (load_keys(said, &conf, err) < 0)
        return -1;
    int revoked = robot_revoke(conf.token_keys, args[0], err);
    if (revoked == 0)
        err_set(err, ERR_NOT_FOUND, "no token is called %s: see `berth token ls`", args[0]);
    conf_free(&conf);
    return revoked > 0 ? 0 : -1;
}

const struct command token_robot_issue_command = {
    .name = "token issue",
    .arguments = "[NAME]",
    .summary = "issue a robot's token",
    .args_min = 0,
    .args_max = 1,
    .rows = rows,
    .size = sizeof(struct issue_line),
    .run = run_issue,
};

const struct command token_robot_ls_command = {
    .name = "token ls",
    .arguments = "",
    .summary = "list the robots' tokens",
    .args_min = 0,
    .args_max = 0,
    .size = sizeof(struct options_common),
    .run = run_ls,
};

const struct command token_robot_revoke_command = {
    .name = "token revoke",
    .arguments = "NAME",
    .summary = "end a robot's token",
    .args_min = 1,
    .args_max = 1,
    .size = sizeof(struct options_common),
    .run = run_revoke,
};
