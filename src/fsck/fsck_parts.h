/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fsck*.c files share and nobody else needs.
 *
 * Names are made after what they point at and removed before it. So a suspicion looks for the
 * content first and for the name last: a name that is still there when its content was found
 * missing is at fault.
 */
#ifndef BERTH_FSCK_FSCK_PARTS_H
#define BERTH_FSCK_FSCK_PARTS_H

#include "base/strings.h"
#include "fsck/fsck.h"
#include "fsck/quarantine.h"
#include "oci/digest_map.h"
#include "oci/manifest.h"
#include "store/layout.h"

#include <stdatomic.h>

struct fsck {
    struct store *store;
    struct fsck_options options;
    fsck_report_fn *report;
    void *context;
    struct fsck_summary summary;
    struct quarantine quarantine;
    struct digest_map reported; /* content whose fault was reported: no other finding is of it */
    struct digest_map linkless; /* the same for links that the present repository lacks */
    bool own;                   /* berth has made its directory in this store */
    int64_t found_blobs, found_bytes;
    int64_t items;
};

/* --- What may be wrong (fsck.c) --- */

struct fsck_suspicion {
    enum fsck_code code;
    const char *path;            /* NULL: it is about the digest in the repository */
    const struct name *name;     /* NULL: of no repository; else lock_repo is held */
    const struct digest *digest; /* NULL: of none */
    const char *text;            /* what is wrong */
    /* Called once more under the locks: false if all is well by now. */
    bool (*holds)(struct fsck *fsck, const struct fsck_suspicion *suspicion);
    /* Mends it, appending to `what` what was done. NULL: that cannot be done. */
    int (*mend)(struct fsck *fsck, const struct fsck_suspicion *suspicion, struct buf *what,
                struct err *err);
    /* After mend, moves the digest's blob away if this says once more that it is damaged, called
     * under lock_gc exclusive. NULL: the blob is no part of it. */
    bool (*remove_blob)(struct fsck *fsck, const struct fsck_suspicion *suspicion);
    bool unlocked; /* for what the locks themselves need */
    bool slow;     /* a program may be at it without a lock: wait before looking again */
    void *context;
};

enum fsck_verdict { FSCK_SOUND, FSCK_FAULTY, FSCK_MENDED };
/* Looks again, reports, and mends if asked for. FSCK_SOUND: there was nothing. */
enum fsck_verdict fsck_suspect(struct fsck *fsck, const struct fsck_suspicion *suspicion);
/* mend: moves path into quarantine. */
int fsck_mend_move(struct fsck *fsck, const struct fsck_suspicion *suspicion, struct buf *what,
                   struct err *err);
/* Reports that something cannot be read, unless something that is reported otherwise explains it.
 */
void fsck_unreadable(struct fsck *fsck, const char *path, const struct err *why);
/* Whether path is not plainly absent: a part of it is a symbolic link, of a wrong type, or cannot
 * be looked at. Then that is what is reported, and nothing is taken for lost. */
bool fsck_is_obscured(struct fsck *fsck, const char *path);
bool fsck_stopped(const struct fsck *fsck);
void fsck_step(struct fsck *fsck, const char *what);

/* --- Directories (fsck_tree.c) --- */

enum fsck_type { FSCK_FILE, FSCK_DIRECTORY, FSCK_SYMLINK_TYPE, FSCK_OTHER, FSCK_ABSENT };
struct fsck_entry {
    const char *name;
    const char *path; /* below the store */
    enum fsck_type type;
};
enum fsck_type fsck_type_of(struct fsck *fsck, const char *path);
typedef void fsck_visit_fn(struct fsck *fsck, void *context, const struct fsck_entry *entry);
/* Visits what is in a directory, in no order; not what programs leave after a crash (`*.tmp`,
 * `.nfs*`), nor other plain files with a dot in front. */
void fsck_each(struct fsck *fsck, const char *dir, fsck_visit_fn *visit, void *context);
/* Whether it is of this type; reports it if not. */
enum fsck_verdict fsck_expect(struct fsck *fsck, const struct name *name,
                              const struct fsck_entry *entry, enum fsck_type type);
/* The same for what may be absent. FSCK_SOUND: it is either. */
enum fsck_verdict fsck_expect_path(struct fsck *fsck, const struct name *name, const char *path,
                                   enum fsck_type type);
/* Reports something that does not belong there. */
void fsck_foreign(struct fsck *fsck, const struct name *name, const struct fsck_entry *entry,
                  enum fsck_code code);

/* dir/<algorithm>/<hex>: visits each digest, reports what else is there. */
typedef void fsck_digest_fn(struct fsck *fsck, const struct name *name, const struct digest *digest,
                            const struct fsck_entry *entry, void *context);
void fsck_each_digest(struct fsck *fsck, const struct name *name, const char *dir,
                      fsck_digest_fn *visit, void *context);

/* --- Content --- */

