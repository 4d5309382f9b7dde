/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests where there are millions of them: a struct digest takes 140 bytes. Packed, one takes half
 * of that and can be had back; as a key it takes 16 bytes, which are enough to find it again.
 *
 * Whoever could make two contents with the same 16 bytes would only make one of them be taken for
 * the other, so use keys where that is harmless: the collector keeps too much then, never too
 * little.
 */
#ifndef BERTH_OCI_DIGEST_KEY_H
#define BERTH_OCI_DIGEST_KEY_H

#include "oci/digest.h"

struct digest_packed {
    unsigned char algorithm;
    unsigned char b[DIGEST_HEX_MAX / 2];
};
void digest_key_pack(struct digest_packed *packed, const struct digest *digest);
void digest_key_unpack(const struct digest_packed *packed, struct digest *digest);
/* As memcmp: the order of algorithms, then of digests. */
int digest_key_compare(const struct digest_packed *a, const struct digest_packed *b);

struct digest_key {
    unsigned char b[16]; /* the digest's first ones; never all zero */
};
void digest_key_of(struct digest_key *key, const struct digest *digest);
/* From a digest's first hexadecimal digits. False: they are none, or too few. */
bool digest_key_of_hex(struct digest_key *key, const char *hex);

#endif
