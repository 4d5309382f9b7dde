/* SPDX-License-Identifier: Apache-2.0
 * L4: who makes a request, and what he is let do. */
#include "api/access.h"

#include "auth/scope.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "base/log.h"
#include "event/audit.h"
#include "registry/retain.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define CREDENTIALS_MAX 16384
#define ALLOWED_SECONDS 86400 /* the longest that a body may take to arrive */

/* What follows the scheme in the Authorization header; NULL: another scheme, or none. */
static const char *authorization(const struct request *request, const char *scheme)
{
    const char *value = request_header(request, "HTTP_AUTHORIZATION");
    size_t len = strlen(scheme);

    if (!value || strncasecmp(value, scheme, len) != 0 || value[len] != ' ')
        return NULL;
    return value + len + strspn(value + len, " ");
}

bool access_password(const struct api *api, struct arena *arena, const char *user,
                     const char *password, struct identity *identity)
{
    const struct rules *rules = api->rules;

    *identity = (struct identity){.user = user};
    if (!*user)
        return false;
    if (rules->passwd && passwd_verify(rules->passwd, user, password))
        return true;
    return rules->tokens &&
           token_identify(rules->tokens, password, time(NULL), arena, identity, NULL) == 0 &&
           identity->robot && !strcmp(identity->user, user);
}

/* "user:password" (RFC 7617). False if it cannot be that. */
static bool parse_basic(struct request *request, const char *text, char **user, char **password)
{
    AUTO_BUF decoded = BUF_INIT;
    size_t len = strlen(text);

    if (len > CREDENTIALS_MAX || !base64_decode(&decoded, text, len) || decoded.len == 0 ||
        memchr(decoded.s, '\0', decoded.len))
        return false;
    *user = arena_strndup(&request->arena, decoded.s, decoded.len);
    explicit_bzero(decoded.s, decoded.len);
    *password = strchr(*user, ':');
    if (!*password)
        return false;
    *(*password)++ = '\0';
    return true;
}

static int identify_basic(struct api *api, struct request *request, const char *text,
                          struct err *err)
{
    char *user, *password;

    bool parsed = parse_basic(request, text, &user, &password);
    if (parsed && !*user && !*password) { /* podman and skopeo say so that they have none */
        api->who = (struct identity){.user = ""};
        return 0;
    }
    if (parsed) {
        bool right = access_password(api, &request->arena, user, password, &api->who);
        explicit_bzero(password, strlen(password));
        api->how = api->who.robot ? "robot" : "password";
        if (right)
            return 0;
    }
    api->who = (struct identity){.user = parsed ? user : ""}; /* for the log */
    return err_set(err, ERR_UNAUTHORIZED, "wrong user name or password");
}

/* When the request was let pass: where lighttpd asked before it took the body (ACCESS_ALLOWED_AT),
 * then, so that a token may end while what it was good for is still coming in; else now. */
static int64_t allowed_at(const struct request *request)
{
    const char *text = request_variable(request, ACCESS_ALLOWED_AT);
    int64_t now = time(NULL), when;

    return text && decimal_parse(text, strlen(text), &when) && when <= now &&
                   when > now - ALLOWED_SECONDS
               ? when
               : now;
}

int access_identify(struct api *api, struct request *request, struct err *err)
{
    const char *bearer = authorization(request, "Bearer");
    const char *basic = authorization(request, "Basic");

    api->rules = guard_rules(api->guard);
    if (!config_trusts_server(&api->rules->live))
        request->remote_user = "";
    api->who = (struct identity){.user = request->remote_user};
    api->how = *request->remote_user ? "server" : NULL;
    if (bearer && api->rules->tokens) {
        api->who.user = "";
        int known = token_identify(api->rules->tokens, bearer, allowed_at(request), &request->arena,
                                   &api->who, err);
        api->how = api->who.robot ? "robot" : "token";
        return known;
    }
    /* The server's word is enough, unless berth has passwords of its own. */
    if (basic && (api->rules->passwd || (api->rules->tokens && !*request->remote_user)))
        return identify_basic(api, request, basic, err);
    return 0;
}

int access_identify_since(struct api *api, struct request *request, int64_t since)
{
    const char *bearer = authorization(request, "Bearer");
    struct identity who = {.user = ""};

    if (!bearer || !api->rules->tokens ||
        token_identify_since(api->rules->tokens, bearer, since, &request->arena, &who, NULL) < 0)
        return -1;
    api->who = who;
    api->how = who.robot ? "robot" : "token";
    return 0;
}

/* Somebody who showed nothing, where berth wants to see something. */
static bool is_stranger(const struct api *api)
{
    return !*api->who.user && !api->who.has_token && config_checks_logins(&api->rules->live);
}

static int insufficient(struct err *err)
{
    return err_set(err, ERR_UNAUTHORIZED, "the token is not for this");
}

static int permit_catalog(const struct api *api, struct err *err)
{
    if (api->who.has_token && !api->who.catalog)
        return insufficient(err);
    if (is_stranger(api))
        return err_set(err, ERR_UNAUTHORIZED, "log in to see the catalog");
    return 1;
}

