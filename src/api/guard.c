/* SPDX-License-Identifier: Apache-2.0
 * L4: access rules, passwords and keys, reread when their files change. */
#include "api/guard.h"

#include "auth/key_set.h"
#include "base/log.h"
#include "base/may.h"
#include "base/mem.h"
#include "base/strings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A file system may tell the times of two changes apart only if so many seconds lie between them.
 */
#define SETTLE_SECONDS 2

/* What stat(2) says of all files together. A file that is replaced or written to changes it. */
struct signature {
    uint64_t hash;
    time_t newest; /* change */
};

struct guard {
    char *config;
    struct rules *rules;
    struct strings files;  /* of the rules, and of what could not be read since */
    struct signature seen; /* of them all, from before they were read */
    time_t read_at;
    char said[sizeof((struct err *)0)->msg];
};

static void rules_free(struct rules *rules)
{
    if (!rules)
        return;
    policy_free(rules->policy);
    passwd_free(rules->passwd);
    token_free(rules->tokens);
    config_free_live(&rules->live);
    strings_free(&rules->files);
    strings_free(&rules->written);
    free(rules);
}

static void note_written(const struct strings *files, struct strings *written)
{
    struct stat st;

    for (size_t i = 0; i < files->n; i++)
        if (stat(files->v[i], &st) == 0 && st.st_size > 0)
            strings_add(written, files->v[i]);
}

static struct rules *rules_load(const char *config, struct err *err)
{
    struct rules *rules = mem_alloc(sizeof *rules);
    struct config_live *live = &rules->live;

    if (config_read_live(live, &rules->files, config, err) < 0)
        goto failed;
    note_written(&rules->files, &rules->written);
    if (*live->passwd.htpasswd) {
        rules->passwd = passwd_load(live->passwd.htpasswd, live->passwd.credential_cache, err);
        if (!rules->passwd)
            goto failed;
    }
    if (*live->token.keys || live->token.n_issuers) {
        rules->tokens = token_load(&live->token, err);
        if (!rules->tokens)
            goto failed;
    }
    rules->policy = policy_new(&live->policy, config_checks_logins(live), err);
    if (rules->policy)
        return rules;
failed:
    rules_free(rules);
    return NULL;
}

static void mix(struct signature *signature, uint64_t value)
{
    signature->hash = (signature->hash ^ value) * 1099511628211u;
}

static void add_file(struct strings *files, const char *path)
{
    if (path && *path)
        strings_add(files, path);
}

/* A key that is written over changes nothing in its directory. */
static void add_keys(struct strings *files, const char *directory)
{
    AUTO_STRINGS keys = {0};

    add_file(files, directory);
    if (directory && *directory && key_set_list(directory, &keys, NULL) == 0)
        for (size_t i = 0; i < keys.n; i++)
            strings_add(files, keys.v[i]);
}

/* What could not be read names fewer, or none. */
static void add_files(struct strings *all, const struct strings *files,
                      const struct config_live *live)
{
    for (size_t i = 0; i < files->n; i++)
        strings_add(all, files->v[i]);
    if (files->n == 0)
        strings_add(all, SETTINGS_FALLBACK);
    add_file(all, live->policy.groups_file);
    add_file(all, live->passwd.htpasswd);
    add_keys(all, live->token.keys);
    for (size_t i = 0; i < live->token.n_issuers; i++)
        add_file(all, live->token.issuers[i].keys);
}

static struct signature look(const struct strings *files)
{
    struct signature signature = {.hash = 14695981039346656037u};

    for (size_t i = 0; i < files->n; i++) {
        struct stat st;
        if (stat(files->v[i], &st) < 0)
            st = (struct stat){0};
        mix(&signature, (uint64_t)st.st_dev);
        mix(&signature, (uint64_t)st.st_ino);
        mix(&signature, (uint64_t)st.st_size);
        mix(&signature, (uint64_t)st.st_mtim.tv_sec);
        mix(&signature, (uint64_t)st.st_mtim.tv_nsec);
        mix(&signature, (uint64_t)st.st_ctim.tv_sec);
        mix(&signature, (uint64_t)st.st_ctim.tv_nsec);
        if (st.st_ctim.tv_sec > signature.newest)
            signature.newest = st.st_ctim.tv_sec;
    }
    return signature;
}

