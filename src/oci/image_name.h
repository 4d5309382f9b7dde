/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of images as archives hold them, such as docker.io/library/busybox:1 or
 * quay.io/team/app:1.0. The host is that of another registry and is left out; of docker.io's
 * official images the `library/` that docker adds, too: busybox:1, team/app:1.0.
 */
#ifndef BERTH_OCI_IMAGE_NAME_H
#define BERTH_OCI_IMAGE_NAME_H

#include "oci/name.h"
#include "oci/tag.h"

#include <stdbool.h>

struct image_name {
    struct name name;
    bool has_tag; /* false: it goes by its digest */
    struct tag tag;
};

/* Without tag and digest the tag is "latest", as for docker. NAME_INVALID, MANIFEST_INVALID. */
int image_name_parse(struct image_name *image, const char *text, struct err *err);

#endif
