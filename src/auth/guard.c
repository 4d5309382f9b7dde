/* SPDX-License-Identifier: Apache-2.0
 * L2: access rules, passwords and keys, reread when their files change. */
#include "auth/guard.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What stat(2) says of all files together. A file that is replaced or written to changes it. */
struct signature {
    uint64_t hash;
};

struct guard {
    char *config;
    struct signature seen; /* of the files that were last read, good or bad */
    struct rules *rules;
};

static void rules_free(struct rules *rules)
{
    if (!rules)
        return;
    policy_free(rules->policy);
    passwd_free(rules->passwd);
    tokens_free(rules->tokens);
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
        rules->tokens = tokens_load(conf, err);
        if (!rules->tokens)
            goto failed;
    }
    /* Where berth itself asks for a login, nobody is let in without one, unless a rule says so. */
    rules->policy = policy_new(conf, !rules->passwd && !rules->tokens, err);
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
    mix(signature, (uint64_t)st.st_ino);
    mix(signature, (uint64_t)st.st_size);
    mix(signature, (uint64_t)st.st_mtim.tv_sec);
    mix(signature, (uint64_t)st.st_mtim.tv_nsec);
    mix(signature, (uint64_t)st.st_ctim.tv_nsec);
}

static struct signature look(const struct conf *conf)
{
    struct signature signature = {14695981039346656037u};

    add_file(&signature, conf->path);
    add_file(&signature, conf->groups_file);
    add_file(&signature, conf->htpasswd);
    add_file(&signature, conf->token_keys);
    for (size_t i = 0; i < conf->n_issuers; i++)
        add_file(&signature, conf->issuers[i].keys);
    return signature;
}

struct guard *guard_new(const char *config, struct err *err)
{
    struct rules *rules = rules_load(config, err);

    if (!rules)
        return NULL;
    struct guard *guard = mem_alloc(sizeof *guard);
    guard->config = config ? mem_strdup(config) : NULL;
    guard->rules = rules;
    guard->seen = look(&rules->conf);
    return guard;
}

void guard_free(struct guard *guard)
{
    if (!guard)
        return;
    rules_free(guard->rules);
    free(guard->config);
    free(guard);
}

const struct rules *guard_rules(struct guard *guard)
{
    struct signature now = look(&guard->rules->conf);
    struct err err;

    if (now.hash == guard->seen.hash)
        return guard->rules;
    guard->seen = now;
    struct rules *rules = rules_load(guard->config, &err);
    if (!rules) {
        log_error("the changed configuration is not used, the last good one stays: %s", err.msg);
        return guard->rules;
    }
    rules_free(guard->rules);
    guard->rules = rules;
    guard->seen = look(&rules->conf);
    return guard->rules;
}