static int permit_repository(const struct api *api, enum action action, const struct name *name,
                             struct err *err)
{
    struct verdict verdict = policy_verdict(api->rules->policy, &api->who, name);

    if (verdict.actions & (int)action) {
        if (!(identity_actions(&api->who, name) & (int)action))
            return insufficient(err);
        if (action != ACTION_PULL && verdict.readonly)
            return err_set(err, ERR_DENIED, "%s is read-only for maintenance", name->s);
        return 1;
    }
    if (!*api->who.user)
        return err_set(err, ERR_UNAUTHORIZED, "log in first");
    if (action == ACTION_PULL)
        return 0;
    return err_set(err, ERR_DENIED, "you may not %s %s",
                   action == ACTION_PUSH ? "push to" : "delete from", name->s);
}

int access_permit(const struct api *api, enum access access, const struct name *name,
                  struct err *err)
{
    switch (access) {
    case ACCESS_TOKEN:
    case ACCESS_HEALTH:
        return 1;
    case ACCESS_PING:
        if (is_stranger(api))
            return err_set(err, ERR_UNAUTHORIZED, "log in first");
        return 1;
    case ACCESS_CATALOG:
        return permit_catalog(api, err);
    default:
        return permit_repository(api, (enum action)access, name, err);
    }
}

bool access_permits(const struct api *api, const struct name *name, enum action action)
{
    return policy_permits(api->rules->policy, &api->who, name, action);
}

static bool may_push(const void *context, const struct name *name)
{
    return access_permits(context, name, ACTION_PUSH);
}

static bool may_pull(const void *context, const struct name *name)
{
    return access_permits(context, name, ACTION_PULL);
}

/* By the rules alone: a token for the catalog names no repositories. */
static bool may_list(const void *context, const struct name *name)
{
    const struct api *api = context;

    return policy_verdict(api->rules->policy, &api->who, name).actions & ACTION_PULL;
}

static bool may_move(const void *context, const struct name *name, const struct tag *tag)
{
    const struct api *api = context;

    return !policy_immutable(api->rules->policy, &api->who, name, tag);
}

static bool keeps(const void *context, const struct name *name, const struct tag *tag)
{
    return !may_move(context, name, tag);
}

static bool records_pulls(const void *context, const struct name *name)
{
    const struct api *api = context;
    const struct retain_section *section = retain_section(&api->rules->live.retain, name);

    return section && section->pulled.text;
}

struct registry access_registry(const struct api *api, const struct request *request)
{
    return (struct registry){
        .store = api->store,
        .policy = &api->rules->live.policy,
        .rules =
            {
                .may_push = may_push,
                .may_pull = may_pull,
                .may_list = may_list,
                .may_move = may_move,
                .keeps = keeps,
                .records_pulls = records_pulls,
                .context = api,
            },
        .actor =
            {
                .user = *api->who.user ? api->who.user : NULL,
                .how = api->how,
                .address = api->address,
                .agent = request_header(request, "HTTP_USER_AGENT"),
                .request_id = request->id,
                .token_id = api->who.token_id,
            },
        .observer = api->observer,
    };
}

/* Whether the first of a list of values, which the outermost proxy wrote, is https. */
static bool first_is_https(const char *list)
{
    list += strspn(list, " \t\"");
    return strncasecmp(list, "https", 5) == 0 && (!list[5] || strchr(" \t\",;", list[5]));
}

/* `proto` of the first element (RFC 7239, section 4). */
static bool forwarded_is_https(const char *forwarded)
{
    size_t len = strcspn(forwarded, ",");

    for (const char *p = forwarded; p < forwarded + len; p += strcspn(p, ";,") + 1) {
        p += strspn(p, " \t");
        if (strncasecmp(p, "proto=", 6) == 0)
            return first_is_https(p + 6);
    }
    return false;
}

/* How the client came, or any of the proxies before us: of two answers the safer one, since the
 * client sends its password there. */
static bool came_by_tls(const struct request *request)
{
    const char *https = request_variable(request, "HTTPS");
    const char *scheme = request_variable(request, "REQUEST_SCHEME");
    const char *proto = request_header(request, "HTTP_X_FORWARDED_PROTO");
    const char *forwarded = request_header(request, "HTTP_FORWARDED");

    return (https && strcasecmp(https, "off") != 0) || (scheme && !strcasecmp(scheme, "https")) ||
           (proto && first_is_https(proto)) || (forwarded && forwarded_is_https(forwarded));
}

/* The scheme and host by which the client came. It could lie about them only to itself. */
static void print_own_url(const struct request *request, struct buf *url)
{
    const char *host = request_header(request, "HTTP_HOST");
    static const char host_characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]";

    if (!host || host[strspn(host, host_characters)])
        host = "localhost";
    buf_addf(url, "%s://%s/token", came_by_tls(request) ? "https" : "http", host);
}

