/* SPDX-License-Identifier: Apache-2.0
 * L2: access rules, passwords and keys, reread when their files change. */
#include "auth/guard.h"

#include "base/mem.h"

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
    struct conf failed;    /* whose files could not be read, {0}: rules are of the last */
    struct signature seen; /* of the files of both, from before they were read */
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
    conf_free(&rules->conf);
    free(rules);
}

static struct rules *rules_load(const char *config, struct err *err)
{
    struct rules *rules = mem_alloc(sizeof *rules);
    struct conf *conf = &rules->conf;

    if (conf_load(conf, config, err) < 0)
        goto failed;
    if (*conf->htpasswd) {
        rules->passwd = passwd_load(conf->htpasswd, conf->credential_cache, err);
        if (!rules->passwd)
            goto failed;
    }
    if (*conf->token_keys || conf->n_issuers) {
        rules->tokens = token_load(conf, err);
        if (!rules->tokens)
            goto failed;
    }
    rules->policy = policy_new(conf, err);
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

static void add_file(struct signature *signature, const char *path)
{
    struct stat st = {0};

    if (!path || !*path)
        return;
    if (stat(path, &st) < 0)
        st = (struct stat){0};
    mix(signature, (uint64_t)st.st_dev);
    mix(signature, (uint64_t)st.st_ino);
    mix(signature, (uint64_t)st.st_size);
    mix(signature, (uint64_t)st.st_mtim.tv_sec);
    mix(signature, (uint64_t)st.st_mtim.tv_nsec);
    mix(signature, (uint64_t)st.st_ctim.tv_sec);
    mix(signature, (uint64_t)st.st_ctim.tv_nsec);
    if (st.st_ctim.tv_sec > signature->newest)
        signature->newest = st.st_ctim.tv_sec;
}

static void add_files(struct signature *signature, const struct conf *conf)
{
    add_file(signature, conf->path ? conf->path : CONF_FALLBACK);
    add_file(signature, conf->groups_file);
    add_file(signature, conf->htpasswd);
    add_file(signature, conf->token_keys);
    for (size_t i = 0; i < conf->n_issuers; i++)
        add_file(signature, conf->issuers[i].keys);
}

static struct signature look(const struct conf *conf, const struct conf *failed)
{
    struct signature signature = {.hash = 14695981039346656037u};

    add_files(&signature, conf);
    if (failed->path)
        add_files(&signature, failed);
    return signature;
}

/* A file that is gone or empty says nothing: it is not the wish to have no rules. */
static int check_still_there(const struct conf *before, const struct conf *now, struct err *err)
{
    struct stat st;

    if (before->path && !now->path)
        return err_set(err, ERR_CONFIG, "%s is gone", before->path);
    if (before->path && stat(now->path, &st) == 0 && st.st_size == 0)
        return err_set(err, ERR_CONFIG, "%s is empty", now->path);
    return 0;
}

struct guard *guard_new(const char *config, struct err *err)
{
    struct guard *guard = mem_alloc(sizeof *guard);
    struct conf conf;

    /* The file says which others to look at, before any of them is read. */
    if (conf_load(&conf, config, err) == 0) {
        guard->seen = look(&conf, &guard->failed);
        guard->read_at = time(NULL);
        guard->rules = rules_load(config, err);
    }
    conf_free(&conf);
    if (!guard->rules) {
        free(guard);
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
    conf_free(&guard->failed);
    free(guard->config);
    free(guard);
}

/* Takes conf over. */
static void keep_rules(struct guard *guard, struct conf *conf, const struct err *why)
{
    conf_free(&guard->failed);
    guard->failed = *conf;
    if (strcmp(guard->said, why->msg) != 0)
        log_error("the changed configuration is not used, the last good one stays: %s", why->msg);
    memcpy(guard->said, why->msg, sizeof guard->said);
}

static void reread(struct guard *guard)
{
    static const struct conf none;
    struct conf conf;
    struct err err;
    struct rules *rules = NULL;

    guard->read_at = time(NULL);
    bool loaded = conf_load(&conf, guard->config, &err) == 0;
    struct signature both = look(&guard->rules->conf, &conf);
    struct signature alone = look(&conf, &none);
    if (loaded && check_still_there(&guard->rules->conf, &conf, &err) == 0)
        rules = rules_load(guard->config, &err);
    if (!rules) {
        guard->seen = both;
        keep_rules(guard, &conf, &err);
        return;
    }
    conf_free(&conf);
    conf_free(&guard->failed);
    rules_free(guard->rules);
    guard->rules = rules;
    guard->seen = alone;
    guard->said[0] = '\0';
}

const struct rules *guard_rules(struct guard *guard)
{
    struct signature now = look(&guard->rules->conf, &guard->failed);
    /* A file that had just changed when it was read may have changed again without a sign. */
    bool unsettled = guard->seen.newest + SETTLE_SECONDS > guard->read_at &&
                     time(NULL) > guard->read_at + SETTLE_SECONDS;

    if (now.hash != guard->seen.hash || unsettled)
        reread(guard);
    return guard->rules;
}
