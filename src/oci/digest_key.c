/* SPDX-License-Identifier: Apache-2.0
 * L1: digests in few bytes. */
#include "oci/digest_key.h"

#include "base/hex.h"

#include <stdlib.h>
#include <string.h>

static size_t bytes_of(enum digest_algorithm algorithm)
{
    return algorithm == DIGEST_SHA256 ? 32 : 64;
}

void digest_key_pack(struct digest_packed *packed, const struct digest *digest)
{
    *packed = (struct digest_packed){.algorithm = (unsigned char)digest->algorithm};
    hex_decode(packed->b, digest_hex(digest), bytes_of(digest->algorithm));
}

void digest_key_unpack(const struct digest_packed *packed, struct digest *digest)
{
    enum digest_algorithm algorithm = (enum digest_algorithm)packed->algorithm;
    char hex[DIGEST_HEX_MAX + 1];

    hex_encode(hex, packed->b, bytes_of(algorithm));
    if (digest_from_hex(digest, algorithm, hex, NULL) < 0)
        abort();
}

int digest_key_compare(const struct digest_packed *a, const struct digest_packed *b)
{
    return memcmp(a, b, sizeof *a);
}

static void avoid_zero(struct digest_key *key)
{
    static const struct digest_key zero;

    if (!memcmp(key, &zero, sizeof zero))
        key->b[sizeof key->b - 1] = 1;
}

void digest_key_of(struct digest_key *key, const struct digest *digest)
{
    hex_decode(key->b, digest_hex(digest), sizeof key->b);
    avoid_zero(key);
}

bool digest_key_of_hex(struct digest_key *key, const char *hex)
{
    if (strlen(hex) < 2 * sizeof key->b || !hex_decode(key->b, hex, sizeof key->b))
        return false;
    avoid_zero(key);
    return true;
}
