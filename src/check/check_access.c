/* SPDX-License-Identifier: Apache-2.0
 * L5: mistakes in a configuration: groups and access rules. */
#include "check/check.h"

#include "auth/passwd.h"
#include "auth/passwd_file.h"
#include "auth/policy.h"
#include "auth/token.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Users that can log in, as far as berth knows. */
struct known {
    const struct config *conf;
    struct strings users;
    bool all; /* where somebody else verifies users, too */
};

static void add_robots(struct known *known)
{
    AUTO_STRINGS names = {0};

    if (!*known->conf->live.token.keys ||
        robot_list(known->conf->live.token.keys, &names, NULL) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        struct json *robot = robot_read(known->conf->live.token.keys, names.v[i], NULL);
        const char *user = json_text(json_get(robot, "user"));
        if (user)
            strings_add(&known->users, user);
        json_free(robot);
    }
}

static void find_known(struct known *known)
{
    known->all = !*known->conf->live.passwd.htpasswd || known->conf->live.token.n_issuers ||
                 passwd_file_users(known->conf->live.passwd.htpasswd, &known->users, NULL) < 0;
    add_robots(known);
}

static bool is_known(const struct known *known, const char *user)
{
    return known->all || strings_has(&known->users, user);
}

static void check_user(const struct known *known, const char *path, int line, const char *user,
                       struct findings *findings)
{
    if (!is_known(known, user))
        findings_warn(findings, "%s:%d: the user \"%s\" is not in %s", path, line, user,
                      known->conf->live.passwd.htpasswd);
}

static void check_groups(const struct known *known, const struct policy *policy,
                         struct findings *findings)
{
    size_t n;
    const struct policy_group *groups = policy_groups(policy, &n);

    for (size_t i = 0; i < n; i++) {
        if (groups[i].n_members == 0)
            findings_warn(findings, "%s:%d: the group \"%s\" has no members", groups[i].path,
                          groups[i].line, groups[i].name);
        for (size_t k = 0; k < groups[i].n_members; k++)
            check_user(known, groups[i].path, groups[i].line, groups[i].members[k], findings);
    }
}

static void check_list(const struct known *known, const struct policy_rule *rule,
                       const struct strings *list, struct findings *findings)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *who = list->v[i];
        if (*who != '@' && strcmp(who, "*") != 0 && strcmp(who, "users") != 0)
            check_user(known, rule->place.file, rule->place.line, who, findings);
    }
}

static void check_patterns(const struct config *conf, struct findings *findings)
{
    struct check_pattern *patterns = mem_alloc(conf->live.policy.n_repositories * sizeof *patterns);

    for (size_t i = 0; i < conf->live.policy.n_repositories; i++)
        patterns[i] = (struct check_pattern){conf->live.policy.repositories[i].pattern,
                                             conf->live.policy.repositories[i].place};
    for (size_t i = 0; i < conf->live.policy.n_repositories; i++)
        check_reach("repository", patterns, conf->live.policy.n_repositories, i, findings);
    free(patterns);
}

/* policy_new stops at the first mistake; with one rule at a time it finds one in each. */
static void check_rule(const struct known *known, const struct policy_rule *rule,
                       struct findings *findings)
{
    struct policy_settings alone = known->conf->live.policy;
    struct policy_rule copy = *rule;
    struct err err;

    alone.repositories = &copy;
    alone.n_repositories = 1;
    struct policy *policy = policy_new(&alone, false, &err);
    if (!policy)
        findings_error(findings, &err);
    policy_free(policy);
    check_list(known, rule, &rule->pull, findings);
    check_list(known, rule, &rule->push, findings);
    check_list(known, rule, &rule->remove, findings);
    check_list(known, rule, &rule->admin, findings);
}

void check_access(const struct config *conf, struct findings *findings)
{
    struct known known = {.conf = conf};
    struct policy_settings no_rules = conf->live.policy;
    struct err err;

    no_rules.n_repositories = 0;
    struct policy *policy = policy_new(&no_rules, false, &err);
    if (!policy) { /* the groups cannot be read */
        findings_error(findings, &err);
        return;
    }
    find_known(&known);
    check_groups(&known, policy, findings);
    policy_free(policy);
    for (size_t i = 0; i < conf->live.policy.n_repositories; i++)
        check_rule(&known, &conf->live.policy.repositories[i], findings);
    policy = policy_new(&conf->live.policy, false, &err);
    if (policy)
        check_patterns(conf, findings);
    policy_free(policy);
    strings_free(&known.users);
}
