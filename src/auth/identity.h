/* SPDX-License-Identifier: Apache-2.0
 *
 * Who makes a request, and what a token that he showed leaves him to do. Nobody is a user with the
 * name "".
 */
#ifndef BERTH_AUTH_IDENTITY_H
#define BERTH_AUTH_IDENTITY_H

#include "base/settings.h"
#include "oci/name.h"

#include <stdbool.h>
#include <stddef.h>

enum identity_remote_user {
    IDENTITY_REMOTE_USER_AUTO,
    IDENTITY_REMOTE_USER_TRUST,
    IDENTITY_REMOTE_USER_IGNORE
};

/* Read again when the configuration changes. */
struct identity_settings {
    enum identity_remote_user remote_user; /* whether the web server's word counts */
};
extern const struct settings_table identity_table;

/* What one may do to a repository; a set. */
enum action {
    ACTION_PULL = 1,
    ACTION_PUSH = 2,
    ACTION_DELETE = 4,
    ACTION_ADMIN = 8, /* moves and deletes immutable tags */
    ACTION_ALL = 15,
};

/* One entry of a token's `access` claim. */
struct grant {
    const char *pattern; /* a repository's name; of robots' tokens also a glob */
    int actions;
};

struct identity {
    const char *user;    /* "" is nobody */
    const char *foreign; /* him and the external issuer that knows him; NULL: he is a user here */
    bool has_token;      /* then only the grants' actions are left of the user's rights */
    struct grant *grants;
    size_t n_grants;
    const char *robot;    /* whose long-lived token it is, NULL: nobody's */
    const char *token_id; /* `jti`; NULL: the token has none, or he showed none */
    bool catalog;         /* the token lets him see the list of all repositories that he may pull */
};

/* The user as what he begins is kept for him: unlike any other, also where users of an external
 * issuer have the same name as users here. */
const char *identity_owner(const struct identity *identity);

/* What the token leaves, before any rule: all without one. */
int identity_actions(const struct identity *identity, const struct name *name);

#endif
