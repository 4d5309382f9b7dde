/* SPDX-License-Identifier: Apache-2.0
 * L2: issuing and reading tokens. */
#include "auth/token.h"

#include "auth/jwt.h"
#include "auth/key_set.h"
#include "auth/robot.h"
#include "base/mem.h"
#include "base/settings_value.h"
#include "base/uuid.h"

#include <stdlib.h>
#include <string.h>

#define OWN_ISSUER "berth"

static const struct settings_key keys[] = {
    SETTINGS_TEXT(struct token_settings, keys, "token_keys", "", NULL),
    SETTINGS_TEXT(struct token_settings, realm, "token_realm", "", settings_value_quotable),
    SETTINGS_TEXT(struct token_settings, service, "token_service", "berth",
                  settings_value_quotable),
    SETTINGS_NUMBER(struct token_settings, lifetime, "token_lifetime", "300", 60, 86400),
    SETTINGS_END,
};

static const struct settings_key issuer_keys[] = {
    SETTINGS_TEXT(struct token_issuer, keys, "keys", "", NULL),
    SETTINGS_TEXT(struct token_issuer, audience, "audience", "", NULL),
    SETTINGS_TEXT(struct token_issuer, prefix, "prefix", "", NULL),
    SETTINGS_END,
};

static const struct settings_section sections[] = {
    SETTINGS_SECTION(struct token_settings, issuers, n_issuers, struct token_issuer, iss, "issuer",
                     issuer_keys),
    SETTINGS_SECTIONS_END,
};

const struct settings_table token_table = SETTINGS_TABLE(struct token_settings, keys, sections);

struct issuer {
    const char *iss;
    const char *audience;
    const char *prefix;
    struct key_set keys;
};

struct tokens {
    const char *directory;
    int64_t lifetime;
    struct issuer own; /* with the keys of token_keys */
    struct issuer *issuers;
    size_t n_issuers;
};

static int add_issuer(struct tokens *tokens, const struct token_settings *settings,
                      const struct token_issuer *from, struct err *err)
{
    struct issuer *issuer = &tokens->issuers[tokens->n_issuers++];

    issuer->iss = from->iss;
    issuer->prefix = from->prefix;
    issuer->audience = *from->audience ? from->audience : settings->service;
    if (token_can_issue(tokens) && !strcmp(from->iss, OWN_ISSUER))
        return err_set(err, ERR_CONFIG,
                       "%s:%d: issuer \"" OWN_ISSUER "\" is berth itself where token_keys is set",
                       from->place.file, from->place.line);
    if (!*from->keys)
        return err_set(err, ERR_CONFIG, "%s:%d: issuer \"%s\": keys is missing: a PEM or JWKS file",
                       from->place.file, from->place.line, from->iss);
    return key_set_add_file(&issuer->keys, from->keys, err);
}

struct tokens *token_load(const struct token_settings *settings, struct err *err)
{
    struct tokens *tokens = mem_alloc(sizeof *tokens);

    tokens->own = (struct issuer){OWN_ISSUER, settings->service, "", {0}};
    tokens->directory = settings->keys;
    tokens->lifetime = settings->lifetime;
    tokens->issuers = mem_alloc(settings->n_issuers * sizeof *tokens->issuers);
    if (*settings->keys && key_set_add_dir(&tokens->own.keys, settings->keys, err) < 0)
        goto failed;
    if (*settings->keys && tokens->own.keys.n == 0) {
        err_set(err, ERR_CONFIG, "token_keys = \"%s\": no key in it: run `berth token init`",
                settings->keys);
        goto failed;
    }
    for (size_t i = 0; i < settings->n_issuers; i++)
        if (add_issuer(tokens, settings, &settings->issuers[i], err) < 0)
            goto failed;
    return tokens;
failed:
    token_free(tokens);
    return NULL;
}

void token_free(struct tokens *tokens)
{
    if (!tokens)
        return;
    for (size_t i = 0; i < tokens->n_issuers; i++)
        key_set_free(&tokens->issuers[i].keys);
    key_set_free(&tokens->own.keys);
    free(tokens->issuers);
    free(tokens);
}

bool token_can_issue(const struct tokens *tokens)
{
    return tokens->own.keys.n > 0;
}

/* `aud` is a text or a list of texts (RFC 7519, section 4.1.3). */
static bool has_audience(const struct json *claims, const char *audience)
{
    const struct json *aud = json_get(claims, "aud");
    const char *text = json_text(aud);

    if (text)
        return !strcmp(text, audience);
    for (size_t i = 0; i < json_array_len(aud); i++) {
        text = json_text(json_array_at(aud, i));
        if (text && !strcmp(text, audience))
            return true;
    }
    return false;
}

/* Whose keys are to verify the token, by what it says of its issuer. NULL: nobody's. */
static const struct issuer *choose_issuer(const struct tokens *tokens, const char *text)
{
    struct json *claims = jwt_peek(text);
    const char *iss = json_text(json_get(claims, "iss"));
    const struct issuer *issuer = NULL;

    if (iss && token_can_issue(tokens) && !strcmp(iss, OWN_ISSUER))
        issuer = &tokens->own;
    for (size_t i = 0; iss && !issuer && i < tokens->n_issuers; i++)
        if (!strcmp(iss, tokens->issuers[i].iss))
            issuer = &tokens->issuers[i];
    json_free(claims);
    return issuer;
}