/* What the client has to ask the token endpoint for. */
static void print_scope(enum access access, const struct name *name, struct buf *scope)
{
    if (access == ACCESS_CATALOG)
        buf_addstr(scope, ",scope=\"registry:catalog:*\"");
    else if (access == ACCESS_PULL)
        buf_addf(scope, ",scope=\"repository:%s:pull\"", name->s);
    else if (access == ACCESS_PUSH)
        buf_addf(scope, ",scope=\"repository:%s:pull,push\"", name->s);
    else if (access == ACCESS_DELETE)
        buf_addf(scope, ",scope=\"repository:%s:delete\"", name->s);
}

void access_challenge(const struct api *api, const struct request *request, enum access access,
                      const struct name *name, struct response *response)
{
    const struct config_live *live = &api->rules->live;
    AUTO_BUF realm = BUF_INIT;
    AUTO_BUF scope = BUF_INIT;

    bool by_token =
        api->rules->tokens && (*live->token.realm || token_can_issue(api->rules->tokens));
    if (!by_token || access == ACCESS_TOKEN) {
        response_header(response, "WWW-Authenticate", "Basic realm=\"%s\", charset=\"UTF-8\"",
                        live->passwd.realm);
        return;
    }
    if (*live->token.realm)
        buf_addstr(&realm, live->token.realm);
    else
        print_own_url(request, &realm);
    buf_addstr(&scope, "");
    print_scope(access, name, &scope);
    if (api->who.has_token)
        buf_addstr(&scope, ",error=\"insufficient_scope\"");
    else if (authorization(request, "Bearer"))
        buf_addstr(&scope, ",error=\"invalid_token\"");
    response_header(response, "WWW-Authenticate", "Bearer realm=\"%s\",service=\"%s\"%s", realm.s,
                    live->token.service, scope.s);
}

#define LOGGED_MAX 512 /* bytes of what a client chose, in a line of the log */

/* What a client chose: it ends neither its quotes nor the line, nor pushes anything off it. */
static void add_quoted(struct buf *line, const char *text)
{
    size_t len = strnlen(text, LOGGED_MAX);

    buf_addc(line, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\')
            buf_addc(line, '\\');
        buf_addc(line, text[i]);
    }
    buf_addstr(line, text[len] ? "\"..." : "\"");
}

/* What was shown is wrong, or what was asked for is not permitted. */
static enum metric_counter kind_of_denial(const struct api *api, const struct request *request,
                                          const struct err *err)
{
    const char *bearer = authorization(request, "Bearer");
    const char *refresh = request_parameter(request, "refresh_token");
    struct identity who = {.user = ""};
    struct arena arena = {0};

    if (err->code != ERR_UNAUTHORIZED ||
        !(api->unknown || refresh || request_parameter(request, "password")))
        return METRIC_DENIED;
    if (!bearer && !refresh)
        return METRIC_LOGIN_PASSWORD;
    bool counted_once =
        api->rules->tokens && token_identify_since(api->rules->tokens, bearer ? bearer : refresh, 0,
                                                   &arena, &who, NULL) == 0;
    arena_free(&arena);
    return counted_once ? METRIC_LOGIN_EXPIRED : METRIC_LOGIN_TOKEN;
}

static void note_denial(const struct api *api, const struct request *request, const struct err *err,
                        const char *claimed)
{
    struct event_actor actor = api->registry.actor;
    const struct target *target = api->target;
    const struct audit_denial denial = {
        .actor = &actor,
        .action = api->wanted,
        .repository = target && *target->name.s ? target->name.s : NULL,
        .reference = target && target->last && *target->name.s ? target->last : NULL,
        .method = request_variable(request, "REQUEST_METHOD"),
        .path = request->path,
        .reason = err->msg,
        .status = err_http_status(err->code),
    };

    if (!actor.user)
        actor.user = claimed;
    metric_add(kind_of_denial(api, request, err), 1);
    audit_denied(&denial);
}

void access_log_denial(const struct api *api, const struct request *request, const struct err *err)
{
    const char *method = request_variable(request, "REQUEST_METHOD");
    const char *claimed = request_parameter(request, "username"); /* in a form to /token */
    bool showed =
        *api->who.user || api->who.has_token || request_header(request, "HTTP_AUTHORIZATION") ||
        request_parameter(request, "password") || request_parameter(request, "refresh_token");
    /* Everyone's first request is one without credentials: no attack, and no denial. */
    bool asked = err->code == ERR_UNAUTHORIZED && !showed;

    if (!asked)
        note_denial(api, request, err, claimed);
    AUTO_BUF line = BUF_INIT;
    buf_addf(&line, "%s: client %s: %s: user ", asked ? "asked to log in" : "denied",
             api->address ? api->address : "-", err->msg);
    add_quoted(&line, *api->who.user || !claimed ? api->who.user : claimed);
    buf_addf(&line, " %s ", method ? method : "-");
    add_quoted(&line, request->path);
    log_write(asked ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "%s", line.s);
}
