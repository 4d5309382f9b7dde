/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a manifest from an open file in pieces, so that it takes no more memory than what is
 * known of it afterwards, however long it is. Takes no lock.
 */
#ifndef BERTH_STORE_MANIFEST_FILE_H
#define BERTH_STORE_MANIFEST_FILE_H

#include "base/buf.h"
#include "oci/manifest.h"

struct manifest_file {
    int fd;
    int64_t size; /* bytes, all of which are read */
    enum manifest_kind kind;
    size_t json_max;               /* bytes that its JSON may take */
    const struct digest *expected; /* NULL: *digest says which it has */
    struct buf *text;              /* is appended to; NULL: nobody wants it */
};

/* *digest, of the algorithm, is also set where it is no manifest. ERR_IO: it cannot be read, or
 * does not have the expected digest, whatever is in it. Else as manifest_take. */
int manifest_file_parse(const struct manifest_file *file, enum digest_algorithm algorithm,
                        struct digest *digest, struct manifest *manifest, struct err *err);

#endif