static char *joined(struct arena *arena, const char *a, const char *b, const char *c)
{
    AUTO_BUF text = BUF_INIT;

    buf_addf(&text, "%s%s%s", a, b, c);
    return arena_strndup(arena, text.s, text.len);
}

static int identity_from_claims(const struct tokens *tokens, const struct json *claims,
                                const struct issuer *issuer, struct arena *arena,
                                struct identity *identity, struct err *err)
{
    const char *subject = json_text(json_get(claims, "sub"));
    const char *robot = json_text(json_get(claims, "robot"));
    const char *jti = json_text(json_get(claims, "jti"));
    bool own = issuer == &tokens->own;
    struct scopes scopes = {0};

    if (own && robot && !robot_is_current(tokens->directory, robot, jti))
        return err_set(err, ERR_UNAUTHORIZED, "the robot %s's token was revoked", robot);
    scope_parse_access(&scopes, arena, json_get(claims, "access"));
    *identity = (struct identity){
        .user = subject && *subject ? joined(arena, issuer->prefix, subject, "") : "",
        .has_token = true,
        .robot = own && robot ? arena_strndup(arena, robot, strlen(robot)) : NULL,
        .token_id = jti ? arena_strndup(arena, jti, strlen(jti)) : NULL,
        .grants = scopes.grants,
        .n_grants = scopes.n,
        .catalog = scopes.catalog,
    };
    if (!own) /* no user's name holds a newline */
        identity->foreign = joined(arena, identity->user, "\n", issuer->iss);
    return 0;
}

int token_identify(const struct tokens *tokens, const char *text, int64_t when, struct arena *arena,
                   struct identity *identity, struct err *err)
{
    const struct issuer *issuer = choose_issuer(tokens, text);
    int result = -1;

    if (!issuer)
        return err_set(err, ERR_UNAUTHORIZED, "the token is of no issuer that is trusted here");
    struct json *claims = jwt_verify(&issuer->keys, text, when, err);
    if (!claims)
        return -1;
    if (!has_audience(claims, issuer->audience))
        err_set(err, ERR_UNAUTHORIZED, "the token is for another audience");
    else
        result = identity_from_claims(tokens, claims, issuer, arena, identity, err);
    json_free(claims);
    return result;
}

int token_identify_since(const struct tokens *tokens, const char *text, int64_t since,
                         struct arena *arena, struct identity *identity, struct err *err)
{
    struct json *claims = jwt_peek(text);
    int64_t begins;

    /* Of one that began to count later, that is when. */
    if (json_size(json_get(claims, "nbf"), &begins) && begins > since && begins <= time(NULL))
        since = begins;
    json_free(claims);
    return token_identify(tokens, text, since, arena, identity, err);
}

static int no_key(struct err *err)
{
    return err_set(err, ERR_CONFIG, "no key to sign tokens with: run `berth token init`");
}

static int sign(const struct tokens *tokens, const char *user, const struct scopes *scopes,
                const char *jti, const char *robot, int64_t issued, int64_t expires,
                struct buf *token, struct err *err)
{
    AUTO_BUF claims = BUF_INIT;

    if (!token_can_issue(tokens))
        return no_key(err);
    struct json_writer json = json_writer_begin(&claims);
    json_writer_object(&json, NULL);
    json_writer_string(&json, "iss", OWN_ISSUER);
    json_writer_string(&json, "aud", tokens->own.audience);
    json_writer_string(&json, "sub", user);
    json_writer_number(&json, "iat", issued);
    json_writer_number(&json, "nbf", issued);
    json_writer_number(&json, "exp", expires);
    json_writer_string(&json, "jti", jti);
    if (robot)
        json_writer_string(&json, "robot", robot);
    scope_write_access(scopes, &json, "access");
    json_writer_end(&json);
    return jwt_sign(tokens->own.keys.v[tokens->own.keys.n - 1], &claims, token, err);
}

int token_issue(const struct tokens *tokens, const char *user, const struct scopes *scopes,
                struct buf *token, int64_t *expires_in, struct err *err)
{
    char jti[UUID_SIZE];
    int64_t now = time(NULL);

    uuid_make(jti);
    *expires_in = tokens->lifetime;
    return sign(tokens, user, scopes, jti, NULL, now, now + tokens->lifetime, token, err);
}

int token_issue_robot(const struct tokens *tokens, const struct robot *robot, struct buf *token,
                      struct err *err)
{
    struct arena arena = {0};
    struct scopes scopes = {0};
    char jti[UUID_SIZE];

    uuid_make(jti);
    scope_parse(&scopes, &arena, robot->scope);
    int result;
    if (!token_can_issue(tokens)) /* before the old token goes */
        result = no_key(err);
    else if (scopes.n == 0 && !scopes.catalog)
        result = err_set(err, ERR_USAGE, "scope \"%s\": must be like repository:team/app:pull,push",
                         robot->scope);
    else
        result = robot_save(tokens->directory, robot, jti, err);
    if (result == 0)
        result = sign(tokens, robot->user, &scopes, jti, robot->name, robot->issued, robot->expires,
                      token, err);
    arena_free(&arena);
    return result;
}
