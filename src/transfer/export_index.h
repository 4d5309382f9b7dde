/* SPDX-License-Identifier: Apache-2.0
 *
 * index.json of the OCI image layout that an export is (OCI Image Specification, "Image Layout").
 * Each manifest that was asked for, or that refers to one of those, is an entry with these
 * annotations, by which an import restores the repositories:
 *
 *   dev.berth.repository               always: the repository
 *   org.opencontainers.image.ref.name  if it has a tag: that, or REPOSITORY:TAG in a layout of
 *                                      several repositories
 *   io.containerd.image.name           if it has a tag and is an image: its name as docker writes
 *                                      it in full, docker.io/library/app:1
 *
 * An entry without a tag was asked for by its digest, or refers to others: a signature, an SBOM. If
 * content was left out, since the other side has it, or is not there, as a sparse repository may
 * lack it, index.json itself has the annotation dev.berth.incomplete, "true".
 */
#ifndef BERTH_TRANSFER_EXPORT_INDEX_H
#define BERTH_TRANSFER_EXPORT_INDEX_H

#include "transfer/export_plan.h"

#define EXPORT_INDEX_REPOSITORY "dev.berth.repository"
#define EXPORT_INDEX_REF_NAME "org.opencontainers.image.ref.name"
#define EXPORT_INDEX_IMAGE_NAME "io.containerd.image.name"
#define EXPORT_INDEX_INCOMPLETE "dev.berth.incomplete"

/* The file beside it that makes a directory a layout. */
#define EXPORT_INDEX_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}\n"

/* ERR_USAGE: the plan has more entries than an import takes (SAVED_ENTRIES_MAX). */
int export_index_check(const struct export_plan *plan, struct err *err);
/* The plan's, with what stood in an index.json before (NULL: nothing). ERR_IO: that was none.
 * ERR_USAGE: together it is more than an import takes (SAVED_LENGTH_MAX too). */
int export_index(const struct export_plan *plan, const struct buf *before, struct buf *out,
                 struct err *err);

#endif
