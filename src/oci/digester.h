/* SPDX-License-Identifier: Apache-2.0
 *
 * The running hash that makes a digest.
 */
#ifndef BERTH_OCI_DIGESTER_H
#define BERTH_OCI_DIGESTER_H

#include "base/buf.h"
#include "oci/digest.h"

#include <stdint.h>

/* digester_free when done. */
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
void digester_of(struct digest *digest, enum digest_algorithm algorithm, const void *bytes,
                 size_t len);

#endif
