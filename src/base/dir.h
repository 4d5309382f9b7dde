/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories in a root, as base/fs.h opens it. Functions that look for something return 1 (found,
 * done), 0 (not there) or -1 with *err set; the others 0 or -1.
 */
#ifndef BERTH_BASE_DIR_H
#define BERTH_BASE_DIR_H

#include "base/fs.h"
#include "base/strings.h"

/* Makes a directory and the parents that are missing; adds the changed ones to dirty, and those in
 * which young ones are (base/fs_settle.h). */
int dir_make(const struct fs_root *root, const char *path, struct dirty *dirty, struct err *err);
/* Removes a directory if it is empty. 0: it is not, or is not there. */
int dir_remove(const struct fs_root *root, const char *path, struct dirty *dirty, struct err *err);
/* Removes a directory with everything below it; links are removed, never followed. */
int dir_remove_tree(const struct fs_root *root, const char *path, struct err *err);

/* For many look-ups in one directory that is open, as fs_open gives it: a system call each. A
 * symbolic link in the middle of the path is followed, out of the root too, so take the answer for
 * no more than a hint. */
int dir_peek(int dir, const char *path, struct stat *st, struct err *err);
/* Removes dir/child/file, and dir/child if nothing else is in it, provided that the file is still
 * what the caller wants to remove. 0: it is not, or is not there. Links are not followed. */
typedef bool dir_may_go_fn(void *context, const struct stat *st);
int dir_remove_lone(const struct fs_root *dir, const char *child, const char *file,
                    dir_may_go_fn *may_go, void *context, struct err *err);

/* Calls visit for each name in a directory, in no order, leaving out those that start with a dot,
 * until it returns true. 1: visited, 0: there is no such directory. */
typedef bool dir_visit_fn(void *context, const char *name);
int dir_each(const struct fs_root *root, const char *path, dir_visit_fn *visit, void *context,
             struct err *err);

/* The same with what else is known of each. dir: the open directory, for dir_peek; is_directory: it
 * is one, and no symbolic link; false: it is not, or who knows. */
struct dir_entry {
    const char *name;
    int dir;
    bool is_directory;
};
typedef bool dir_look_fn(void *context, const struct dir_entry *entry);
int dir_look(const struct fs_root *root, const char *path, dir_look_fn *look, void *context,
             struct err *err);

/* The names in a directory, in byte order, without those that start with a dot. */
int dir_list(const struct fs_root *root, const char *path, struct strings *names, struct err *err);

#endif
