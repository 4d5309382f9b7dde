/* SPDX-License-Identifier: Apache-2.0
 *
 * What a subcommand works on: the configuration, and the store that it or --root names.
 */
#ifndef BERTH_ADMIN_OPEN_H
#define BERTH_ADMIN_OPEN_H

#include "api/config.h"
#include "cli/options.h"
#include "registry/registry.h"

#include <sys/stat.h>

struct opened {
    struct config conf;
    struct store store;
    struct registry registry; /* of open_registry */
};

/* Loads the configuration and opens the store, as the store's owner, to read or to change it.
 * open_close afterwards, unless it failed. */
int open_store(const struct options_common *common, bool change, struct opened *opened,
               struct err *err);
/* Opens it as who calls, whatever stands in it, and writes nothing: for fsck, which becomes the
 * owner later. */
int open_any(const struct options_common *common, struct opened *opened, struct err *err);
void open_close(struct opened *opened);

/* Everything is permitted to who called, and what he changes is told to the log, if that is wanted
 * for debugging. */
struct registry open_registry(const struct config *conf, const struct store *store);
/* The configuration alone, with root made absolute. */
int open_config(const struct options_common *common, struct config *conf, struct err *err);

/* stat(2) of the store's directory. */
int open_stat(const struct config *conf, struct stat *st);
/* As root, becomes the owner of the store for good, if there is a store and it belongs to somebody
 * else. */
int open_as_owner(const struct config *conf, struct err *err);
/* The same for another directory, also where only its group is another. */
int open_as_owner_of(const char *directory, struct err *err);

#endif
