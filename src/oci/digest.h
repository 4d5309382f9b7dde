/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests, which only digest_parse and digester_final make (OCI Image Specification, "Digests";
 * registered algorithms sha256 and sha512).
 */
#ifndef BERTH_OCI_DIGEST_H
#define BERTH_OCI_DIGEST_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum digest_algorithm { DIGEST_SHA256, DIGEST_SHA512, DIGEST_ALGORITHMS };

#define DIGEST_HEX_MAX 128

struct digest {
    enum digest_algorithm algorithm;
    char s[7 + DIGEST_HEX_MAX + 1]; /* "sha256:<hex>" */
};

/* DIGEST_INVALID, also for an algorithm that berth does not know. */
int digest_parse(struct digest *digest, const char *s, size_t len, struct err *err);
/* The same from the two halves, as in a path. */
int digest_from_hex(struct digest *digest, enum digest_algorithm algorithm, const char *hex,
                    struct err *err);
int digest_algorithm_parse(enum digest_algorithm *algorithm, const char *s, struct err *err);
const char *digest_algorithm_name(enum digest_algorithm algorithm);
size_t digest_size(enum digest_algorithm algorithm); /* in bytes, not digits */
const char *digest_hex(const struct digest *digest);
bool digest_equal(const struct digest *a, const struct digest *b);

#endif
