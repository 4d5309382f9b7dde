/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth token init` and `keys`: the keys that sign tokens. Robots' tokens are in
 * token_robot.c. */
#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"
#include "auth/key_set.h"
#include "base/dir.h"
#include "base/fs.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct token_init_line {
    struct options_common common;
    const char *algorithm;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct token_init_line, algorithm, 'a', "algorithm", "EdDSA|ES256",
                "of its signatures (default: EdDSA)"),
    OPTIONS_END,
};

#define ID_SIZE sizeof "20060102T150405Z"

/* Ids sort as they were made: the last in order signs. */
static void make_id(char id[ID_SIZE], time_t when)
{
    struct tm tm;

    gmtime_r(&when, &tm);
    strftime(id, ID_SIZE, "%Y%m%dT%H%M%SZ", &tm);
}

static bool is_key_file(const char *name)
{
    size_t len = strlen(name);

    return len > 4 && !strcmp(name + len - 4, ".pem");
}

static bool contains(const struct strings *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (!strcmp(names->v[i], name))
            return true;
    return false;
}

/* An id that is free, behind all others in order. */
static int choose_id(char id[ID_SIZE], const char *directory, const struct strings *files,
                     struct err *err)
{
    char file[ID_SIZE + sizeof ".pem"];
    time_t when = time(NULL);

    do {
        make_id(id, when++);
        snprintf(file, sizeof file, "%s.pem", id);
    } while (contains(files, file));
    for (size_t i = 0; i < files->n; i++)
        if (is_key_file(files->v[i]) && strcmp(files->v[i], file) > 0)
            return err_set(err, ERR_CONFIG,
                           "%s/%s sorts behind %s and would go on signing: rename it", directory,
                           files->v[i], file);
    return 0;
}

static int make_directory(const struct conf *conf, const char *directory, struct strings *files,
                          struct err *err)
{
    struct fs_root root = {.fd = -1, .file_mode = 0640, .dir_mode = 0750};
    bool is_new = access(directory, F_OK) < 0;

    if (fs_root_open(&root, directory, true, err) < 0)
        return -1;
    int result = dir_list(&root, ".", files, err) < 0 ? -1 : 0;
    fs_root_close(&root);
    if (result == 0 && is_new)
        result = open_share(conf, directory, err);
    return result;
}

struct made {
    const char *directory; /* absolute */
    const char *id;
    const char *algorithm;
    const struct strings *before; /* files in the directory */
};

static bool is_configured(const struct conf *conf, const char *directory)
{
    char *configured = *conf->token_keys ? realpath(conf->token_keys, NULL) : NULL;
    bool same = configured && !strcmp(configured, directory);

    free(configured);
    return same;
}

static void print_made(const struct conf *conf, const struct made *made, struct buf *out)
{
    const char *title = "Older keys still verify what they signed. When nobody needs that any "
                        "more, remove them:\n";

    buf_addf(out, "made %s/%s.pem (%s), which signs from now on\n", made->directory, made->id,
             made->algorithm);
    if (!is_configured(conf, made->directory))
        buf_addf(out, "Put this into %s:\n  token_keys = \"%s\"\n",
                 conf->path ? conf->path : "/etc/berth/berth.conf", made->directory);
    for (size_t i = 0; i < made->before->n; i++) {
        if (!is_key_file(made->before->v[i]))
            continue;
        buf_addf(out, "%s  rm %s/%s\n", title, made->directory, made->before->v[i]);
        title = "";
    }
    if (!*title)
        buf_addf(out,
                 "Logins need it for %jd seconds, robots until their tokens expire or are issued "
                 "again: see `berth token ls`.\n",
                 (intmax_t)conf->token_lifetime);
}

static void print_made_json(const struct conf *conf, const struct made *made, struct buf *out)
{
    const char *separator = "";

    buf_addf(out, "{\"id\":\"%s\",\"algorithm\":\"%s\",\"directory\":", made->id, made->algorithm);
    json_quote(made->directory, out);
    buf_addf(out, ",\"configured\":%s,\"older\":[",
             is_configured(conf, made->directory) ? "true" : "false");
    for (size_t i = 0; i < made->before->n; i++) {
        if (!is_key_file(made->before->v[i]))
            continue;
        made->before->v[i][strlen(made->before->v[i]) - 4] = '\0';
        buf_addstr(out, separator);
        json_quote(made->before->v[i], out);
        separator = ",";
    }
    buf_addstr(out, "]}\n");
}

static int init(const struct conf *conf, const char *where, const char *algorithm, bool json,
                struct err *err)
{
    AUTO_STRINGS files = {0};
    AUTO_BUF out = BUF_INIT;
    char id[ID_SIZE];

    if (strcmp(algorithm, "EdDSA") != 0 && strcmp(algorithm, "ES256") != 0)
        return err_set(err, ERR_USAGE, "--algorithm takes EdDSA or ES256");
    if (make_directory(conf, where, &files, err) < 0 || open_as_owner_of(where, err) < 0)
        return -1;
    char *directory = realpath(where, NULL);
    if (!directory)
        return err_sys(err, errno, "%s", where);
    struct made made = {directory, id, algorithm, &files};
    int result = choose_id(id, directory, &files, err);
    if (result == 0)
        result = key_set_generate(directory, id, algorithm, err);
    if (result == 0) {
        (json ? print_made_json : print_made)(conf, &made, &out);
        open_note_root(directory);
        result = print_out(&out, err);
    }
    free(directory);
    return result;
}

static int run_init(const void *said, char **args, struct err *err)
{
    const struct token_init_line *options = said;
    struct conf conf;
    int result;

    if (open_conf(&options->common, &conf, err) < 0)
        return -1;
    const char *where = args[0] ? args[0] : conf.token_keys;
    if (*where)
        result = init(&conf, where, options->algorithm ? options->algorithm : "EdDSA",
                      options->common.json, err);
    else
        result = err_set(err, ERR_USAGE, "say in which directory, like /etc/berth/keys");
    conf_free(&conf);
    return result;
}

static void print_keys(const struct key_set *keys, bool json, struct buf *out)
{
    if (json)
        buf_addstr(out, "{\"keys\":[");
    else
        buf_addf(out, "%-16s  ALGORITHM\n", "KEY");
    for (size_t i = 0; i < keys->n; i++) {
        const char *id = key_id(keys->v[i]), *algorithm = key_algorithm(keys->v[i]);
        bool signs = i + 1 == keys->n;
        if (!json) {
            buf_addf(out, "%-16s  %-9s  %s\n", id, algorithm, signs ? "signs" : "verifies");
            continue;
        }
        buf_addstr(out, i ? ",{\"id\":" : "{\"id\":");
        json_quote(id, out);
        buf_addf(out, ",\"algorithm\":\"%s\",\"signs\":%s}", algorithm, signs ? "true" : "false");
    }
    buf_addstr(out, json ? "]}\n" : "");
}

static int run_keys(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct key_set keys = {0};
    struct conf conf;
    AUTO_BUF out = BUF_INIT;
    int result;

    (void)args;
    if (open_conf(options, &conf, err) < 0)
        return -1;
    if (*conf.token_keys)
        result = key_set_add_dir(&keys, conf.token_keys, err);
    else
        result =
            err_set(err, ERR_CONFIG, "token_keys is not configured: run `berth token init DIR`");
    if (result == 0) {
        print_keys(&keys, options->json, &out);
        result = print_out(&out, err);
    }
    key_set_free(&keys);
    conf_free(&conf);
    return result;
}

const struct command token_init_command = {
    .name = "token init",
    .arguments = "[DIR]",
    .summary = "make a key that signs tokens from now on",
    .args_min = 0,
    .args_max = 1,
    .rows = rows,
    .size = sizeof(struct token_init_line),
    .run = run_init,
};

const struct command token_keys_command = {
    .name = "token keys",
    .arguments = "",
    .summary = "list the keys of tokens",
    .args_min = 0,
    .args_max = 0,
    .size = sizeof(struct options_common),
    .run = run_keys,
};
