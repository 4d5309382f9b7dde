/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of a chunk on their way into an upload: read, written and hashed at the same time.
 */
#ifndef BERTH_REGISTRY_PUSH_BODY_H
#define BERTH_REGISTRY_PUSH_BODY_H

#include "store/upload.h"

#include <sys/types.h>

/* Where the bytes of a chunk come from: their number, 0 at the end, -1 with *err set if they broke
 * off. */
struct push_body {
    ssize_t (*read)(void *from, void *bytes, size_t len, struct err *err);
    void *from;
};

/* Where a chunk says that it belongs; first is -1 if it does not say. */
struct push_range {
    int64_t first;
    int64_t last;
};

/* Appends the body where the client says that it belongs, or takes back what came of it. Not for
 * several threads. UPLOAD_RANGE, SIZE_INVALID, and what body.read says. */
int push_body_append(struct upload *upload, struct push_range range, struct push_body body,
                     struct err *err);

#endif
