/* SPDX-License-Identifier: Apache-2.0
 * L3: the bytes of a chunk. */
#include "registry/push_body.h"

/* So much is read, then written, while what was read before is hashed. A chunk that is shorter is
 * not worth a thread. */
#define BLOCK ((size_t)256 << 10)

/* Fills the block, unless the body ends or breaks off before. */
static ssize_t read_block(struct push_body body, char *block, struct err *err)
{
    size_t got = 0;
    ssize_t n = 1;

    while (got < BLOCK && (n = body.read(body.from, block + got, BLOCK - got, err)) > 0)
        got += (size_t)n;
    return n < 0 ? -1 : (ssize_t)got;
}

/* All of the body. */
static int write_all(struct upload *upload, struct push_body body, struct err *err)
{
    static char blocks[2][BLOCK]; /* one request at a time in a process */
    ssize_t n;

    for (int i = 0; (n = read_block(body, blocks[i], err)) > 0; i = !i) {
        if ((size_t)n == BLOCK)
            upload_hash_beside(upload);
        if (upload_write(upload, blocks[i], (size_t)n, err) < 0)
            return -1;
        if ((size_t)n < BLOCK)
            return 0;
    }
    return (int)n;
}

int push_body_append(struct upload *upload, struct push_range range, struct push_body body,
                     struct err *err)
{
    struct err failure;

    if (range.first >= 0 && range.first != upload->offset)
        return err_set(err, ERR_UPLOAD_RANGE, "the next chunk must begin at %jd, not at %jd",
                       (intmax_t)upload->offset, (intmax_t)range.first);
    int written = write_all(upload, body, &failure);
    upload_hash_end(upload);
    if (written == 0) {
        int64_t got = upload->offset - upload->saved;
        if (range.first < 0 || got - 1 == range.last - range.first)
            return 0;
        err_set(&failure, ERR_SIZE_INVALID, "the chunk has %jd bytes, but its range says %jd-%jd",
                (intmax_t)got, (intmax_t)range.first, (intmax_t)range.last);
    }
    return upload_rollback(upload, err) == 0 ? err_copy(err, &failure) : -1;
}
