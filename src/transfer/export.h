/* SPDX-License-Identifier: Apache-2.0
 *
 * `berth export`: what its files share. A plan is made of all that is to be written, from the names
 * that were asked for (export_select.c, export_plan.c); then it is written (export_write.c,
 * export_tar.c, export_directory.c).
 *
 * What is written is an OCI image layout (OCI Image Specification, "Image Layout"). In index.json
 * each manifest that was asked for, or that refers to one of those, is an entry with these
 * annotations, by which `berth import` restores the repositories:
 *
 *   dev.berth.repository               always: the repository
 *   org.opencontainers.image.ref.name  if it has a tag: that, or REPOSITORY:TAG in a layout of
 *                                      several repositories
 *   io.containerd.image.name           if it has a tag and is an image: its name as docker writes
 *                                      it in full, docker.io/library/app:1
 *
 * An entry without a tag was asked for by its digest, or refers to others: a signature, an SBOM. If
 * content was left out (--have), index.json itself has the annotation dev.berth.incomplete, "true".
 * A tar has docker's manifest.json too, for the images of one platform.
 */
#ifndef BERTH_TRANSFER_EXPORT_H
#define BERTH_TRANSFER_EXPORT_H

#include "base/progress.h"
#include "base/strings.h"
#include "oci/digest_map.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "registry/registry.h"

#define EXPORT_REPOSITORY "dev.berth.repository"
#define EXPORT_REF_NAME "org.opencontainers.image.ref.name"
#define EXPORT_IMAGE_NAME "io.containerd.image.name"
#define EXPORT_INCOMPLETE "dev.berth.incomplete"

/* An entry of index.json. */
struct export_root {
    const char *repository;
    char *tag; /* NULL: none */
    struct digest digest;
    int64_t size;
    char *media_type, *artifact_type; /* artifact_type NULL: none */
    char *platform;                   /* that was chosen of an index; NULL: none was */
    bool is_image;                    /* or an index of images */
    bool is_referrer;                 /* nobody asked for it, but it refers to what was asked for */
};

/* A blob to write. */
struct export_content {
    int64_t size;
    bool is_manifest;
    enum digest_algorithm algorithm;
    unsigned char raw[64]; /* a struct digest is twice as large, and there may be a million */
};

struct export_plan {
    const struct registry *registry;
    struct platform platform;
    bool all_platforms, whole_store, referrers;
    const struct digest_map *have; /* not to be written */
    const struct progress *progress;
    struct strings repositories; /* that roots point to */
    struct export_root *roots;
    size_t n_roots;
    struct export_content *contents;
    size_t n_contents, n_manifests; /* n_manifests: of the contents */
    struct digest_map known;        /* all digests that were met */
    int64_t bytes;                  /* of all contents */
    size_t left_out, elsewhere;     /* by `have`; layers with `urls` that the store lacks */
    int64_t left_out_bytes;
};
#define AUTO_PLAN __attribute__((cleanup(export_plan_free))) struct export_plan
void export_plan_free(struct export_plan *plan);

/* Adds what REF names: REPOSITORY[:TAG|@DIGEST] with globs in both. MANIFEST_UNKNOWN, NAME_UNKNOWN
 * (a glob matches nothing), ERR_IO: something of it is missing or damaged. (export_select.c) */
int export_select(struct export_plan *plan, const char *ref, struct err *err);
/* Adds all tags of all repositories. */
int export_select_all(struct export_plan *plan, struct err *err);

/* Adds a manifest, all that it needs, and its referrers. tag and platform may be NULL. The names of
 * its manifests, as digests, are appended to manifests. (export_plan.c) */
int export_plan_add(struct export_plan *plan, const struct name *name, const char *tag,
                    const struct digest *digest, const char *platform, struct strings *manifests,
                    struct err *err);
/* Puts everything in order, and each root once. */
void export_plan_finish(struct export_plan *plan);
void export_content_digest(const struct export_content *content, struct digest *digest);
/* Keeps the collector away from the contents behind the first `done`. */
int export_plan_freshen(const struct export_plan *plan, size_t done, struct err *err);
bool export_is_image(const struct manifest *manifest);

/* Whether a tag is one in which clients keep what refers to a manifest, `sha256-<hex>` or with
 * .sig, .att or .sbom behind it. */
bool export_is_referrer_tag(const char *tag);

/* The manifest of an index that fits a platform best, also where an index is within an index. 0:
 * there is none; *listed then has those that there are, with commas between. (export_platform.c) */
int export_pick(const struct registry *registry, const struct name *name,
                const struct manifest *index, const struct platform *platform,
                struct digest *digest, char *text, struct buf *listed, struct err *err);

/* index.json of the plan, with what stood in an index.json before (NULL: nothing). (export_index.c)
 */
int export_index(const struct export_plan *plan, const struct buf *before, struct buf *out,
                 struct err *err);
/* docker's manifest.json; nothing is appended if it would be empty. (export_docker.c) */
int export_docker(const struct export_plan *plan, struct buf *out, struct err *err);
/* team/app:1 as docker writes it in full. */
void export_docker_name(const struct export_root *root, struct buf *out);

/* Where it goes: the first member of what export_tar.c and export_directory.c make. The steps are
 * begin, for each content file, bytes and end, then finish. */
struct export_output {
    int (*begin)(struct export_output *output, const struct export_plan *plan, struct err *err);
    /* 0: it is there already. */
    int (*file)(struct export_output *output, const struct digest *digest, int64_t size,
                struct err *err);
    int (*bytes)(struct export_output *output, const void *bytes, size_t len, struct err *err);
    int (*end)(struct export_output *output, struct err *err);
    int (*finish)(struct export_output *output, const struct export_plan *plan, struct err *err);
    void (*close)(struct export_output *output); /* what is unfinished goes away */
};
/* path NULL: standard output. sync: what finish acknowledges survives a power cut. */
int export_open_tar(const char *path, bool sync, struct export_output **output, struct err *err);
int export_open_directory(const char *path, bool sync, struct export_output **output,
                          struct err *err);
#define EXPORT_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}\n"
/* Names the output in what went wrong; -1. (export_write.c) */
int export_failed(const char *path, struct err *err);
/* ERR_NO_SPACE if the file system of fd has not so many bytes free. */
int export_check_room(int fd, int64_t bytes, const char *path, struct err *err);

struct export_written {
    size_t manifests, blobs, present; /* present: were there already */
    int64_t bytes;
};
/* Writes the plan, hashing each content. ERR_IO: one is damaged. (export_write.c) */
int export_write(const struct export_plan *plan, struct export_output *output,
                 struct export_written *written, struct err *err);

#endif
