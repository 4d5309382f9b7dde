/* SPDX-License-Identifier: Apache-2.0
 *
 * The only place that knows where something lies in the store: berth-store(5). Byte-compatible with
 * CNCF Distribution's filesystem driver. Every path is made of parsed names and digests and is
 * relative to LAYOUT_PREFIX below the data directory.
 */
#ifndef BERTH_STORE_LAYOUT_H
#define BERTH_STORE_LAYOUT_H

#include "oci/digest.h"
#include "oci/name.h"
#include "oci/tag.h"

#define LAYOUT_PREFIX "docker/registry/v2"

#define LAYOUT_BLOBS "blobs"
#define LAYOUT_DATA "data" /* in a blob's directory */
#define LAYOUT_LINK "link" /* in a link's */
#define LAYOUT_REPOSITORIES "repositories"
#define LAYOUT_OWN "_berth"
#define LAYOUT_TMP "_berth/tmp"
#define LAYOUT_LOCKS "_berth/lock"
#define LAYOUT_REPO_LOCKS "_berth/lock/repo"
#define LAYOUT_SPOOL "_berth/spool"
#define LAYOUT_PULLED "_berth/pulled"
#define LAYOUT_FETCH "_berth/fetch"
#define LAYOUT_VERSION "_berth/version"
#define LAYOUT_QUARANTINE "_berth/quarantine"
#define LAYOUT_LOST "_berth/lost"
#define LAYOUT_HOLDERS "_berth/holders"
#define LAYOUT_TYPES "_berth/types"
#define LAYOUT_HOLDERS_COMPLETE "_berth/holders/complete"
#define LAYOUT_ID "_berth/id"
#define LAYOUT_STORAGE "_berth/storage"
#define LAYOUT_CHECK "_berth/check"

/* What a repository's directory has in it besides other repositories. */
#define LAYOUT_NAME_LAYERS "_layers"
#define LAYOUT_NAME_MANIFESTS "_manifests"
#define LAYOUT_NAME_UPLOADS "_uploads"
#define LAYOUT_NAME_REFERRERS "_referrers"

struct layout_path {
    char s[1024];
};

/* Each fills *path and returns path->s. */
const char *layout_blob(struct layout_path *path, const struct digest *digest);
const char *layout_blob_dir(struct layout_path *path, const struct digest *digest);

const char *layout_repository(struct layout_path *path, const struct name *name);
const char *layout_blobs(struct layout_path *path, enum digest_algorithm algorithm);
const char *layout_layers(struct layout_path *path, const struct name *name);
const char *layout_layers_of(struct layout_path *path, const struct name *name,
                             enum digest_algorithm algorithm);
const char *layout_layer(struct layout_path *path, const struct name *name,
                         const struct digest *digest);
const char *layout_manifests(struct layout_path *path, const struct name *name);
const char *layout_revisions(struct layout_path *path, const struct name *name,
                             enum digest_algorithm algorithm);
const char *layout_revision(struct layout_path *path, const struct name *name,
                            const struct digest *digest);
const char *layout_tags(struct layout_path *path, const struct name *name);
const char *layout_tag(struct layout_path *path, const struct name *name, const struct tag *tag);
const char *layout_tag_current(struct layout_path *path, const struct name *name,
                               const struct tag *tag);
/* Below layout_tags. */
const char *layout_tag_current_in(struct layout_path *path, const struct tag *tag);
const char *layout_tag_index(struct layout_path *path, const struct name *name,
                             const struct tag *tag, const struct digest *digest);
const char *layout_uploads(struct layout_path *path, const struct name *name);
/* file: "data", "startedat", "state", or NULL for the session's directory. */
const char *layout_upload(struct layout_path *path, const struct name *name, const char *id,
                          const char *file);
/* All referrers of all subjects. */
const char *layout_referrers_index(struct layout_path *path, const struct name *name);
const char *layout_referrers(struct layout_path *path, const struct name *name,
                             const struct digest *subject, enum digest_algorithm algorithm);
const char *layout_referrer(struct layout_path *path, const struct name *name,
                            const struct digest *subject, const struct digest *referrer);

/* Whose time is that of the last pull. */
const char *layout_pulled(struct layout_path *path, const struct name *name, const struct tag *tag);
/* file: "_since", "_tags", or NULL for the repository's directory. */
const char *layout_pulled_of(struct layout_path *path, const struct name *name, const char *file);

/* That the content was found to be missing, and that this was reported. */
const char *layout_lost(struct layout_path *path, const struct digest *digest);
/* What is known of who has the blobs whose digests begin like hex. */
const char *layout_holders(struct layout_path *path, const char *hex);
/* A new name in _berth/tmp, for a file that will be renamed into place or removed. */
const char *layout_tmp(struct layout_path *path);
/* One of 256 files, by a hash of the repository's name. */
const char *layout_repo_lock(struct layout_path *path, const struct name *name);

#endif
