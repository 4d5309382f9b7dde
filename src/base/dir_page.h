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

/* Visits them one after the other, by pages of n (not 0), 2n, 4n and so on, for whoever wants about
 * n but may have to pass over others, until visit returns other than 0 (-1: failed), and returns
 * that. 0: to the end, or there is no such directory. */
typedef int dir_page_visit_fn(void *context, const char *name, struct err *err);
int dir_page_walk(const struct fs_root *root, const char *path, const char *after, size_t n,
                  bool may_keep, dir_page_visit_fn *visit, void *context, struct err *err);

#endif