/* A file that is gone, or empty and was not, says nothing: it is not the wish to have no rules. */
static int check_still_there(const struct rules *before, const struct strings *files,
                             struct err *err)
{
    struct stat st;

    if (before->files.n && !files->n)
        return err_set(err, ERR_CONFIG, "%s is gone", before->files.v[0]);
    for (size_t i = 0; i < files->n; i++)
        if (strings_has(&before->written, files->v[i]) && stat(files->v[i], &st) == 0 &&
            st.st_size == 0)
            return err_set(err, ERR_CONFIG, "%s is empty", files->v[i]);
    return 0;
}

/* If this process may not read one of the files, that is the reason, and the message says what
 * cures it. */
static void explain(const struct strings *files, struct err *err)
{
    for (size_t i = 0; i < files->n && may_read(files->v[i], err) == 0; i++)
        ;
}

struct guard *guard_new(const char *config, struct err *err)
{
    struct guard *guard = mem_alloc(sizeof *guard);
    AUTO_STRINGS files = {0};
    struct config_live live;

    /* The file says which others to look at, before any of them is read. */
    if (config_read_live(&live, &files, config, err) == 0) {
        add_files(&guard->files, &files, &live);
        guard->seen = look(&guard->files);
        guard->read_at = time(NULL);
        guard->rules = rules_load(config, err);
    }
    config_free_live(&live);
    if (!guard->rules) {
        explain(&guard->files, err);
        guard_free(guard);
        return NULL;
    }
    guard->config = config ? mem_strdup(config) : NULL;
    return guard;
}

void guard_free(struct guard *guard)
{
    if (!guard)
        return;
    rules_free(guard->rules);
    strings_free(&guard->files);
    free(guard->config);
    free(guard);
}

static void keep_rules(struct guard *guard, const struct err *why)
{
    if (strcmp(guard->said, why->msg) != 0)
        log_error("the changed configuration is not used, the last good one stays: %s", why->msg);
    memcpy(guard->said, why->msg, sizeof guard->said);
}

static void take_rules(struct guard *guard, struct rules *rules)
{
    rules_free(guard->rules);
    guard->rules = rules;
    guard->said[0] = '\0';
}

/* Takes files over. */
static void watch(struct guard *guard, struct strings *files, struct signature seen)
{
    strings_free(&guard->files);
    guard->files = *files;
    guard->seen = seen;
    *files = (struct strings){0};
}

static void reread(struct guard *guard)
{
    AUTO_STRINGS read = {0};
    AUTO_STRINGS files = {0};
    AUTO_STRINGS both = {0};
    struct config_live live;
    struct err err;
    struct rules *rules = NULL;

    guard->read_at = time(NULL);
    bool loaded = config_read_live(&live, &read, guard->config, &err) == 0;
    add_files(&files, &read, &live);
    add_files(&both, &read, &live);
    add_files(&both, &guard->rules->files, &guard->rules->live);
    struct signature files_seen = look(&files), both_seen = look(&both);
    if (loaded && check_still_there(guard->rules, &read, &err) == 0)
        rules = rules_load(guard->config, &err);
    config_free_live(&live);
    if (rules) {
        watch(guard, &files, files_seen);
        take_rules(guard, rules);
    } else {
        explain(&both, &err);
        watch(guard, &both, both_seen);
        keep_rules(guard, &err);
    }
}

const struct rules *guard_rules(struct guard *guard)
{
    struct signature now = look(&guard->files);
    /* A file that had just changed when it was read may have changed again without a sign. */
    bool unsettled = guard->seen.newest + SETTLE_SECONDS > guard->read_at &&
                     time(NULL) > guard->read_at + SETTLE_SECONDS;

    if (now.hash != guard->seen.hash || unsettled)
        reread(guard);
    return guard->rules;
}
