/* SPDX-License-Identifier: Apache-2.0
 *
 * A digester that works in a thread of its own, while its caller writes the same bytes and reads
 * the next.
 */
#ifndef BERTH_OCI_HASHER_H
#define BERTH_OCI_HASHER_H

#include "oci/digester.h"

struct hasher;

/* Goes on with the digester, which nobody else touches before hasher_end. NULL: there is no thread
 * to be had, and the caller hashes himself. */
struct hasher *hasher_begin(struct digester *digester);
/* Hashes these bytes, which stay as they are until the next hasher_add or hasher_end returns:
 * either waits until those before are done. So two buffers in turns are enough. */
void hasher_add(struct hasher *hasher, const void *bytes, size_t len);
/* The digester has seen all that was added. NULL is nothing. */
void hasher_end(struct hasher *hasher);

#endif
