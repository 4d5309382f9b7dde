/* SPDX-License-Identifier: Apache-2.0
 * L1: digests as text. */
#include "oci/digest.h"

#include "base/hex.h"

#include <string.h>

static const struct {
    const char *name;
    size_t size; /* of the raw digest, bytes */
} algorithms[DIGEST_ALGORITHMS] = {
    [DIGEST_SHA256] = {"sha256", 32},
    [DIGEST_SHA512] = {"sha512", 64},
};

#define PREFIX_LEN (sizeof "sha256:" - 1)

int digest_algorithm_parse(enum digest_algorithm *algorithm, const char *s, struct err *err)
{
    for (int i = 0; i < DIGEST_ALGORITHMS; i++) {
        if (!strcmp(s, algorithms[i].name)) {
            *algorithm = (enum digest_algorithm)i;
            return 0;
        }
    }
    return err_set(err, ERR_DIGEST_INVALID, "\"%s\": the algorithm must be sha256 or sha512", s);
}

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
    return algorithms[algorithm].name;
}

size_t digest_size(enum digest_algorithm algorithm)
{
    return algorithms[algorithm].size;
}

int digest_from_hex(struct digest *digest, enum digest_algorithm algorithm, const char *hex,
                    struct err *err)
{
    unsigned char raw[DIGEST_HEX_MAX / 2];
    size_t size = algorithms[algorithm].size;

    if (strlen(hex) != 2 * size || !hex_decode(raw, hex, size))
        return err_set(err, ERR_DIGEST_INVALID,
                       "%s needs %zu lower-case hex digits behind the colon",
                       algorithms[algorithm].name, 2 * size);
    digest->algorithm = algorithm;
    memcpy(digest->s, algorithms[algorithm].name, PREFIX_LEN - 1);
    digest->s[PREFIX_LEN - 1] = ':';
    memcpy(digest->s + PREFIX_LEN, hex, 2 * size + 1);
    return 0;
}

int digest_parse(struct digest *digest, const char *s, size_t len, struct err *err)
{
    char text[sizeof digest->s];
    enum digest_algorithm algorithm = DIGEST_SHA256;

    if (len < PREFIX_LEN || len >= sizeof text || s[PREFIX_LEN - 1] != ':' || memchr(s, '\0', len))
        return err_set(err, ERR_DIGEST_INVALID,
                       "\"%.*s\": must be sha256:<64 hex digits> or sha512:<128 hex digits>",
                       (int)len, s);
    memcpy(text, s, len);
    text[len] = '\0';
    text[PREFIX_LEN - 1] = '\0';
    if (digest_algorithm_parse(&algorithm, text, err) < 0)
        return -1;
    return digest_from_hex(digest, algorithm, text + PREFIX_LEN, err);
}

const char *digest_hex(const struct digest *digest)
{
    return digest->s + PREFIX_LEN;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return !strcmp(a->s, b->s);
}
