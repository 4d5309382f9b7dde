/* SPDX-License-Identifier: Apache-2.0
 * L2: access rules. */
#include "auth/policy.h"

#include "base/array.h"
#include "base/file.h"
#include "base/mem.h"
#include "oci/glob.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS_FILE_MAX ((size_t)64 << 20)

static const struct settings_key keys[] = {
    SETTINGS_TEXT(struct policy_settings, groups_file, "groups_file", "", NULL),
    SETTINGS_SWITCH(struct policy_settings, readonly, "readonly", "false"),
    SETTINGS_SWITCH(struct policy_settings, deletes, "delete", "true"),
    SETTINGS_END,
};

static const struct settings_key group_keys[] = {
    SETTINGS_LIST(struct policy_section, members, "members"),
    SETTINGS_END,
};

static const struct settings_key repository_keys[] = {
    SETTINGS_LIST(struct policy_rule, pull, "pull"),
    SETTINGS_LIST(struct policy_rule, push, "push"),
    SETTINGS_LIST(struct policy_rule, remove, "delete"),
    SETTINGS_LIST(struct policy_rule, admin, "admin"),
    SETTINGS_LIST(struct policy_rule, immutable, "immutable"),
    SETTINGS_SWITCH(struct policy_rule, readonly, "readonly", "false"),
    SETTINGS_SWITCH(struct policy_rule, sparse, "sparse", "false"),
    SETTINGS_END,
};

static const struct settings_section sections[] = {
    SETTINGS_SECTION(struct policy_settings, groups, n_groups, struct policy_section, name, "group",
                     group_keys),
    SETTINGS_SECTION(struct policy_settings, repositories, n_repositories, struct policy_rule,
                     pattern, "repository", repository_keys),
    SETTINGS_SECTIONS_END,
};

const struct settings_table policy_table = SETTINGS_TABLE(struct policy_settings, keys, sections);

struct policy {
    const struct policy_settings *settings;
    bool checks_logins;
    struct policy_group *groups;
    size_t n_groups;
};

/* Valid until the next one is added. */
static struct policy_group *add_group(struct policy *policy, const char *name, const char *path,
                                      int line)
{
    struct policy_group *group = ARRAY_ADD(policy->groups, policy->n_groups);
    *group = (struct policy_group){.name = mem_strdup(name), .path = path, .line = line};
    return group;
}

static void add_member(struct policy_group *group, const char *user)
{
    *ARRAY_ADD(group->members, group->n_members) = mem_strdup(user);
}

/* A line of Apache's AuthGroupFile: "group: user user". */
static int parse_group_line(struct policy *policy, char *line, int number, struct err *err)
{
    char *save;

    line += strspn(line, " \t\r\n");
    if (*line == '#' || *line == '\0')
        return 0;
    char *colon = strchr(line, ':');
    size_t len = strcspn(line, " \t:");
    if (!colon || len == 0 || line + len + strspn(line + len, " \t") != colon)
        return err_set(err, ERR_CONFIG, "%s:%d: must be \"group: user user ...\"",
                       policy->settings->groups_file, number);
    line[len] = '\0';
    struct policy_group *group = add_group(policy, line, policy->settings->groups_file, number);
    for (char *user = strtok_r(colon + 1, " \t\r\n", &save); user;
         user = strtok_r(NULL, " \t\r\n", &save))
        add_member(group, user);
    return 0;
}

static int read_groups_file(struct policy *policy, struct err *err)
{
    const char *path = policy->settings->groups_file;
    AUTO_BUF text = BUF_INIT;
    struct err why;
    size_t at = 0;
    char *line;

    if (!*path)
        return 0;
    if (file_read(path, GROUPS_FILE_MAX, &text, &why) < 0)
        return err_set(err, ERR_CONFIG, "groups_file = \"%s\": %s", path, why.msg);
    for (int number = 1; (line = buf_line(&text, &at)); number++)
        if (parse_group_line(policy, line, number, err) < 0)
            return -1;
    return 0;
}

