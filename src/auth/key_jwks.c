/* SPDX-License-Identifier: Apache-2.0
 * L2: keys from JSON Web Keys. */
#include "auth/key_jwks.h"

#include "base/base64.h"

#include <string.h>

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
    return text && base64_decode_url(bytes, text, strlen(text)) && bytes->len > 0;
}

static struct key *ed25519(const struct json *jwk, const char *id)
{
    AUTO_BUF x = BUF_INIT;

    return is_for(jwk, "EdDSA") && decode_member(jwk, "x", &x) ? key_of_ed25519(x.s, x.len, id)
                                                               : NULL;
}

static struct key *p256(const struct json *jwk, const char *id)
{
    AUTO_BUF x = BUF_INIT;
    AUTO_BUF y = BUF_INIT;

    return is_for(jwk, "ES256") && decode_member(jwk, "x", &x) && decode_member(jwk, "y", &y) &&
                   x.len == P256_BYTES && y.len == P256_BYTES
               ? key_of_p256(x.s, y.s, id)
               : NULL;
}

static struct key *rsa(const struct json *jwk, const char *id)
{
    AUTO_BUF n = BUF_INIT;
    AUTO_BUF e = BUF_INIT;

    return is_for(jwk, "RS256") && decode_member(jwk, "n", &n) && decode_member(jwk, "e", &e)
               ? key_of_rsa(n.s, n.len, e.s, e.len, id)
               : NULL;
}

struct key *key_jwks(const struct json *jwk)
{
    const char *kid = json_text(json_get(jwk, "kid"));
    const char *id = kid ? kid : "";

    if (member_is(jwk, "kty", "OKP") && member_is(jwk, "crv", "Ed25519"))
        return ed25519(jwk, id);
    if (member_is(jwk, "kty", "EC") && member_is(jwk, "crv", "P-256"))
        return p256(jwk, id);
    if (member_is(jwk, "kty", "RSA"))
        return rsa(jwk, id);
    return NULL;
}
