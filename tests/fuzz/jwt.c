/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes tokens: the first byte chooses whether the rest is a token, or a payload that is signed
 * properly and then read. Nothing that berth did not sign is taken. */
#include "fuzz/fuzz.h"

#include "auth/jwt.h"
#include "auth/key_set.h"
#include "auth/token.h"

#include <unistd.h>

/* The key of RFC 8037, appendix A.1. */
static const char key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                              "-----END PRIVATE KEY-----\n";

static struct tokens *load(struct key_set *set)
{
    static char dir[] = "/tmp/berth-fuzz-XXXXXX"; /* tokens goes on to use them */
    static char service[] = "berth";
    struct token_settings settings = {.service = service, .keys = dir, .lifetime = 300};
    struct fs_root root = {.file_mode = 0600, .dir_mode = 0700};
    AUTO_DIRTY dirty = {0};
    struct err err;

    must_hold(mkdtemp(dir) && fs_root_open(&root, dir, false, &err) == 0);
    must_hold(fs_replace(&root, "tmp", "1.pem", key_pem, strlen(key_pem), &dirty, &err) == 0);
    struct tokens *tokens = token_load(&settings, &err);
    must_hold(tokens && key_set_add_dir(set, dir, &err) == 0);
    fs_unlink(&root, "1.pem", &dirty, &err);
    fs_root_close(&root);
    must_hold(rmdir(dir) == 0);
    return tokens;
}

static void check_foreign(const struct tokens *tokens, const struct key_set *keys, const char *text)
{
    struct arena arena = {0};
    struct identity who;
    struct err err = {0};

    json_free(jwt_peek(text));
    must_hold(!jwt_verify(keys, text, 0, &err) && err.code == ERR_UNAUTHORIZED);
    must_hold(token_identify(tokens, text, 1700000000, &arena, &who, &err) == -1);
    arena_free(&arena);
}

static void check_signed(const struct key_set *keys, const struct buf *payload)
{
    AUTO_BUF token = BUF_INIT;
    struct err err = {0};
    int64_t expires;

    must_hold(jwt_sign(keys->v[0], payload, &token, &err) == 0);
    struct json *peeked = jwt_peek(token.s);
    struct json *claims = jwt_verify(keys, token.s, 1000, &err);
    must_hold(!claims || (peeked && json_size(json_get(claims, "exp"), &expires) && expires > 900));
    must_hold(claims || err.code == ERR_UNAUTHORIZED);
    json_free(peeked);
    json_free(claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct tokens *tokens;
    static struct key_set keys;

    if (!tokens)
        tokens = load(&keys);
    if (len == 0)
        return 0;
    char *text = text_of(bytes + 1, len - 1);
    struct buf payload = {.s = text, .len = len - 1};
    if (bytes[0] == 's')
        check_signed(&keys, &payload);
    else
        check_foreign(tokens, &keys, text);
    free(text);
    return 0;
}
