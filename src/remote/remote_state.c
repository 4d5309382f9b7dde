/* SPDX-License-Identifier: Apache-2.0
 * L2: what all processes know of a registry. Owns pause-* and token-* in its state directory. */
#include "remote/remote_state.h"

#include "base/decimal.h"
#include "base/dir.h"
#include "base/file.h"
#include "base/fs.h"
#include "base/fs_lock.h"
#include "base/strings.h"
#include "oci/digester.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_LEN_MAX 32
#define TOKEN_AGE_MAX 86400

static struct fs_root root_of(int state_fd)
{
    return (struct fs_root){.fd = state_fd, .file_mode = 0600, .dir_mode = 0700};
}

void remote_state_key(char key[REMOTE_STATE_KEY_SIZE], const char *text, size_t len)
{
    struct digest digest;

    digester_of(&digest, DIGEST_SHA256, text, len);
    snprintf(key, REMOTE_STATE_KEY_SIZE, "%s", digest_hex(&digest));
}

int64_t remote_state_pause(int state_fd, const char *key)
{
    struct fs_root root = root_of(state_fd);
    AUTO_BUF text = BUF_INIT, path = BUF_INIT;
    int64_t until;

    buf_addf(&path, "pause-%s", key);
    if (state_fd < 0 || fs_read(&root, path.s, PAUSE_LEN_MAX, &text, NULL) != 1 ||
        !decimal_parse(text.s, text.len, &until))
        return 0;
    return until;
}

int remote_state_set_pause(int state_fd, const char *key, int64_t until, struct err *err)
{
    struct fs_root root = root_of(state_fd);
    AUTO_BUF text = BUF_INIT, path = BUF_INIT, tmp = BUF_INIT;
    AUTO_DIRTY dirty = {0};

    if (state_fd < 0 || remote_state_pause(state_fd, key) >= until)
        return 0;
    buf_addf(&text, "%lld", (long long)until);
    buf_addf(&path, "pause-%s", key);
    buf_addf(&tmp, "tmp-%ld", (long)getpid());
    fs_unlink(&root, tmp.s, &dirty, NULL); /* of one of the same number that was killed */
    return fs_replace(&root, tmp.s, path.s, text.s, text.len, &dirty, err);
}

int remote_state_file(int state_fd, const char *kind, const char *key, bool is_shared,
                      int timeout_ms, int *fd, struct err *err)
{
    struct fs_root root = root_of(state_fd);
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "%s-%s", kind, key);
    int opened = fs_open(&root, path.s, is_shared ? O_RDONLY : O_RDWR | O_CREAT, fd, err);
    if (opened <= 0)
        return opened;
    int locked = fs_lock_wait(*fd, is_shared ? FS_LOCK_SHARED : FS_LOCK_EXCLUSIVE, timeout_ms, err);
    if (locked > 0)
        return 1;
    file_close(fd);
    return locked < 0 ? -1
                      : err_set(err, ERR_UPSTREAM_TIMEOUT,
                                "another process did not get its %s in time", kind);
}

static bool tidy_one(void *context, const char *name)
{
    struct fs_root *root = context;
    AUTO_LOCKED_FD fd = -1;
    AUTO_DIRTY dirty = {0};
    struct stat st;

    /* Who waits for the lock meanwhile gets a file without a name: its token is then for itself. */
    if (strncmp(name, "token-", 6) == 0 && fs_stat(root, name, &st, NULL) == 1 &&
        time(NULL) - st.st_mtime > TOKEN_AGE_MAX && fs_open(root, name, O_RDWR, &fd, NULL) == 1 &&
        fs_lock_try(fd, FS_LOCK_EXCLUSIVE, NULL) == 1)
        fs_unlink(root, name, &dirty, NULL);
    return false;
}

void remote_state_tidy(int state_fd)
{
    struct fs_root root = root_of(state_fd);

    if (state_fd >= 0)
        dir_each(&root, ".", tidy_one, &root, NULL);
}
