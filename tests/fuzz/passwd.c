/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes htpasswd files: they are read, and a change of them keeps the other users. Passwords are
 * not tried: a hash may ask for hours. */
#include "fuzz/fuzz.h"

#include "auth/passwd.h"
#include "auth/passwd_file.h"

#include <stdio.h>
#include <unistd.h>

static void write_file(const char *path, const uint8_t *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    must_hold(file && fwrite(bytes, 1, len, file) == len);
    fclose(file);
}

static void check_unusable(const char *path)
{
    struct err err = {0};
    struct passwd *passwd = passwd_read(path, 0, &err);

    must_hold(passwd);
    bool any = passwd_unusable(passwd, 0, &err);
    must_hold(!any || (err.code == ERR_CONFIG && strstr(err.msg, "berth user passwd")));
    passwd_free(passwd);
}

static void check_change(const char *path)
{
    AUTO_STRINGS before = {0};
    AUTO_STRINGS after = {0};
    struct err err = {0};

    must_hold(passwd_file_users(path, &before, &err) == 0);
    int had = passwd_file_remove(path, "alice", &err);
    must_hold(had >= 0 &&
              passwd_file_set(path, "alice", "hash", PASSWD_FILE_EITHER, (gid_t)-1, &err) == 0);
    must_hold(passwd_file_users(path, &after, &err) == 0);
    must_hold(after.n == before.n + !had);
    for (size_t i = 0, k = 0; i < before.n; i++, k++) {
        k += !had && !strcmp(after.v[k], "alice");
        must_hold(!strcmp(before.v[i], after.v[k]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char dir[] = "/tmp/berth-fuzz-XXXXXX", path[64];

    must_hold(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/htpasswd", dir);
    write_file(path, bytes, len);
    check_unusable(path);
    check_change(path);
    must_hold(unlink(path) == 0 && rmdir(dir) == 0);
    return 0;
}
