/* SPDX-License-Identifier: Apache-2.0
 *
 * A store in a temporary directory, for the harnesses that need one.
 */
#ifndef BERTH_FUZZ_TEMP_STORE_H
#define BERTH_FUZZ_TEMP_STORE_H

#include "fuzz/fuzz.h"

#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>

static struct store temp_store;
static struct conf temp_conf = {
    .file_mode = 0600, .dir_mode = 0700, .manifest_limit = 4096, .page_limit = 10};
static char temp_root[64];

static inline void temp_store_remove(void)
{
    struct fs_root parent = {.fd = open("/tmp", O_RDONLY | O_DIRECTORY)};
    struct err err;

    store_close(&temp_store);
    fs_remove_tree(&parent, temp_root + strlen("/tmp/"), &err);
    fs_root_close(&parent);
}

static inline void temp_store_make(void)
{
    struct err err;

    snprintf(temp_root, sizeof temp_root, "/tmp/berth-fuzz-XXXXXX");
    must_hold(mkdtemp(temp_root));
    temp_conf.root = temp_root;
    must_hold(store_open(&temp_store, &temp_conf, true, &err) == 0);
}

#endif
