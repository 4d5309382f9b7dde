/* SPDX-License-Identifier: Apache-2.0
 *
 * The access rules, berth.conf(5): who may pull, push and delete, by globs of repository names. The
 * rule of the most specific glob that matches applies alone, of two equally specific ones the first
 * in the file; where rules exist and none matches, nobody may anything. Without any rule everyone
 * who is let in may do everything: who logged in, or shows a token, as far as the token goes.
 *
 * Lists hold users, "@group", "users" (everyone who logged in) and "*" (everyone). Who may push or
 * delete may also pull; who is admin may everything.
 */
#ifndef BERTH_AUTH_POLICY_H
#define BERTH_AUTH_POLICY_H

#include "auth/identity.h"
#include "base/conf.h"

struct policy;

/* What the rules say of a user and a repository, and which rule said it. */
struct verdict {
    int actions;                        /* a set of enum action */
    const struct conf_repository *rule; /* NULL: there are no rules, or none matches */
    bool readonly;                      /* nobody may change anything now */
};

/* Reads the group file and resolves the rules of conf, which must outlive the policy. A group may
 * stand in both; it has the members of both. `open`: without rules, nobody may do as much as a
 * user. ERR_CONFIG with file, line and what is wrong. NULL on error. */
struct policy *policy_new(const struct conf *conf, bool open, struct err *err);
void policy_free(struct policy *policy);

struct verdict policy_verdict(const struct policy *policy, const struct identity *identity,
                              const struct name *name);
/* What remains of the rules and the token together. */
bool policy_permits(const struct policy *policy, const struct identity *identity,
                    const struct name *name, enum action action);
/* Whether the tag may be created, but not moved or deleted, by this identity. */
bool policy_immutable(const struct policy *policy, const struct identity *identity,
                      const struct name *name, const struct tag *tag);

#endif
