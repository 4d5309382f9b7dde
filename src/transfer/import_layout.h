/* SPDX-License-Identifier: Apache-2.0
 *
 * OCI image layouts (OCI Image Specification, "Image Layout"): of `berth export`, of docker since
 * version 25, of podman, skopeo and BuildKit.
 */
#ifndef BERTH_TRANSFER_IMPORT_LAYOUT_H
#define BERTH_TRANSFER_IMPORT_LAYOUT_H

#include "transfer/import_run.h"

/* Finds the images of the layout at a place, whose index.json this is, and what refers to them. */
int import_layout_find(struct import *import, const char *prefix, const struct buf *text,
                       struct err *err);

#endif
