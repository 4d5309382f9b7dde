/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth config check`: groups and access rules. */
#include "admin/findings.h"

#include "admin/robot.h"
#include "auth/passwd.h"
#include "auth/policy.h"
#include "auth/token.h"
#include "base/mem.h"
#include "oci/glob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Users that can log in, as far as berth knows. */
struct known {
    const struct conf *conf;
    struct strings users;
    bool all; /* where somebody else verifies users, too */
};

static void add_robots(struct known *known)
{
    AUTO_STRINGS names = {0};

    if (!*known->conf->token_keys || token_list_robots(known->conf->token_keys, &names, NULL) < 0)
        return;
    for (size_t i = 0; i < names.n; i++) {
        struct json *robot = robot_read(known->conf->token_keys, names.v[i], NULL);
        const char *user = json_text(json_get(robot, "user"));
        if (user)
            strings_add(&known->users, user);
        json_free(robot);
    }
}

static void find_known(struct known *known)
{
    known->all = !*known->conf->htpasswd || known->conf->n_issuers ||
                 passwd_users(known->conf->htpasswd, &known->users, NULL) < 0;
    add_robots(known);
}

static bool is_known(const struct known *known, const char *user)
{
    for (size_t i = 0; i < known->users.n; i++)
        if (!strcmp(known->users.v[i], user))
            return true;
    return known->all;
}

static void check_user(const struct known *known, const char *path, int line, const char *user,
                       struct findings *findings)
{
    if (!is_known(known, user))
        config_warn(findings, "%s:%d: the user \"%s\" is not in %s", path, line, user,
                    known->conf->htpasswd);
}

static void check_groups(const struct known *known, const struct policy *policy,
                         struct findings *findings)
{
    size_t n;
    const struct policy_group *groups = policy_groups(policy, &n);

    for (size_t i = 0; i < n; i++) {
        if (groups[i].n_members == 0)
            config_warn(findings, "%s:%d: the group \"%s\" has no members", groups[i].path,
                        groups[i].line, groups[i].name);
        for (size_t k = 0; k < groups[i].n_members; k++)
            check_user(known, groups[i].path, groups[i].line, groups[i].members[k], findings);
    }
}

static void check_list(const struct known *known, const struct conf_repository *rule,
                       const struct conf_list *list, struct findings *findings)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *who = list->v[i];
        if (*who != '@' && strcmp(who, "*") != 0 && strcmp(who, "users") != 0)
            check_user(known, known->conf->path, rule->line, who, findings);
    }
}

/* What stands for the wildcards in a name that is to be matched by this pattern and, as far as it
 * can be, by no other that is narrower. */
struct filling {
    const char *within, *across;
    char one;
};

static bool fill(const char *pattern, const struct filling *filling, struct name *name)
{
    char text[NAME_LEN_MAX + 1];
    size_t len = 0;
    struct err err;

    for (const char *c = pattern; *c && len < sizeof text - 16; c++) {
        if (c[0] == '*' && c[1] == '*') {
            len += (size_t)snprintf(text + len, 16, "%s", filling->across);
            c++;
        } else if (*c == '*') {
            len += (size_t)snprintf(text + len, 16, "%s", filling->within);
        } else {
            text[len++] = *c == '?' ? filling->one : *c;
        }
    }
    return name_parse(name, text, len, &err) == 0;
}

static const struct config_pattern *narrowest(const struct config_pattern *patterns, size_t n,
                                              const struct name *name)
{
    const struct config_pattern *best = NULL;

    for (size_t i = 0; i < n; i++)
        if (glob_matches(patterns[i].text, name->s) &&
            (!best || glob_compare(patterns[i].text, best->text) < 0))
            best = &patterns[i];
    return best;
}

/* Another section applies to each name that the pattern matches; tried with some names. */
void config_check_reach(const char *path, const char *kind, const struct config_pattern *patterns,
                        size_t n_patterns, size_t nth, struct findings *findings)
{
    static const struct filling fillings[] = {
        {"zq0", "zq0/zq1", 'z'}, {"7k", "7k", '7'}, {"x", "x/y/x", 'x'}};
    const struct config_pattern *pattern = &patterns[nth], *other = NULL;
    bool any = false;

    for (size_t i = 0; i < sizeof fillings / sizeof *fillings; i++) {
        struct name name;
        if (strlen(pattern->text) > NAME_LEN_MAX - 32 || !fill(pattern->text, &fillings[i], &name))
            continue;
        any = true;
        other = narrowest(patterns, n_patterns, &name);
        if (other == pattern)
            return;
    }
    if (!any)
        config_warn(findings, "%s:%d: %s \"%s\": no repository can be called so", path,
                    pattern->line, kind, pattern->text);
    else if (other)
        config_warn(findings, "%s:%d: %s \"%s\" never applies: \"%s\" in line %d comes before it",
                    path, pattern->line, kind, pattern->text, other->text, other->line);
}

static void check_reach(const struct conf *conf, struct findings *findings)
{
    struct config_pattern *patterns = mem_alloc(conf->n_repositories * sizeof *patterns);

    for (size_t i = 0; i < conf->n_repositories; i++)
        patterns[i] =
            (struct config_pattern){conf->repositories[i].pattern, conf->repositories[i].line};
    for (size_t i = 0; i < conf->n_repositories; i++)
        config_check_reach(conf->path, "repository", patterns, conf->n_repositories, i, findings);
    free(patterns);
}

/* policy_new stops at the first mistake; with one rule at a time it finds one in each. */
static void check_rule(const struct known *known, const struct conf_repository *rule,
                       struct findings *findings)
{
    struct conf alone = *known->conf;
    struct conf_repository copy = *rule;
    struct err err;

    alone.repositories = &copy;
    alone.n_repositories = 1;
    struct policy *policy = policy_new(&alone, &err);
    if (!policy)
        config_error(findings, &err);
    policy_free(policy);
    check_list(known, rule, &rule->pull, findings);
    check_list(known, rule, &rule->push, findings);
    check_list(known, rule, &rule->remove, findings);
    check_list(known, rule, &rule->admin, findings);
}

void config_check_access(const struct conf *conf, struct findings *findings)
{
    struct known known = {.conf = conf};
    struct conf no_rules = *conf;
    struct err err;

    no_rules.n_repositories = 0;
    struct policy *policy = policy_new(&no_rules, &err);
    if (!policy) { /* the groups cannot be read */
        config_error(findings, &err);
        return;
    }
    find_known(&known);
    check_groups(&known, policy, findings);
    policy_free(policy);
    for (size_t i = 0; i < conf->n_repositories; i++)
        check_rule(&known, &conf->repositories[i], findings);
    policy = policy_new(conf, &err);
    if (policy)
        check_reach(conf, findings);
    policy_free(policy);
    strings_free(&known.users);
}
