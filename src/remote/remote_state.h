/* SPDX-License-Identifier: Apache-2.0
 *
 * What all processes that ask one registry know of it, in small files of one directory that only
 * their owner may read. Nothing is synced: what is lost or broken is asked for again.
 *
 *     pause-<key>    until when it asked to be left alone, in seconds since 1970
 *     token-<key>    a token, see bearer.h; who holds its lock is fetching it
 *     account-<key>  what a program said that knows a password, see helper.h
 */
#ifndef BERTH_REMOTE_REMOTE_STATE_H
#define BERTH_REMOTE_REMOTE_STATE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* The first half of a sha256, which makes a name for a file of any text. */
#define REMOTE_STATE_KEY_SIZE 33
void remote_state_key(char key[REMOTE_STATE_KEY_SIZE], const char *text, size_t len);

/* state_fd: the directory; with -1 nothing is known. 0: no such file, or nothing of sense in it. */
int64_t remote_state_pause(int state_fd, const char *key);
/* Only ever later than what is there. */
int remote_state_set_pause(int state_fd, const char *key, int64_t until, struct err *err);

/* Opens `<kind>-<key>`, locked for all who read (is_shared), or for this process alone, which makes
 * it where it is not; *fd is the caller's, fs_lock_close. 1, or 0: there is no such file to read.
 * UPSTREAM_TIMEOUT: not within timeout_ms. */
int remote_state_file(int state_fd, const char *kind, const char *key, bool is_shared,
                      int timeout_ms, int *fd, struct err *err);
/* Removes the files of tokens that nobody has changed for a day. */
void remote_state_tidy(int state_fd);

#endif
