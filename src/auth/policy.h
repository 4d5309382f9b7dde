/* SPDX-License-Identifier: Apache-2.0
 *
 * The access rules, berth.conf(5): who may pull, push and delete, by globs of repository names. The
 * rule of the most specific glob that matches applies alone, of two equally specific ones the first
 * in the file; where rules exist and none matches, nobody may anything. Without any rule everyone
 * who is let in may do everything: where berth checks logins, who logged in or shows a token, as
 * far as the token goes; else everybody.
 *
 * Lists hold users, "@group", "users" (everyone who logged in) and "*" (everyone). Who may push or
 * delete may also pull; who is admin may everything.
 */
#ifndef BERTH_AUTH_POLICY_H
#define BERTH_AUTH_POLICY_H

#include "auth/identity.h"
#include "base/settings.h"
#include "oci/tag.h"

/* group "NAME" { members = {...} } */
struct policy_section {
    char *name;
    struct settings_place place;
    struct strings members; /* users */
};

/* repository "GLOB" { ... } */
struct policy_rule {
    char *pattern;
    struct settings_place place;
    struct strings pull, push, remove, admin;
    struct strings immutable; /* globs of tags */
    bool readonly;
    bool sparse; /* what its manifests name need not be there */
};

/* Read again when the configuration changes. */
struct policy_settings {
    char *groups_file; /* Apache's group file; "": none */
    bool readonly;     /* no pushes, no deletes */
    bool deletes;      /* clients can delete, if they may */
    struct policy_section *groups;
    size_t n_groups;
    struct policy_rule *repositories; /* in the order of the file */
    size_t n_repositories;
    /* Globs of repositories that are sparse without a rule, and of those of them that are not: no
     * settings, who put the configuration together adds and frees them. */
    struct strings cached, own;
};
extern const struct settings_table policy_table;

struct policy;

/* What the rules say of a user and a repository, and which rule said it. */
struct verdict {
    int actions;                    /* a set of enum action */
    const struct policy_rule *rule; /* NULL: there are no rules, or none matches */
    bool readonly;                  /* nobody may change anything now */
};

/* Reads the group file and resolves the rules, which must outlive the policy. checks_logins: berth
 * knows who is who, so that without rules not everybody may do everything. ERR_CONFIG with file,
 * line and what is wrong. NULL on error. */
struct policy *policy_new(const struct policy_settings *settings, bool checks_logins,
                          struct err *err);
void policy_free(struct policy *policy);

/* A group as one section, or one line of the group file, has it. Where its name stands again, there
 * are more members. */
struct policy_group {
    char *name;
    const char *path;
    int line;
    char **members;
    size_t n_members;
};
/* They belong to the policy. */
const struct policy_group *policy_groups(const struct policy *policy, size_t *n);

struct verdict policy_verdict(const struct policy *policy, const struct identity *identity,
                              const struct name *name);
/* What remains of the rules and the token together. */
bool policy_permits(const struct policy *policy, const struct identity *identity,
                    const struct name *name, enum action action);
/* Whether the tag may be created, but not moved or deleted, by this identity. tag NULL: whether
 * there can be such a tag. */
bool policy_immutable(const struct policy *policy, const struct identity *identity,
                      const struct name *name, const struct tag *tag);

/* What keeps a tag from everyone but an admin, whoever asks. tag NULL: what may keep some tag. */
struct policy_hold {
    const struct policy_rule *rule;
    const char *pattern; /* of its `immutable`; NULL: it is `readonly` */
};
bool policy_holds(const struct policy *policy, const struct name *name, const struct tag *tag,
                  struct policy_hold *hold);

/* Whether manifests of the repository may name what is not there, whoever asks: by its rule, or
 * since it is cached from elsewhere. */
bool policy_is_sparse(const struct policy_settings *settings, const struct name *name);

#endif
