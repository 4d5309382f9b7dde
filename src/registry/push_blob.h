/* SPDX-License-Identifier: Apache-2.0
 *
 * Pushing blobs (OCI Distribution Specification, "Pushing Blobs", end-4a to end-6, end-11, end-13,
 * end-14). What these functions acknowledge with 0 is durable, but for a session that is open
 * (upload_save). They take the locks that they need.
 */
#ifndef BERTH_REGISTRY_PUSH_BLOB_H
#define BERTH_REGISTRY_PUSH_BLOB_H

#include "base/uuid.h"
#include "registry/push_body.h"
#include "registry/registry.h"

/* Which upload, and whose. */
struct push_session {
    struct name name;
    const char *user; /* "" is nobody */
    char id[UUID_SIZE];
};

/* Opens a session; its id goes to session->id. */
int push_blob_start(const struct registry *registry, struct push_session *session,
                    enum digest_algorithm algorithm, struct err *err);

/* Appends a chunk; *offset is then the number of bytes so far. On an error nothing of the chunk
 * stays. UPLOAD_UNKNOWN, UPLOAD_BUSY, UPLOAD_RANGE (with *offset set), SIZE_INVALID. */
int push_blob_chunk(const struct registry *registry, const struct push_session *session,
                    struct push_range range, struct push_body body, int64_t *offset,
                    struct err *err);

/* Appends the last chunk, which may be empty, verifies the digest, publishes the blob and links it
 * into the repository. DIGEST_INVALID: it has another digest; the session is gone then. Other
 * errors as push_blob_chunk. */
int push_blob_finish(const struct registry *registry, const struct push_session *session,
                     struct push_range range, const struct digest *digest, struct push_body body,
                     int64_t *offset, struct err *err);

/* All of it in one go, without a session that others could see. */
int push_blob_whole(const struct registry *registry, struct push_session *session,
                    const struct digest *digest, struct push_body body, struct err *err);

/* The same without knowing the digest beforehand: stores the body under the one that it has. What
 * the store has already, in whatever repository, is linked, not written over: *is_new says which.
 * For whoever may read every repository. */
struct pushed_blob {
    struct digest digest;
    int64_t size;
    bool is_new;
};
int push_blob_new(const struct registry *registry, struct push_session *session,
                  enum digest_algorithm algorithm, struct push_body body,
                  struct pushed_blob *pushed, struct err *err);
/* Links a blob that the store has, in whatever repository or in none, if it has this size. 0: there
 * is none. For whoever may read every repository. */
int push_blob_link(const struct registry *registry, const struct name *name,
                   const struct digest *digest, int64_t size, struct err *err);

/* Links a blob that `from` has (NULL: that any repository has) into the repository. 0: there is
 * none in a repository that the rules let him pull from. */
int push_blob_mount(const struct registry *registry, const struct name *name,
                    const struct digest *digest, const struct name *from, struct err *err);

int push_blob_offset(const struct registry *registry, const struct push_session *session,
                     int64_t *offset, struct err *err);
int push_blob_cancel(const struct registry *registry, const struct push_session *session,
                     struct err *err);

#endif
