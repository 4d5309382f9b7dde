/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth token issue`, `ls` and `revoke`: robots' tokens. */
#include "admin/command.h"
#include "admin/open.h"
#include "admin/token_scope.h"
#include "auth/token.h"
#include "cli/table.h"

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
    if (token_scope_check(options->scope, err) < 0)
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

static int load_keys(const struct options_common *common, struct config *conf, struct err *err)
{
    if (open_config(common, conf, err) < 0)
        return -1;
    if (!*conf->live.token.keys)
        err_set(err, ERR_CONFIG, "token_keys is not configured: run `berth token init DIR`");
    else if (open_as_owner_of(conf->live.token.keys, err) == 0)
        return 0;
    config_free(conf);
    return -1;
}

/* A token, as it was issued or as it is listed. */
struct token_row {
    const char *name, *user, *scope;
    int64_t expires;
    bool expired;
    const char *token;
};

static const struct table_column issued_columns[] = {
    TABLE_COLUMN(struct token_row, name, TABLE_TEXT, "name", NULL),
    TABLE_COLUMN(struct token_row, user, TABLE_TEXT, "user", NULL),
    TABLE_COLUMN(struct token_row, scope, TABLE_TEXT, "scope", NULL),
    TABLE_COLUMN(struct token_row, expires, TABLE_TIME, "expires", NULL),
    TABLE_COLUMN(struct token_row, token, TABLE_TEXT, "token", NULL),
    TABLE_END,
};

static int print_issued(const struct robot *robot, const char *token, bool json, struct err *err)
{
    const struct token_row row = {.name = robot->name,
                                  .user = robot->user,
                                  .scope = robot->scope,
                                  .expires = robot->expires,
                                  .token = token};
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    table_sheet(issued_columns, &row, &out);
    if (!json)
        buf_addf(&out.text, "%s\n", token);
    return output_end(&out, err);
}

static int issue(const struct config *conf, const struct robot *robot, bool json, struct err *err)
{
    struct token_settings own = conf->live.token;
    AUTO_BUF before = BUF_INIT;
    AUTO_BUF token = BUF_INIT;

    own.n_issuers = 0; /* whose keys issue nothing */
    struct tokens *tokens = token_load(&own, err);
    if (!tokens)
        return -1;
    bool again = robot_text(conf->live.token.keys, robot->name, &before, NULL) > 0;
    int result = token_issue_robot(tokens, robot, &token, err);
    token_free(tokens);
    if (result < 0)
        return -1;
    if (again)
        fprintf(stderr, "berth: the earlier token %s is revoked\n", robot->name);
    return print_issued(robot, token.s, json, err);
}

static int run_issue(const void *said, char **args, struct err *err)
{
    const struct issue_line *options = said;
    struct robot robot;
    struct config conf;

    if (parse_options(options, args[0], &robot, err) < 0 ||
        load_keys(&options->common, &conf, err) < 0)
        return -1;
    int result = token_scope_warn(&conf.live, robot.user, robot.scope, err);
    if (result == 0)
        result = issue(&conf, &robot, options->common.json, err);
    config_free(&conf);
    return result;
}

static const struct table_column columns[] = {
    TABLE_COLUMN(struct token_row, name, TABLE_TEXT, "name", "NAME"),
    TABLE_COLUMN(struct token_row, expires, TABLE_TIME, NULL, "EXPIRES"),
    TABLE_COLUMN(struct token_row, user, TABLE_TEXT, "user", "USER"),
    TABLE_COLUMN(struct token_row, scope, TABLE_TEXT, "scope", "SCOPE"),
    TABLE_COLUMN(struct token_row, expires, TABLE_TIME, "expires", NULL),
    TABLE_COLUMN(struct token_row, expired, TABLE_FLAG, "expired", NULL),
    TABLE_COLUMN(struct token_row, token, TABLE_TEXT, NULL, ""),
    TABLE_END,
};

static const char *text_or(const struct json *robot, const char *key)
{
    const char *text = json_text(json_get(robot, key));

    return text ? text : "-";
}

static void print_robot(const char *name, const struct json *robot, struct table *table)
{
    struct token_row row = {
        .name = name, .user = text_or(robot, "user"), .scope = text_or(robot, "scope")};

    json_size(json_get(robot, "expires"), &row.expires);
    row.expired = row.expires <= time(NULL);
    row.token = row.expired ? "(expired)" : "";
    table_row(table, &row);
}

/* A damaged file is reported, and lets nobody in. */
static int print_robots(const char *token_keys, const struct strings *names, bool json,
                        struct err *err)
{
    struct table table;
    struct err why;
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    table_begin(&table, columns, "tokens", &out);
    for (size_t i = 0; i < names->n; i++) {
        struct json *robot = robot_read(token_keys, names->v[i], &why);
        if (robot)
            print_robot(names->v[i], robot, &table);
        else
            fprintf(stderr, "berth: the token %s: %s\n", names->v[i], why.msg);
        json_free(robot);
    }
    table_end(&table);
    return output_end(&out, err);
}

static int run_ls(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct config conf;
    AUTO_STRINGS names = {0};

    (void)args;
    if (load_keys(options, &conf, err) < 0)
        return -1;
    int result = robot_list(conf.live.token.keys, &names, err);
    if (result == 0)
        result = print_robots(conf.live.token.keys, &names, options->json, err);
    config_free(&conf);
    return result;
}

static int run_revoke(const void *said, char **args, struct err *err)
{
    struct config conf;

    if (load_keys(said, &conf, err) < 0)
        return -1;
    int revoked = robot_revoke(conf.live.token.keys, args[0], err);
    if (revoked == 0)
        err_set(err, ERR_NOT_FOUND, "no token is called %s: see `berth token ls`", args[0]);
    config_free(&conf);
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