static bool group_exists(const struct policy *policy, const char *group)
{
    for (size_t i = 0; i < policy->n_groups; i++)
        if (!strcmp(policy->groups[i].name, group))
            return true;
    return false;
}

static int check_list(const struct policy *policy, const struct policy_rule *rule,
                      const struct strings *list, struct err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *who = list->v[i];
        if (*who == '\0')
            return err_set(err, ERR_CONFIG, "%s:%d: repository \"%s\": an empty name",
                           rule->place.file, rule->place.line, rule->pattern);
        if (*who == '@' && !group_exists(policy, who + 1))
            return err_set(err, ERR_CONFIG, "%s:%d: repository \"%s\": there is no group \"%s\"",
                           rule->place.file, rule->place.line, rule->pattern, who + 1);
    }
    return 0;
}

static int check_immutable(const struct policy_rule *rule, struct err *err)
{
    for (size_t i = 0; i < rule->immutable.n; i++)
        if (!glob_can_match_tag(rule->immutable.v[i]))
            return err_set(err, ERR_CONFIG,
                           "%s:%d: repository \"%s\": no tag can match \"%s\" in immutable",
                           rule->place.file, rule->place.line, rule->pattern, rule->immutable.v[i]);
    return 0;
}

/* A mistyped group or pattern would silently shut somebody out, or, in a narrower rule, let others
 * in. */
static int check_rules(const struct policy *policy, struct err *err)
{
    for (size_t i = 0; i < policy->settings->n_repositories; i++) {
        const struct policy_rule *rule = &policy->settings->repositories[i];
        if (!glob_can_match_name(rule->pattern))
            return err_set(err, ERR_CONFIG,
                           "%s:%d: repository \"%s\": no repository's name can match this",
                           rule->place.file, rule->place.line, rule->pattern);
        if (check_list(policy, rule, &rule->pull, err) < 0 ||
            check_list(policy, rule, &rule->push, err) < 0 ||
            check_list(policy, rule, &rule->remove, err) < 0 ||
            check_list(policy, rule, &rule->admin, err) < 0 || check_immutable(rule, err) < 0)
            return -1;
    }
    return 0;
}

/* Groups do not nest, so these would be users of such a name. */
static int check_members(const struct policy_group *group, struct err *err)
{
    for (size_t i = 0; i < group->n_members; i++) {
        const char *member = group->members[i];
        if (*member == '\0' || *member == '@' || !strcmp(member, "*") || !strcmp(member, "users"))
            return err_set(err, ERR_CONFIG,
                           "%s:%d: group \"%s\": \"%s\" is no user, and others cannot be members",
                           group->path, group->line, group->name, member);
    }
    return 0;
}

static int take_sections(struct policy *policy, struct err *err)
{
    const struct policy_settings *settings = policy->settings;

    for (size_t i = 0; i < settings->n_groups; i++) {
        const struct policy_section *section = &settings->groups[i];
        struct policy_group *group =
            add_group(policy, section->name, section->place.file, section->place.line);
        for (size_t k = 0; k < section->members.n; k++)
            add_member(group, section->members.v[k]);
        if (check_members(group, err) < 0)
            return -1;
    }
    return 0;
}

struct policy *policy_new(const struct policy_settings *settings, bool checks_logins,
                          struct err *err)
{
    struct policy *policy = mem_alloc(sizeof *policy);

    policy->settings = settings;
    policy->checks_logins = checks_logins;
    if (take_sections(policy, err) == 0 && read_groups_file(policy, err) == 0 &&
        check_rules(policy, err) == 0)
        return policy;
    policy_free(policy);
    return NULL;
}

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    for (size_t i = 0; i < policy->n_groups; i++) {
        struct policy_group *group = &policy->groups[i];
        for (size_t k = 0; k < group->n_members; k++)
            free(group->members[k]);
        free(group->members);
        free(group->name);
    }
    free(policy->groups);
    free(policy);
}

const struct policy_group *policy_groups(const struct policy *policy, size_t *n)
{
    *n = policy->n_groups;
    return policy->groups;
}

