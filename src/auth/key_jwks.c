/* SPDX-License-Identifier: Apache-2.0
 * L2: keys from a JSON Web Key Set (RFC 7517, RFC 7518 section 6, RFC 8037). */
#include "auth/key_make.h"

#include "base/codec.h"
#include "base/json.h"

#include <string.h>

#define JWKS_DEPTH_MAX 8
#define P256_BYTES 32

static bool member_is(const struct json *key, const char *name, const char *value)
{
    const char *text = json_text(json_get(key, name));

    return text && !strcmp(text, value);
}

/* Whether the key says itself that it is for something else. */
static bool is_for(const struct json *key, const char *algorithm)
{
    const struct json *operations = json_get(key, "key_ops");
    bool verifies = !operations;

    for (size_t i = 0; i < json_array_len(operations); i++) {
        const char *operation = json_text(json_array_at(operations, i));
        verifies |= operation && !strcmp(operation, "verify");
    }
    return verifies && (!json_get(key, "use") || member_is(key, "use", "sig")) &&
           (!json_get(key, "alg") || member_is(key, "alg", algorithm));
}

static bool decode_member(const struct json *key, const char *name, struct buf *bytes)
{
    const char *text = json_text(json_get(key, name));

    buf_clear(bytes);
    return text && base64url_decode(bytes, text, strlen(text)) && bytes->len > 0;
}

static bool add_key(struct key_set *set, const struct json *key)
{
    const char *kid = json_text(json_get(key, "kid"));
    const char *id = kid ? kid : "";
    AUTO_BUF a = BUF_INIT;
    AUTO_BUF b = BUF_INIT;

    if (member_is(key, "kty", "OKP") && member_is(key, "crv", "Ed25519"))
        return is_for(key, "EdDSA") && decode_member(key, "x", &a) &&
               key_make_ed25519(set, id, a.s, a.len);
    if (member_is(key, "kty", "EC") && member_is(key, "crv", "P-256"))
        return is_for(key, "ES256") && decode_member(key, "x", &a) && decode_member(key, "y", &b) &&
               a.len == P256_BYTES && b.len == P256_BYTES && key_make_p256(set, id, a.s, b.s);
    if (member_is(key, "kty", "RSA"))
        return is_for(key, "RS256") && decode_member(key, "n", &a) && decode_member(key, "e", &b) &&
               key_make_rsa(set, id, a.s, a.len, b.s, b.len);
    return false;
}

int key_add_jwks(struct key_set *set, const struct buf *text, struct err *err)
{
    struct json *json = json_parse(text->s, text->len, JWKS_DEPTH_MAX, err);
    const struct json *keys = json_get(json, "keys");
    int added = 0;

    if (!json)
        return -1;
    for (size_t i = 0; i < json_array_len(keys); i++)
        added += add_key(set, json_array_at(keys, i));
    json_free(json);
    return added;
}
