/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth token init`: keys that sign tokens. */
#include "admin/command.h"
#include "admin/open.h"
#include "admin/share.h"
#include "auth/key_set.h"
#include "base/dir.h"
#include "cli/table.h"

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
    const char *group;
};

static const struct options_row rows[] = {
    OPTIONS_CHOICE(struct token_init_line, algorithm, 'a', "algorithm", "EdDSA|ES256",
                   "of its signatures (default: EdDSA)"),
    SHARE_ROW(struct token_init_line),
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

/* An id that is free, behind all others in order. */
static int choose_id(char id[ID_SIZE], const char *directory, const struct strings *files,
                     struct err *err)
{
    char file[ID_SIZE + sizeof ".pem"];
    time_t when = time(NULL);

    do {
        make_id(id, when++);
        snprintf(file, sizeof file, "%s.pem", id);
    } while (strings_has(files, file));
    for (size_t i = 0; i < files->n; i++)
        if (is_key_file(files->v[i]) && strcmp(files->v[i], file) > 0)
            return err_set(err, ERR_CONFIG,
                           "%s/%s sorts behind %s and would go on signing: rename it", directory,
                           files->v[i], file);
    return 0;
}

/* A new one is given to the group, and with --group an old one with its keys. */
static int share_keys(const char *directory, const struct strings *files, gid_t group,
                      struct err *err)
{
    if (share_give(directory, group, err) < 0)
        return -1;
    for (size_t i = 0; i < files->n; i++) {
        AUTO_BUF path = BUF_INIT;
        buf_addf(&path, "%s/%s", directory, files->v[i]);
        if (is_key_file(files->v[i]) && share_give(path.s, group, err) < 0)
            return -1;
    }
    return 0;
}

static int make_directory(const struct config *conf, const struct token_init_line *options,
                          const char *directory, struct strings *files, struct err *err)
{
    gid_t group;
    struct fs_root root = {.fd = -1, .file_mode = 0640, .dir_mode = 0750};
    bool is_new = access(directory, F_OK) < 0;

    if (share_group(options->group, conf, &group, err) < 0 ||
        fs_root_open(&root, directory, true, err) < 0)
        return -1;
    int result = dir_list(&root, ".", files, err) < 0 ? -1 : 0;
    fs_root_close(&root);
    if (!is_new && !options->group)
        group = SHARE_NOBODY;
    if (result < 0 || share_keys(directory, files, group, err) < 0)
        return -1;
    share_say(directory, group);
    return 0;
}

struct made {
    const char *id;
    const char *algorithm;
    const char *directory; /* absolute */
    bool configured;
    struct strings older; /* ids of keys that were there before */
};

static const struct table_column made_columns[] = {
    TABLE_COLUMN(struct made, id, TABLE_TEXT, "id", NULL),
    TABLE_COLUMN(struct made, algorithm, TABLE_TEXT, "algorithm", NULL),
    TABLE_COLUMN(struct made, directory, TABLE_TEXT, "directory", NULL),
    TABLE_COLUMN(struct made, configured, TABLE_FLAG, "configured", NULL),
    TABLE_COLUMN(struct made, older, TABLE_LIST, "older", NULL),
    TABLE_END,
};

static bool is_configured(const struct config *conf, const char *directory)
{
    char *configured = *conf->live.token.keys ? realpath(conf->live.token.keys, NULL) : NULL;
    bool same = configured && !strcmp(configured, directory);

    free(configured);
    return same;
}

static void print_made_text(const struct config *conf, const struct made *made, struct buf *out)
{
    buf_addf(out, "made %s/%s.pem (%s), which signs from now on\n", made->directory, made->id,
             made->algorithm);
    if (!made->configured)
        buf_addf(out, "Put this into %s:\n  token_keys = \"%s\"\n",
                 config_path(&conf->files) ? config_path(&conf->files) : SETTINGS_FALLBACK,
                 made->directory);
    if (made->older.n == 0)
        return;
    buf_addstr(out, "Older keys still verify what they signed. When nobody needs that any more, "
                    "remove them:\n");
    for (size_t i = 0; i < made->older.n; i++)
        buf_addf(out, "  rm %s/%s.pem\n", made->directory, made->older.v[i]);
    buf_addf(out,
             "Logins need it for %jd seconds, robots until their tokens expire or are issued "
             "again: see `berth token ls`.\n",
             (intmax_t)conf->live.token.lifetime);
}

static int print_made(const struct config *conf, const struct made *made, bool json,
                      struct err *err)
{
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    table_sheet(made_columns, made, &out);
    if (!json)
        print_made_text(conf, made, &out.text);
    return output_end(&out, err);
}

/* Makes a key in the directory, an absolute path, whose files are these. */
static int make_key(const struct config *conf, const char *directory, const struct strings *files,
                    const struct token_init_line *options, struct err *err)
{
    const char *algorithm = options->algorithm ? options->algorithm : "EdDSA";
    AUTO_STRINGS older = {0};
    char id[ID_SIZE];

    if (choose_id(id, directory, files, err) < 0 ||
        key_set_generate(directory, id, algorithm, err) < 0)
        return -1;
    for (size_t i = 0; i < files->n; i++) {
        AUTO_BUF name = BUF_INIT;
        if (!is_key_file(files->v[i]))
            continue;
        buf_add(&name, files->v[i], strlen(files->v[i]) - strlen(".pem"));
        strings_add(&older, name.s);
    }
    const struct made made = {id, algorithm, directory, is_configured(conf, directory), older};
    return print_made(conf, &made, options->common.json, err);
}

static int init(const struct config *conf, const char *where, const struct token_init_line *options,
                struct err *err)
{
    AUTO_STRINGS files = {0};

    if (make_directory(conf, options, where, &files, err) < 0 || open_as_owner_of(where, err) < 0)
        return -1;
    char *directory = realpath(where, NULL);
    if (!directory)
        return err_sys(err, errno, "%s", where);
    int result = make_key(conf, directory, &files, options, err);
    free(directory);
    return result;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct token_init_line *options = said;
    struct config conf;
    int result;

    if (open_config(&options->common, &conf, err) < 0)
        return -1;
    const char *where = args[0] ? args[0] : conf.live.token.keys;
    if (*where)
        result = init(&conf, where, options, err);
    else
        result = err_set(err, ERR_USAGE, "say in which directory, like /etc/berth/keys");
    config_free(&conf);
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
    .run = run,
};
