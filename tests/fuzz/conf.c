/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes berth.conf: it is read or refused, and what was read is within its limits. */
#include "fuzz/fuzz.h"

#include "api/config.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void check(const struct config *conf)
{
    must_hold(conf->frozen.store.root[0] == '/' && conf->frozen.api.sendfile_prefix[0] == '/');
    must_hold(conf->frozen.store.manifest_limit >= 1024 && conf->frozen.api.page_limit >= 1 &&
              conf->frozen.store.grace >= 0);
    must_hold(conf->frozen.store.lock_timeout >= 0 && conf->frozen.store.lock_timeout <= 3600);
    must_hold(conf->frozen.store.file_mode <= 07777 && conf->frozen.store.dir_mode <= 07777);
    for (size_t i = 0; i < conf->live.retain.n_retains; i++) {
        const struct retain_section *retain = &conf->live.retain.retains[i];
        must_hold(retain->pattern && retain->place.line > 0 && retain->newest >= 0);
        must_hold(!retain->younger.text || retain->younger.seconds < SETTINGS_FOREVER);
        must_hold(!retain->pulled.text || retain->pulled.seconds < SETTINGS_FOREVER);
        must_hold(retain->untagged.seconds >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char path[64];
    struct config conf;
    struct err err = {0};

    int fd = memfd_create("berth.conf", MFD_CLOEXEC);
    must_hold(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (config_read(&conf, path, &err) == 0)
        check(&conf);
    else
        must_hold(err.code == ERR_CONFIG && err.msg[0]);
    config_free(&conf);
    close(fd);
    return 0;
}
