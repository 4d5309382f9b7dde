/* SPDX-License-Identifier: Apache-2.0
 *
 * How two hosts meet in a directory, by a word, and take turns: a step is done when its lock is let
 * go of.
 */
#ifndef BERTH_STORAGE_STORAGE_MEET_H
#define BERTH_STORAGE_STORAGE_MEET_H

#include "base/fs.h"
#include "base/uuid.h"
#include "store/layout.h"

struct storage_meeting {
    const struct fs_root *root;
    const char *dir;  /* below root, is there: for files that are gone afterwards */
    const char *word; /* the same on both hosts, of letters, digits and hyphens */
    int patience_ms;  /* for the other one to come */
};

struct storage_pair {
    const struct storage_meeting *meeting;
    int fd;     /* of the file by which they meet */
    int me;     /* 0 for the first one, or 1 */
    int step;   /* the next one; whoever goes on counts it */
    bool blind; /* the other one is there, but its locks are not seen */
    int64_t hello_ms;
    unsigned hellos;
    char hello[UUID_SIZE]; /* the end of a file's name */
};

/* Waits for the other one. 0: it is there, but locks do not exclude it. ERR_USAGE: the word is
 * none; ERR_BUSY: nobody came, or a third one. storage_meet_end afterwards, also after an error. */
int storage_meet_begin(struct storage_pair *pair, const struct storage_meeting *meeting,
                       struct err *err);
/* Removes all that belongs to the word. */
void storage_meet_end(struct storage_pair *pair);

/* Says that this one has done the step; waits until the other one has, which must not have gone
 * away (ERR_UNREACHABLE) if it `stays`. */
int storage_meet_done(const struct storage_pair *pair, struct err *err);
int storage_meet_await(const struct storage_pair *pair, bool stays, struct err *err);
/* A step that both do. After the last one the other may be gone already. */
int storage_meet_both(struct storage_pair *pair, bool last, struct err *err);

/* A file of this meeting; what: "" is the one by which they meet. */
const char *storage_meet_path(const struct storage_pair *pair, const char *what,
                              struct layout_path *path);
int storage_meet_put(const struct storage_pair *pair, const char *what, const char *text,
                     struct err *err);
void storage_meet_pause(long ms);

#endif