enum fsck_content {
    FSCK_CONTENT_SOUND,
    FSCK_CONTENT_MISSING,
    FSCK_CONTENT_DAMAGED,
    FSCK_CONTENT_NO_MANIFEST, /* sound, but no manifest */
    FSCK_CONTENT_OBSOLETE,    /* a manifest of schema 1, which berth does not serve */
    FSCK_CONTENT_UNKNOWN,     /* unreadable or obscured */
};
/* Reads a manifest; with FSCK_CONTENT_SOUND manifest_free it. (fsck_manifest.c) */
enum fsck_content fsck_read_manifest(struct fsck *fsck, const struct digest *digest,
                                     struct manifest *manifest, int64_t *size);
/* Checks one revision and what it refers to. (fsck_manifest.c) */
void fsck_revision(struct fsck *fsck, const struct name *name, const struct digest *digest,
                   int depth);
/* Its content is damaged. (fsck_manifest.c) */
void fsck_bad_manifest(struct fsck *fsck, const struct name *name, const struct digest *digest);
/* Takes the names of a manifest whose content is gone out of the way. (fsck_tag.c) */
int fsck_take_names(struct fsck *fsck, const struct name *name, const struct digest *digest,
                    struct buf *what, struct err *err);
/* mend: the same for the suspicion's manifest. */
int fsck_mend_names(struct fsck *fsck, const struct fsck_suspicion *suspicion, struct buf *what,
                    struct err *err);
/* mend: links the suspicion's manifest to its repository. */
int fsck_mend_revision(struct fsck *fsck, const struct fsck_suspicion *suspicion, struct buf *what,
                       struct err *err);
/* References of a manifest. (fsck_reference.c) */
void fsck_references(struct fsck *fsck, const struct name *name, const struct digest *digest,
                     const struct manifest *manifest, int depth);
/* Its place among the referrers of its subject. (fsck_referrer.c) */
void fsck_referrer(struct fsck *fsck, const struct name *name, const struct digest *digest,
                   const struct manifest *manifest, int64_t size);
void fsck_referrers(struct fsck *fsck, const struct name *name);

/* --- Links (fsck_link.c) --- */

/* Checks the link of <hex>/link, and what else is in <hex>. dir: that directory. */
void fsck_link(struct fsck *fsck, const struct name *name, const struct digest *digest,
               const struct fsck_entry *dir, void *context);
bool fsck_has_link(struct fsck *fsck, const char *path);

/* --- Parts of a store --- */

void fsck_tags(struct fsck *fsck, const struct name *name);    /* fsck_tag.c */
void fsck_uploads(struct fsck *fsck, const struct name *name); /* fsck_upload.c */
void fsck_repositories(struct fsck *fsck);                     /* fsck_repo.c */
int fsck_own(struct fsck *fsck, struct err *err);              /* fsck_own.c */
void fsck_blob_places(struct fsck *fsck);                      /* fsck_blob.c */
int fsck_blobs(struct fsck *fsck, struct err *err);            /* fsck_blob.c */
/* A blob is not what it should be: reports it, and moves it away. st: of the file that was read. */
void fsck_bad_blob(struct fsck *fsck, enum fsck_code code, const struct digest *digest,
                   const struct stat *st, const char *text);

/* --- Hashing (fsck_hash.c) --- */

struct fsck_hash {
    struct digest digest; /* the name */
    struct digest actual;
    struct stat st; /* of the file that was read */
    int found;      /* 1, 0: there is none, -1: err */
    struct err err;
    bool stopped; /* before its end */
};
void fsck_hash_path(const struct store *store, const char *path, struct fsck_hash *hash,
                    const struct fsck *stop, atomic_llong *bytes);
/* Hashes blobs by several threads, and hands back the results in the order in which they came. */
struct fsck_hasher;
typedef void fsck_hashed_fn(struct fsck *fsck, void *context, const struct fsck_hash *hash);
struct fsck_hasher *fsck_hasher_start(struct fsck *fsck, fsck_hashed_fn *done, void *context);
void fsck_hasher_put(struct fsck_hasher *hasher, const struct digest *digest);
/* Waits for the rest. */
void fsck_hasher_end(struct fsck_hasher *hasher);

/* --- State (fsck_state.c) --- */

struct fsck_state {
    struct fs_root dir;
    char *name;       /* NULL: there is no state */
    struct buf head;  /* whose it is */
    struct digest at; /* the last that is done */
    bool has_at;
    int64_t blobs, bytes;   /* done */
    struct strings damaged; /* blobs that were found damaged */
    int64_t saved_ms;
};
/* Reads it. ERR_USAGE: it is of another store or other options. */
int fsck_state_open(struct fsck *fsck, struct fsck_state *state, struct err *err);
void fsck_state_done(struct fsck_state *state, const struct digest *digest, int64_t size,
                     bool damaged);
int fsck_state_save(struct fsck_state *state, bool now, struct err *err);
/* complete: the next run starts anew. */
int fsck_state_close(struct fsck_state *state, bool complete, struct err *err);

#endif
