/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of a directory with very many names. Each page costs a look at all names, but no more;
 * where somebody goes on from page to page, the sorted names are kept in memory for as long as the
 * directory does not change. That is told by its ctime, once this is older than what a clock can
 * mistake. Not for several threads.
 */
#ifndef BERTH_BASE_DIR_PAGE_H
#define BERTH_BASE_DIR_PAGE_H

#include "base/fs.h"
#include "base/strings.h"

/* Whose names are kept has so many at least; and no more bytes than this are kept in all. */
#define DIR_PAGE_KEPT_NAMES 256
#define DIR_PAGE_KEPT_BYTES ((size_t)4 << 20)

/* Appends the first n names behind `after` (NULL: from the start) in byte order, without those that
 * start with a dot. *more: there are others behind them. may_keep: the times of this file system
 * are fresh, as they are not on one that several hosts share. 0: there is no such directory. */
int dir_page(const struct fs_root *root, const char *path, const char *after, size_t n,
             bool may_keep, struct strings *names, bool *more, struct err *err);

#endif
