/* SPDX-License-Identifier: Apache-2.0
 * L2: signed tokens. */
#include "auth/jwt.h"

#include "base/base64.h"
#include "base/json_writer.h"

#include <string.h>

#define JWT_DEPTH_MAX 16
#define JWT_SIZE_MAX 16384

int jwt_sign(const struct key *key, const struct buf *claims, struct buf *token, struct err *err)
{
    AUTO_BUF header = BUF_INIT;
    AUTO_BUF signature = BUF_INIT;
    AUTO_BUF signed_part = BUF_INIT;

    struct json_writer json = json_writer_begin(&header);
    json_writer_object(&json, NULL);
    json_writer_string(&json, "typ", "JWT");
    json_writer_string(&json, "alg", key_algorithm(key));
    json_writer_string(&json, "kid", key_id(key));
    json_writer_end(&json);
    base64_encode_url(&signed_part, header.s, header.len);
    buf_addc(&signed_part, '.');
    base64_encode_url(&signed_part, claims->s, claims->len);
    if (key_sign(key, signed_part.s, signed_part.len, &signature, err) < 0)
        return -1;
    buf_add(token, signed_part.s, signed_part.len);
    buf_addc(token, '.');
    base64_encode_url(token, signature.s, signature.len);
    return 0;
}

/* One part of a token, decoded from base64url and JSON. */
static struct json *decode_part(const char *s, size_t len)
{
    AUTO_BUF text = BUF_INIT;

    if (len > JWT_SIZE_MAX || !base64_decode_url(&text, s, len))
        return NULL;
    struct json *json = json_parse(text.s, text.len, JWT_DEPTH_MAX, NULL);
    if (json && !json_is_object(json)) {
        json_free(json);
        json = NULL;
    }
    return json;
}

/* The two dots; false if there are not exactly two. */
static bool split(const char *token, const char **first, const char **second)
{
    *first = strchr(token, '.');
    *second = *first ? strchr(*first + 1, '.') : NULL;
    return *second && !strchr(*second + 1, '.');
}

struct json *jwt_peek(const char *token)
{
    const char *first, *second;

    if (!split(token, &first, &second))
        return NULL;
    return decode_part(first + 1, (size_t)(second - first - 1));
}

/* Tries the keys with this algorithm, those that `kid` names or the others. */
static bool any_verifies(const struct key_set *keys, const struct json *header, bool named,
                         const char *token, size_t len, const struct buf *signature)
{
    const char *algorithm = json_text(json_get(header, "alg"));
    const char *kid = json_text(json_get(header, "kid"));

    for (size_t i = 0; algorithm && i < keys->n; i++) {
        const struct key *key = keys->v[i];
        if (!strcmp(algorithm, key_algorithm(key)) && (kid && !strcmp(kid, key_id(key))) == named &&
            key_verify(key, token, len, signature->s, signature->len))
            return true;
    }
    return false;
}

/* `kid` is a hint and refuses nothing: some issuers write another one than in their JWKS. */
static bool signature_valid(const struct key_set *keys, const char *token, const char *first,
                            const char *second)
{
    AUTO_BUF signature = BUF_INIT;
    struct json *header = decode_part(token, (size_t)(first - token));
    size_t len = (size_t)(second - token);
    bool valid = false;

    /* "crit" names extensions that must be understood: berth understands none. */
    if (header && !json_get(header, "crit") &&
        base64_decode_url(&signature, second + 1, strlen(second + 1)) && signature.len > 0)
        valid = any_verifies(keys, header, true, token, len, &signature) ||
                any_verifies(keys, header, false, token, len, &signature);
    json_free(header);
    return valid;
}

static int check_times(const struct json *claims, time_t now, struct err *err)
{
    int64_t expires, not_before;

    if (!json_size(json_get(claims, "exp"), &expires))
        return err_set(err, ERR_UNAUTHORIZED, "the token does not expire");
    if (now - JWT_LEEWAY >= expires)
        return err_set(err, ERR_UNAUTHORIZED, "the token has expired");
    if (!json_get(claims, "nbf"))
        return 0;
    if (!json_size(json_get(claims, "nbf"), &not_before) || now + JWT_LEEWAY < not_before)
        return err_set(err, ERR_UNAUTHORIZED, "the token is not valid yet");
    return 0;
}

struct json *jwt_verify(const struct key_set *keys, const char *token, time_t now, struct err *err)
{
    const char *first, *second;

    if (strlen(token) > JWT_SIZE_MAX || !split(token, &first, &second) ||
        !signature_valid(keys, token, first, second)) {
        err_set(err, ERR_UNAUTHORIZED, "the token is not signed by a key that is trusted here");
        return NULL;
    }
    struct json *claims = decode_part(first + 1, (size_t)(second - first - 1));
    if (!claims) {
        err_set(err, ERR_UNAUTHORIZED, "the token's claims are no JSON object");
        return NULL;
    }
    if (check_times(claims, now, err) == 0)
        return claims;
    json_free(claims);
    return NULL;
}
