/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests, which only digest_parse and digester_final make (OCI Image Specification, "Digests";
 * registered algorithms sha256 and sha512), and the running hash behind them.
 */
#ifndef BERTH_OCI_DIGEST_H
#define BERTH_OCI_DIGEST_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
const char *digest_hex(const struct digest *digest);
bool digest_equal(const struct digest *a, const struct digest *b);

/* A running hash. digester_free when done. */
struct digester {
    enum digest_algorithm algorithm;
    struct digester_state *state;
};
#define AUTO_DIGESTER __attribute__((cleanup(digester_free))) struct digester

void digester_init(struct digester *digester, enum digest_algorithm algorithm);
void digester_update(struct digester *digester, const void *bytes, size_t len);
void digester_final(struct digester *digester, struct digest *digest); /* then only digester_free */
void digester_free(struct digester *digester);

/* The state of a sha256 as one line of text, so that another process can go on. False where the
 * library cannot (configure --disable-sha256-midstate, or an OpenSSL without SHA256_CTX) and for
 * other algorithms. */
bool digester_save(const struct digester *digester, struct buf *out);
/* Goes on from saved text, which stands for exactly `count` bytes. False if it is not that; then
 * the digester is as digester_init left it. */
bool digester_restore(struct digester *digester, const char *saved, int64_t count);

/* The digest of bytes in memory. */
void digest_of(struct digest *digest, enum digest_algorithm algorithm, const void *bytes,
               size_t len);

#endif
