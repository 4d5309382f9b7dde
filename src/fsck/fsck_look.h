/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands at a path. Symbolic links are never followed.
 */
#ifndef BERTH_FSCK_FSCK_LOOK_H
#define BERTH_FSCK_FSCK_LOOK_H

#include "fsck/fsck_run.h"

enum fsck_type { FSCK_FILE, FSCK_DIRECTORY, FSCK_SYMLINK_TYPE, FSCK_OTHER, FSCK_ABSENT };

/* fs_stat, of which a failure is told to fsck_run_saw. */
int fsck_look_stat(struct fsck *fsck, const char *path, struct stat *st);
enum fsck_type fsck_look_type(struct fsck *fsck, const char *path);
enum fsck_type fsck_look_type_by(const struct stat *st);
bool fsck_look_link(struct fsck *fsck, const char *path);
bool fsck_look_blob(struct fsck *fsck, const struct digest *digest);

/* Whether path is not plainly absent: a part of it is a symbolic link, of a wrong type, or cannot
 * be looked at. Then that is what is reported, and nothing is taken for lost. */
bool fsck_look_obscured(struct fsck *fsck, const char *path);
/* Neither there nor obscured. */
bool fsck_look_absent(struct fsck *fsck, const char *path);
/* Whether test holds for a directory above path, or for path itself (last). */
bool fsck_look_any_part(struct fsck *fsck, const char *path,
                        bool (*test)(struct fsck *fsck, const char *part, bool last));

#endif
