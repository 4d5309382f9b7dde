/* SPDX-License-Identifier: Apache-2.0
 * L2: robots and their files. Owns <token_keys>/robots/<name>. */
#include "auth/robot.h"

#include "base/dir.h"
#include "base/json_writer.h"

#include <stdio.h>
#include <string.h>

#define ROBOTS "robots"
#define ROBOT_NAME_MAX 64
#define ROBOT_FILE_MAX 65536

struct robot_path {
    char s[sizeof ROBOTS + ROBOT_NAME_MAX + 2];
};

/* It becomes a file's name, so nothing else may pass. */
static int robot_path(struct robot_path *path, const char *name, struct err *err)
{
    static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strlen(name);

    if (len == 0 || len > ROBOT_NAME_MAX || !strchr(alnum, name[0]) ||
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != len)
        return err_set(err, ERR_USAGE, "\"%s\" is no robot's name: up to %d of A-Z a-z 0-9 . _ -",
                       name, ROBOT_NAME_MAX);
    snprintf(path->s, sizeof path->s, ROBOTS "/%s", name);
    return 0;
}

static int open_keys(const char *token_keys, struct fs_root *root, struct err *err)
{
    *root = (struct fs_root){.fd = -1, .durable = true, .file_mode = 0640, .dir_mode = 0750};
    return fs_root_open(root, token_keys, false, err);
}

/* Names the directory, in which what failed was named by itself. Always -1. */
static int at_keys(const char *token_keys, const struct err *why, struct err *err)
{
    return err_set(err, why->code, "token_keys %s: %s", token_keys, why->msg);
}

int robot_text(const char *token_keys, const char *name, struct buf *json, struct err *err)
{
    struct robot_path path;
    struct fs_root root;

    if (robot_path(&path, name, err) < 0 || open_keys(token_keys, &root, err) < 0)
        return -1;
    int found = fs_read(&root, path.s, ROBOT_FILE_MAX, json, err);
    fs_root_close(&root);
    return found;
}

struct json *robot_read(const char *token_keys, const char *name, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    int found = robot_text(token_keys, name, &text, err);
    if (found == 0)
        err_set(err, ERR_NOT_FOUND, "the token %s", name);
    return found > 0 ? json_parse(text.s, text.len, 4, err) : NULL;
}

bool robot_is_current(const char *token_keys, const char *name, const char *jti)
{
    struct json *json = jti ? robot_read(token_keys, name, NULL) : NULL;
    const char *current = json_text(json_get(json, "jti"));
    bool same = current && !strcmp(current, jti);
    json_free(json);
    return same;
}

static void print(const struct robot *robot, const char *jti, struct buf *out)
{
    struct json_writer json = json_writer_begin(out);

    json_writer_object(&json, NULL);
    json_writer_string(&json, "jti", jti);
    json_writer_string(&json, "user", robot->user);
    json_writer_string(&json, "scope", robot->scope);
    json_writer_number(&json, "expires", robot->expires);
    json_writer_end(&json);
    buf_addc(out, '\n');
}

int robot_save(const char *token_keys, const struct robot *robot, const char *jti, struct err *err)
{
    struct robot_path path, tmp;
    struct fs_root root;
    AUTO_DIRTY dirty = {0};
    AUTO_BUF json = BUF_INIT;
    struct err why;

    if (robot_path(&path, robot->name, err) < 0 || open_keys(token_keys, &root, err) < 0)
        return -1;
    print(robot, jti, &json);
    snprintf(tmp.s, sizeof tmp.s, ROBOTS "/.%.40s", jti);
    int result = dir_make(&root, ROBOTS, &dirty, &why);
    if (result == 0)
        result = fs_replace(&root, tmp.s, path.s, json.s, json.len, &dirty, &why);
    if (result == 0)
        result = dirty_sync(&root, &dirty, &why);
    fs_root_close(&root);
    return result < 0 ? at_keys(token_keys, &why, err) : 0;
}

int robot_revoke(const char *token_keys, const char *name, struct err *err)
{
    struct robot_path path;
    struct fs_root root;
    AUTO_DIRTY dirty = {0};
    struct err why;

    if (robot_path(&path, name, err) < 0 || open_keys(token_keys, &root, err) < 0)
        return -1;
    int removed = fs_unlink(&root, path.s, &dirty, &why);
    if (removed > 0 && dirty_sync(&root, &dirty, &why) < 0)
        removed = -1;
    fs_root_close(&root);
    return removed < 0 ? at_keys(token_keys, &why, err) : removed;
}

int robot_list(const char *token_keys, struct strings *names, struct err *err)
{
    struct fs_root root;

    if (open_keys(token_keys, &root, err) < 0)
        return -1;
    int listed = dir_list(&root, ROBOTS, names, err);
    fs_root_close(&root);
    return listed < 0 ? -1 : 0;
}
