/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes registry:2's configuration, as a file and as a variable: it is read or refused, no value
 * of what has no equal is repeated, and what is printed is a berth.conf that says the same. */
#include "fuzz/fuzz.h"

#include "api/config.h"
#include "distribution/distribution.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file in memory, by its path. */
static int put(const void *bytes, size_t len, char path[64])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    must_hold(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void check_printed(const struct distribution *distribution, const struct buf *text)
{
    char path[64];
    struct config conf;
    struct err err = {0};
    int fd = put(text->s, text->len, path);

    if (config_read(&conf, path, &err) == 0) {
        const char *root = distribution->root ? distribution->root : "/var/lib/registry";
        must_hold(!strcmp(conf.frozen.store.root, root));
        must_hold(conf.live.policy.deletes == distribution->deletes);
        must_hold(conf.live.policy.readonly == distribution->readonly);
        must_hold(!strcmp(conf.live.passwd.htpasswd,
                          distribution->htpasswd ? distribution->htpasswd : ""));
        must_hold(conf.live.token.n_issuers == (distribution->token_issuer ? 1 : 0));
    } else {
        must_hold(err.code == ERR_CONFIG && err.msg[0]);
    }
    config_free(&conf);
    close(fd);
}

/* Nothing that was said ends a comment. */
static void check_comments(struct buf *text)
{
    size_t at = 0;

    for (char *line; text->s && (line = buf_line(text, &at));)
        must_hold(!strncmp(line, "# ", 2));
}

static void check(const struct distribution *distribution)
{
    struct err err = {0};
    AUTO_BUF text = BUF_INIT;

    must_hold(distribution->addr && !distribution->certificate == !distribution->key);
    must_hold(!distribution->root || distribution->root[0] == '/');
    for (size_t i = 0; i < distribution->n_remarks; i++)
        must_hold(distribution->remarks[i].where[0] && distribution->remarks[i].text[0]);
    must_hold(distribution_check(distribution, &err) == 0 || err.code == ERR_CONFIG);
    distribution_print_remarks(distribution, &text);
    check_comments(&text);
    buf_clear(&text);
    if (distribution_print(distribution, NULL, &text, &err) == 0)
        check_printed(distribution, &text);
}

static void read_it(const char *path, const char *const *environment)
{
    struct distribution distribution = {0};
    struct err err = {0};

    if (distribution_read(&distribution, path, environment, &err) == 0)
        check(&distribution);
    else
        must_hold(err.code == ERR_CONFIG && err.msg[0]);
    distribution_free(&distribution);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *const nothing[] = {NULL};
    char path[64];
    char *text = text_of(bytes, len);
    struct buf variable = BUF_INIT;
    int fd = put(bytes, len, path);

    read_it(path, nothing);
    close(fd);
    buf_addf(&variable, "REGISTRY_STORAGE=%s", text);
    read_it(NULL, (const char *const[]){variable.s, NULL});
    buf_clear(&variable);
    buf_addf(&variable, "REGISTRY_%s", text);
    read_it(NULL, (const char *const[]){variable.s, NULL});
    buf_free(&variable);
    free(text);
    return 0;
}
