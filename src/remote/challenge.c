/* SPDX-License-Identifier: Apache-2.0
 * L2: WWW-Authenticate. */
#include "remote/challenge.h"

#include "base/array.h"
#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define TOKEN ALNUM "!#$%&'*+-.^_`|~"
#define TOKEN68 ALNUM "-._~+/"
#define SPACE " \t"

static char *copy(const char *s, size_t len)
{
    char *text = mem_alloc(len + 1);

    memcpy(text, s, len);
    return text;
}

static const char *skip(const char *s)
{
    return s + strspn(s, SPACE);
}

static void free_one(struct challenge *challenge)
{
    for (size_t i = 0; i < challenge->n_parameters; i++) {
        free(challenge->parameters[i].name);
        free(challenge->parameters[i].value);
    }
    free(challenge->parameters);
    free(challenge->token68);
    free(challenge->scheme);
}

static void cut_back(struct challenges *challenges, size_t n)
{
    while (challenges->n > n)
        free_one(&challenges->v[--challenges->n]);
}

void challenge_free(struct challenges *challenges)
{
    cut_back(challenges, 0);
    free(challenges->v);
    *challenges = (struct challenges){0};
}

/* A quoted-string at s, which begins with its quote, into out; what is behind it, or NULL. */
static const char *take_quoted(const char *s, struct buf *out)
{
    buf_addstr(out, "");
    for (s++; *s && *s != '"'; s++) {
        if (*s == '\\')
            s++;
        /* Any byte but controls, of which a tab is none here. */
        if (!*s || ((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
            return NULL;
        buf_addc(out, *s);
    }
    return *s == '"' ? s + 1 : NULL;
}

/* `name = value` at s into the challenge; what is behind it, or NULL. */
static const char *take_parameter(struct challenge *challenge, const char *s)
{
    AUTO_BUF value = BUF_INIT;
    size_t name_len = strspn(s, TOKEN);
    const char *name = s;

    s = skip(s + name_len);
    if (name_len == 0 || *s != '=' || challenge->n_parameters == CHALLENGE_PARAMETERS_MAX)
        return NULL;
    s = skip(s + 1);
    if (*s == '"') {
        s = take_quoted(s, &value);
        if (!s)
            return NULL;
    } else {
        size_t len = strspn(s, TOKEN);
        if (len == 0)
            return NULL;
        buf_add(&value, s, len);
        s += len;
    }
    for (size_t i = 0; i < challenge->n_parameters; i++)
        if (strlen(challenge->parameters[i].name) == name_len &&
            !strncasecmp(challenge->parameters[i].name, name, name_len))
            return NULL;
    struct challenge_parameter *parameter =
        ARRAY_ADD(challenge->parameters, challenge->n_parameters);
    parameter->name = copy(name, name_len);
    parameter->value = copy(value.s, value.len);
    return s;
}

static bool ends_item(const char *s)
{
    s = skip(s);
    return *s == '\0' || *s == ',';
}

/* The scheme of len bytes at s, and what it has before the next comma. */
static const char *take_scheme(struct challenges *challenges, const char *s, size_t len)
{
    if (challenges->n == CHALLENGES_MAX)
        return NULL;
    struct challenge *challenge = ARRAY_ADD(challenges->v, challenges->n);
    challenge->scheme = copy(s, len);
    s += len;
    if (ends_item(s))
        return skip(s);
    if (*s != ' ' && *s != '\t')
        return NULL;
    s = skip(s);
    size_t n = strspn(s, TOKEN68);
    size_t padding = n > 0 ? strspn(s + n, "=") : 0;
    if (n > 0 && ends_item(s + n + padding)) {
        challenge->token68 = copy(s, n + padding);
        return s + n + padding;
    }
    return take_parameter(challenge, s);
}

/* What stands between two commas: a scheme, perhaps with its first parameter, or one more parameter
 * of the last challenge. */
static const char *take_item(struct challenges *challenges, size_t before, const char *s)
{
    size_t len = strspn(s, TOKEN);

    if (len == 0)
        return NULL;
    if (*skip(s + len) != '=')
        return take_scheme(challenges, s, len);
    if (challenges->n == before || challenges->v[challenges->n - 1].token68)
        return NULL;
    return take_parameter(&challenges->v[challenges->n - 1], s);
}

bool challenge_parse(struct challenges *challenges, const char *value)
{
    size_t before = challenges->n;
    const char *s = value;

    if (strlen(value) > CHALLENGE_LEN_MAX)
        return false;
    for (;;) {
        s += strspn(s, SPACE ","); /* empty items count for nothing */
        if (!*s)
            return true;
        s = take_item(challenges, before, s);
        if (!s || !ends_item(s)) {
            cut_back(challenges, before);
            return false;
        }
        s = skip(s);
    }
}

const struct challenge *challenge_find(const struct challenges *challenges, const char *scheme)
{
    for (size_t i = 0; i < challenges->n; i++)
        if (!strcasecmp(challenges->v[i].scheme, scheme))
            return &challenges->v[i];
    return NULL;
}

const char *challenge_get(const struct challenge *challenge, const char *name)
{
    for (size_t i = 0; i < challenge->n_parameters; i++)
        if (!strcasecmp(challenge->parameters[i].name, name))
            return challenge->parameters[i].value;
    return NULL;
}
