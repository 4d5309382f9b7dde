/* SPDX-License-Identifier: Apache-2.0
 *
 * Platforms, as an index names them for its manifests (OCI Image Specification, "Image Index",
 * `platform`): linux/amd64, linux/arm/v7, windows/amd64:10.0.20348.2113.
 */
#ifndef BERTH_OCI_PLATFORM_H
#define BERTH_OCI_PLATFORM_H

#include "base/json.h"

#define PLATFORM_PART_SIZE 32
#define PLATFORM_TEXT_SIZE (4 * PLATFORM_PART_SIZE)

struct platform {
    char os[PLATFORM_PART_SIZE], architecture[PLATFORM_PART_SIZE];
    char variant[PLATFORM_PART_SIZE];    /* "": none was said */
    char os_version[PLATFORM_PART_SIZE]; /* the same */
};

/* OS/ARCH[/VARIANT][:OS.VERSION]; ERR_USAGE. Names that the kernel and others have for an
 * architecture, such as x86_64, are taken too. */
int platform_parse(struct platform *platform, const char *s, struct err *err);
/* Linux on a machine of this name, as uname(2) says it. */
void platform_of_machine(struct platform *platform, const char *machine);
/* From a descriptor's `platform`. False: it has none, or names none that is known. */
bool platform_from_json(struct platform *platform, const struct json *json);
void platform_text(char out[PLATFORM_TEXT_SIZE], const struct platform *platform);

/* How well what is there runs on what is wanted: 0: not at all; the greater the better. An older
 * variant of the architecture runs on a newer one. Of os.version the parts that are wanted must be
 * there: 10.0.20348 fits 10.0.20348.2113. */
int platform_fits(const struct platform *wanted, const struct platform *there);

#endif
