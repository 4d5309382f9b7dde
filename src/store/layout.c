/* SPDX-License-Identifier: Apache-2.0
 * L2: where everything lies in the store. */
#include "store/layout.h"

#include "base/uuid.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const char *format(struct layout_path *path, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Parsed names and digests are bounded, so a path that does not fit is a bug. */
static const char *format(struct layout_path *path, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(path->s, sizeof path->s, fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= sizeof path->s)
        abort();
    return path->s;
}

const char *layout_blobs(struct layout_path *path, enum digest_algorithm algorithm)
{
    return format(path, LAYOUT_BLOBS "/%s", digest_algorithm_name(algorithm));
}

const char *layout_blob_dir(struct layout_path *path, const struct digest *digest)
{
    const char *hex = digest_hex(digest);

    return format(path, LAYOUT_BLOBS "/%s/%.2s/%s", digest_algorithm_name(digest->algorithm), hex,
                  hex);
}

const char *layout_blob(struct layout_path *path, const struct digest *digest)
{
    struct layout_path dir;

    return format(path, "%s/data", layout_blob_dir(&dir, digest));
}

const char *layout_repository(struct layout_path *path, const struct name *name)
{
    return format(path, LAYOUT_REPOSITORIES "/%s", name->s);
}

const char *layout_layers(struct layout_path *path, const struct name *name)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_layers", name->s);
}

const char *layout_layers_of(struct layout_path *path, const struct name *name,
                             enum digest_algorithm algorithm)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_layers/%s", name->s,
                  digest_algorithm_name(algorithm));
}

const char *layout_layer(struct layout_path *path, const struct name *name,
                         const struct digest *digest)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_layers/%s/%s/link", name->s,
                  digest_algorithm_name(digest->algorithm), digest_hex(digest));
}

const char *layout_manifests(struct layout_path *path, const struct name *name)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_manifests", name->s);
}

const char *layout_revisions(struct layout_path *path, const struct name *name,
                             enum digest_algorithm algorithm)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_manifests/revisions/%s", name->s,
                  digest_algorithm_name(algorithm));
}

const char *layout_revision(struct layout_path *path, const struct name *name,
                            const struct digest *digest)
{
    struct layout_path dir;

    return format(path, "%s/%s/link", layout_revisions(&dir, name, digest->algorithm),
                  digest_hex(digest));
}

const char *layout_tags(struct layout_path *path, const struct name *name)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_manifests/tags", name->s);
}

const char *layout_tag(struct layout_path *path, const struct name *name, const struct tag *tag)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_manifests/tags/%s", name->s, tag->s);
}

const char *layout_tag_current(struct layout_path *path, const struct name *name,
                               const struct tag *tag)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_manifests/tags/%s/current/link", name->s, tag->s);
}

const char *layout_tag_current_in(struct layout_path *path, const struct tag *tag)
{
    return format(path, "%s/current/" LAYOUT_LINK, tag->s);
}

const char *layout_tag_index(struct layout_path *path, const struct name *name,
                             const struct tag *tag, const struct digest *digest)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_manifests/tags/%s/index/%s/%s/link", name->s,
                  tag->s, digest_algorithm_name(digest->algorithm), digest_hex(digest));
}

const char *layout_uploads(struct layout_path *path, const struct name *name)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_uploads", name->s);
}

const char *layout_upload(struct layout_path *path, const struct name *name, const char *id,
                          const char *file)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_uploads/%s%s%s", name->s, id, file ? "/" : "",
                  file ? file : "");
}

const char *layout_referrers_index(struct layout_path *path, const struct name *name)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_referrers", name->s);
}

const char *layout_referrers(struct layout_path *path, const struct name *name,
                             const struct digest *subject, enum digest_algorithm algorithm)
{
    return format(path, LAYOUT_REPOSITORIES "/%s/_referrers/%s/%s/%s", name->s,
                  digest_algorithm_name(subject->algorithm), digest_hex(subject),
                  digest_algorithm_name(algorithm));
}

const char *layout_referrer(struct layout_path *path, const struct name *name,
                            const struct digest *subject, const struct digest *referrer)
{
    struct layout_path dir;

    return format(path, "%s/%s", layout_referrers(&dir, name, subject, referrer->algorithm),
                  digest_hex(referrer));
}

const char *layout_pulled(struct layout_path *path, const struct name *name, const struct tag *tag)
{
    return format(path, LAYOUT_PULLED "/%s/_tags/%s", name->s, tag->s);
}

const char *layout_pulled_of(struct layout_path *path, const struct name *name, const char *file)
{
    return format(path, LAYOUT_PULLED "/%s%s%s", name->s, file ? "/" : "", file ? file : "");
}

const char *layout_lost(struct layout_path *path, const struct digest *digest)
{
    return format(path, LAYOUT_LOST "/%s/%s", digest_algorithm_name(digest->algorithm),
                  digest_hex(digest));
}

const char *layout_holders(struct layout_path *path, const char *hex)
{
    return format(path, LAYOUT_HOLDERS "/%.3s", hex);
}

const char *layout_tmp(struct layout_path *path)
{
    char id[UUID_SIZE];

    uuid_make(id);
    return format(path, LAYOUT_TMP "/%s", id);
}

/* FNV-1a. Which lock a name takes must never change while old and new programs run side by side. */
const char *layout_repo_lock(struct layout_path *path, const struct name *name)
{
    uint32_t hash = 2166136261u;

    for (const char *c = name->s; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return format(path, LAYOUT_REPO_LOCKS "/%02x", hash >> 24);
}
