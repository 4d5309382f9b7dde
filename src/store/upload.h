/* SPDX-License-Identifier: Apache-2.0
 *
 * Upload sessions (OCI Distribution Specification, "Pushing Blobs"): on disk, so that each request
 * may reach another process or host. A session belongs to a repository and to the user that opened
 * it; for everyone else it does not exist (UPLOAD_UNKNOWN).
 *
 * The lock is on the session's own `data` file, is waited for no longer than a moment
 * (UPLOAD_BUSY), and is held from upload_create or upload_open to upload_close. What was
 * acknowledged ends at the offset in `state`; bytes behind it are from a request that failed, and
 * the next writer cuts them off.
 *
 * A session that Distribution began has no `state`: then all of `data` counts, and anyone may go on
 * with it.
 */
#ifndef BERTH_STORE_UPLOAD_H
#define BERTH_STORE_UPLOAD_H

#include "base/strings.h"
#include "base/uuid.h"
#include "oci/hasher.h"
#include "store/layout.h"
#include "store/store.h"

#include <stdbool.h>

struct upload {
    const struct store *store;
    struct name name;
    char id[UUID_SIZE];
    char *user;                              /* "" is nobody */
    char tmp[sizeof LAYOUT_TMP + UUID_SIZE]; /* where it is if it is no session, until named */
    bool alone;                              /* it is no session */
    bool stated;                             /* `state` is there */
    int fd;                                  /* of data, locked */
    int64_t saved;                           /* bytes that were acknowledged */
    int64_t offset;                          /* bytes in data */
    struct digester digester;
    bool digester_valid;   /* it has seen exactly the first `offset` bytes */
    struct hasher *hasher; /* NULL: nothing is hashed beside */
};
#define AUTO_UPLOAD __attribute__((cleanup(upload_close))) struct upload

/* Begins a session, open and locked, hashing with algorithm; there for others after upload_save.
 * Wants lock_gc shared, since the collector removes empty repositories. */
int upload_create(const struct store *store, const struct name *name, const char *user,
                  enum digest_algorithm algorithm, struct upload *upload, struct err *err);
/* Begins one that ends with this request: a file in _berth/tmp that nobody else sees, locked for
 * the collector's sake. It is not saved, but published or removed. */
int upload_begin(const struct store *store, const struct name *name,
                 enum digest_algorithm algorithm, struct upload *upload, struct err *err);
int upload_open(const struct store *store, const struct name *name, const char *id,
                const char *user, struct upload *upload, struct err *err);
/* The acknowledged bytes, without a lock. */
int upload_offset(const struct store *store, const struct name *name, const char *id,
                  const char *user, int64_t *offset, struct err *err);
void upload_close(struct upload *upload);

/* Hashes with algorithm what is still to come, if nothing came so far. */
void upload_expect(struct upload *upload, enum digest_algorithm algorithm);
int upload_write(struct upload *upload, const void *bytes, size_t len, struct err *err);
/* From now on upload_write leaves the bytes to a thread (hasher_add), until upload_hash_end, which
 * comes before all else that is done with the upload. */
void upload_hash_beside(struct upload *upload);
void upload_hash_end(struct upload *upload);
/* Acknowledges what was written: whoever goes on finds it, and the hash's state. Nothing
 * of that is synced: a session is promised against a process that is killed, not against a power
 * cut, after which it may be gone, or hold other bytes, which are then read again. Only where a
 * file server may lose them while we run on (fs_boot), the bytes are synced. */
int upload_save(struct upload *upload, struct err *err);
/* Takes back what was written since the last upload_save. */
int upload_rollback(struct upload *upload, struct err *err);

/* The digest of all bytes. Reads them again if the hash is not at hand: state missing or stale,
 * other algorithm. */
int upload_digest(struct upload *upload, enum digest_algorithm algorithm, struct digest *digest,
                  struct err *err);
/* The bytes are durable after dirty_sync, which may take long: before the lock. */
int upload_sync(struct upload *upload, struct dirty *dirty, struct err *err);
/* Makes data the blob, after that. Wants lock_gc shared. The session is then to be removed.
 */
int upload_publish(struct upload *upload, const struct digest *digest, struct dirty *dirty,
                   struct err *err);
/* Removes the session at once: it is moved away whole, then taken apart. */
int upload_remove(struct upload *upload, struct dirty *dirty, struct err *err);

/* When a session began, in nanoseconds since 1970. 0: there is none. */
int upload_started(const struct store *store, const struct name *name, const char *id,
                   int64_t *when, struct err *err);
/* UPLOAD_LIMIT: the user has as many sessions open in the repository as the store lets him. Those
 * of other programs are nobody's. Who asks at the same time may be let in, too. */
int upload_check_limit(const struct store *store, const struct name *name, const char *user,
                       struct err *err);

/* The ids of a repository's sessions, in byte order. 0: it has none. */
int upload_list(const struct store *store, const struct name *name, struct strings *ids,
                struct err *err);
/* Whether a session has its data and its start, and a state that fits to them or none. 0: it is
 * half-written. */
int upload_is_whole(const struct store *store, const struct name *name, const char *id,
                    struct err *err);
/* Removes a session, whoever's and however it looks, unless somebody writes to it: UPLOAD_BUSY. */
int upload_clear(const struct store *store, const struct name *name, const char *id,
                 struct err *err);

#endif
