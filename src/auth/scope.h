/* SPDX-License-Identifier: Apache-2.0
 *
 * Scopes of the Docker Registry v2 token protocol: "repository:<name>:pull,push",
 * "registry:catalog:*", several with spaces between.
 */
#ifndef BERTH_AUTH_SCOPE_H
#define BERTH_AUTH_SCOPE_H

#include "auth/identity.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/json_writer.h"

/* What a client asks for, or a token grants. Strings belong to the arena. */
struct scopes {
    struct grant *grants;
    size_t n;
    bool catalog;
};

/* Adds the scopes in text. What berth does not know grants nothing and is passed over. */
void scope_parse(struct scopes *scopes, struct arena *arena, const char *text);
/* Adds those of a token's `access` claim. */
void scope_parse_access(struct scopes *scopes, struct arena *arena, const struct json *access);
/* Writes the `access` claim, a list. */
void scope_write_access(const struct scopes *scopes, struct json_writer *json, const char *key);

/* "pull,push"; unknown words are passed over, "*" is all. */
int scope_actions(const char *text, size_t len);

#endif
