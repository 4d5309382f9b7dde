/* SPDX-License-Identifier: Apache-2.0
 *
 * docker's manifest.json, beside index.json in a tar: by it docker without containerd's image
 * store, podman, and skopeo's docker-archive find images. It points at the layout's blobs, and its
 * layers may be compressed: docker 20.10 takes both.
 */
#ifndef BERTH_TRANSFER_EXPORT_DOCKER_H
#define BERTH_TRANSFER_EXPORT_DOCKER_H

#include "transfer/export_plan.h"

/* Nothing is appended if it would be empty. Notes say what docker will not load. */
int export_docker(const struct export_plan *plan, struct buf *out, struct err *err);
/* team/app:1 as docker writes it in full: docker.io/team/app:1. Of a root with a tag. */
void export_docker_name(const struct export_plan_root *root, struct buf *out);

#endif
