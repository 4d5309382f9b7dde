/* SPDX-License-Identifier: Apache-2.0
 * L2: sets of keys, and the files that they are in: PEM or JWKS, one or a directory of them. */
#include "auth/key_set.h"

#include "auth/key_jwks.h"
#include "auth/pem.h"
#include "base/array.h"
#include "base/dir.h"
#include "base/file.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX ((size_t)1 << 20)
#define JWKS_DEPTH_MAX 8
#define SUFFIX ".pem"

/* Takes the key over. False: it is none. */
static bool add(struct key_set *set, struct key *key)
{
    if (key)
        *ARRAY_ADD(set->v, set->n) = key;
    return key != NULL;
}

/* The number of keys added, or -1; the message does not name the file. */
static int add_jwks(struct key_set *set, const struct buf *text, struct err *err)
{
    struct json *json = json_parse(text->s, text->len, JWKS_DEPTH_MAX, err);
    const struct json *keys = json_get(json, "keys");
    int added = 0;

    if (!json)
        return -1;
    for (size_t i = 0; i < json_array_len(keys); i++)
        added += add(set, key_jwks(json_array_at(keys, i)));
    json_free(json);
    return added;
}

/* What a PEM file adds. */
struct pem_keys {
    struct key_set *set;
    const char *id;
    int added;
};

static void add_block(void *context, const char *name, const unsigned char *der, long len)
{
    struct pem_keys *keys = context;

    keys->added += add(keys->set, key_of_der(name, der, len, keys->id));
}

static int add_pem(struct key_set *set, const struct buf *text, const char *id)
{
    struct pem_keys keys = {set, id, 0};

    pem_each(text, add_block, &keys);
    return keys.added;
}

static int add_file(struct key_set *set, const char *path, const char *id, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    struct err why;

    if (file_read(path, KEY_FILE_MAX, &text, &why) < 0)
        return err_set(err, ERR_CONFIG, "key file %s: %s", path, why.msg);
    bool jwks = text.s[strspn(text.s, " \t\r\n")] == '{';
    int added = jwks ? add_jwks(set, &text, &why) : add_pem(set, &text, id);
    explicit_bzero(text.s, text.len);
    if (added < 0)
        return err_set(err, ERR_CONFIG, "key file %s: %s", path, why.msg);
    if (added == 0)
        return err_set(err, ERR_CONFIG,
                       "key file %s: no Ed25519, P-256 or RSA key (2048 bits or more) in it", path);
    return 0;
}

int key_set_add_file(struct key_set *set, const char *path, struct err *err)
{
    return add_file(set, path, "", err);
}

/* Only these kinds sign, and only the private half of one can. */
static int check_signing(const struct key *key, const char *path, struct err *err)
{
    AUTO_BUF signature = BUF_INIT;

    if (strcmp(key_algorithm(key), "RS256") != 0 && key_sign(key, "", 0, &signature, NULL) == 0)
        return 0;
    return err_set(err, ERR_CONFIG, "key file %s: must hold a private Ed25519 or P-256 key", path);
}

static int add_signing_file(struct key_set *set, const char *path, const char *id, struct err *err)
{
    size_t before = set->n;

    if (add_file(set, path, id, err) < 0)
        return -1;
    for (size_t i = before; i < set->n; i++)
        if (check_signing(set->v[i], path, err) < 0)
            return -1;
    return 0;
}

int key_set_list(const char *path, struct strings *files, struct err *err)
{
    struct fs_root dir = {.fd = -1};
    AUTO_STRINGS names = {0};

    if (fs_root_open(&dir, path, false, err) < 0)
        return err_set(err, ERR_CONFIG, "token_keys = \"%s\": make it with `berth token init`",
                       path);
    int listed = dir_list(&dir, ".", &names, err);
    fs_root_close(&dir);
    for (size_t i = 0; i < names.n; i++) {
        AUTO_BUF file = BUF_INIT;
        size_t len = strlen(names.v[i]);
        buf_addf(&file, "%s/%s", path, names.v[i]);
        if (len > strlen(SUFFIX) && !strcmp(names.v[i] + len - strlen(SUFFIX), SUFFIX))
            strings_add(files, file.s);
    }
    return listed < 0 ? -1 : 0;
}

int key_set_add_dir(struct key_set *set, const char *path, struct err *err)
{
    AUTO_STRINGS files = {0};

    if (key_set_list(path, &files, err) < 0)
        return -1;
    for (size_t i = 0; i < files.n; i++) {
        AUTO_BUF id = BUF_INIT;
        const char *name = strrchr(files.v[i], '/') + 1;
        buf_add(&id, name, strlen(name) - strlen(SUFFIX));
        if (add_signing_file(set, files.v[i], id.s, err) < 0)
            return -1;
    }
    return 0;
}

void key_set_free(struct key_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        key_free(set->v[i]);
    free(set->v);
    *set = (struct key_set){0};
}

/* The workers notice a new name in the directory, and read the file at once: it has to be whole. */
static int save_new(const char *dir, const char *id, const struct buf *text, struct err *err)
{
    AUTO_BUF path = BUF_INIT;
    struct err why;

    buf_addf(&path, "%s/%s.pem", dir, id);
    if (file_create(path.s, 0640, (gid_t)-1, text->s, text->len, &why) == 0)
        return 0;
    return err_set(err, why.code, "%s: %s", path.s, why.msg);
}

int key_set_generate(const char *dir, const char *id, const char *algorithm, struct err *err)
{
    AUTO_BUF text = BUF_INIT;
    int result = key_generate(algorithm, &text, err);

    if (result == 0)
        result = save_new(dir, id, &text, err);
    if (text.s)
        explicit_bzero(text.s, text.len);
    return result;
}