static bool is_member(const struct policy *policy, const char *name, const char *user)
{
    for (size_t i = 0; i < policy->n_groups; i++) {
        const struct policy_group *group = &policy->groups[i];
        if (strcmp(group->name, name) != 0)
            continue;
        for (size_t k = 0; k < group->n_members; k++)
            if (!strcmp(group->members[k], user))
                return true;
    }
    return false;
}

static bool listed(const struct policy *policy, const struct strings *list, const char *user)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *who = list->v[i];
        if (!strcmp(who, "*"))
            return true;
        if (*user == '\0')
            continue;
        /* A user may be called "@admins", but that does not make him a member. */
        if (*who == '@' ? is_member(policy, who + 1, user)
                        : !strcmp(who, "users") || !strcmp(who, user))
            return true;
    }
    return false;
}

static const struct policy_rule *find_rule(const struct policy_settings *settings,
                                           const struct name *name)
{
    const struct policy_rule *best = NULL;

    for (size_t i = 0; i < settings->n_repositories; i++) {
        const struct policy_rule *rule = &settings->repositories[i];
        if (glob_matches(rule->pattern, name->s) &&
            (!best || glob_compare(rule->pattern, best->pattern) < 0))
            best = rule;
    }
    return best;
}

struct verdict policy_verdict(const struct policy *policy, const struct identity *identity,
                              const struct name *name)
{
    const struct policy_settings *settings = policy->settings;
    struct verdict verdict = {.readonly = settings->readonly};

    if (settings->n_repositories == 0) {
        /* Whom a token server let in has no name with some of them. */
        bool in = *identity->user || identity->has_token || !policy->checks_logins;
        verdict.actions = in ? ACTION_ALL : 0;
        return verdict;
    }
    verdict.rule = find_rule(settings, name);
    if (!verdict.rule)
        return verdict;
    verdict.readonly = settings->readonly || verdict.rule->readonly;
    if (listed(policy, &verdict.rule->admin, identity->user))
        verdict.actions = ACTION_ALL;
    if (listed(policy, &verdict.rule->push, identity->user))
        verdict.actions |= ACTION_PUSH | ACTION_PULL;
    if (listed(policy, &verdict.rule->remove, identity->user))
        verdict.actions |= ACTION_DELETE | ACTION_PULL;
    if (listed(policy, &verdict.rule->pull, identity->user))
        verdict.actions |= ACTION_PULL;
    return verdict;
}

bool policy_permits(const struct policy *policy, const struct identity *identity,
                    const struct name *name, enum action action)
{
    struct verdict verdict = policy_verdict(policy, identity, name);
    int actions = verdict.actions & identity_actions(identity, name);

    if (verdict.readonly)
        actions &= ACTION_PULL;
    if (!policy->settings->deletes)
        actions &= ~ACTION_DELETE;
    return (actions & (int)action) != 0;
}

static const char *immutable_pattern(const struct policy_rule *rule, const struct tag *tag)
{
    for (size_t i = 0; i < rule->immutable.n; i++)
        if (!tag || glob_matches(rule->immutable.v[i], tag->s))
            return rule->immutable.v[i];
    return NULL;
}

bool policy_immutable(const struct policy *policy, const struct identity *identity,
                      const struct name *name, const struct tag *tag)
{
    struct verdict verdict = policy_verdict(policy, identity, name);

    if (!verdict.rule || (verdict.actions & identity_actions(identity, name) & ACTION_ADMIN))
        return false;
    return immutable_pattern(verdict.rule, tag) != NULL;
}

bool policy_holds(const struct policy *policy, const struct name *name, const struct tag *tag,
                  struct policy_hold *hold)
{
    hold->rule = find_rule(policy->settings, name);
    hold->pattern = hold->rule ? immutable_pattern(hold->rule, tag) : NULL;
    return hold->pattern || (hold->rule && hold->rule->readonly);
}

bool policy_is_sparse(const struct policy_settings *settings, const struct name *name)
{
    const struct policy_rule *rule = find_rule(settings, name);

    return (rule && rule->sparse) || (glob_any_matches(&settings->cached, name->s) &&
                                      !glob_any_matches(&settings->own, name->s));
}
