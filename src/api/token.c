/* SPDX-License-Identifier: Apache-2.0
 * L4: /token, the Docker Registry v2 token protocol: GET with Basic, and OAuth2 by POST. */
#include "api/access.h"
#include "api/api.h"

#include "base/json_writer.h"
#include "base/rfc3339.h"
#include "http/header.h"

#include <string.h>

#define FORM_MAX 65536
#define FORM_SECONDS 20

/* What of the wishes the rules and the identity's own token leave. Who may push or delete also gets
 * what else he may do to tags, so that an admin's docker is an admin. */
static void grant(const struct api *api, const struct identity *who, const struct scopes *wanted,
                  struct scopes *granted)
{
    size_t n = 0;

    granted->grants = wanted->grants;
    for (size_t i = 0; i < wanted->n; i++) {
        struct grant wish = wanted->grants[i];
        struct name name;
        if (name_parse(&name, wish.pattern, strlen(wish.pattern), NULL) < 0)
            continue;
        if (wish.actions & (ACTION_PUSH | ACTION_DELETE))
            wish.actions |= ACTION_ADMIN;
        wish.actions &= policy_verdict(api->rules->policy, who, &name).actions;
        wish.actions &= identity_actions(who, &name);
        if (wish.actions)
            granted->grants[n++] = wish;
    }
    granted->n = n;
    granted->catalog = wanted->catalog && (!who->has_token || who->catalog);
}

/* All `scope` parameters, each of one or more scopes. */
static struct scopes parse_scopes(struct request *request)
{
    struct scopes scopes = {0};

    for (size_t i = 0; i < request->n_query; i++)
        if (!strcmp(request->query[i].key, "scope"))
            scope_parse(&scopes, &request->arena, request->query[i].value);
    return scopes;
}

static int issue(const struct api *api, struct request *request, const struct identity *who,
                 struct response *response, struct err *err)
{
    const char *service = request_parameter(request, "service");
    struct scopes wanted = parse_scopes(request);
    struct scopes granted = {0};
    AUTO_BUF token = BUF_INIT;
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);
    char issued_at[RFC3339_SIZE];
    int64_t expires_in;

    if (service && strcmp(service, api->rules->live.token.service) != 0)
        return err_set(err, ERR_REQUEST_INVALID, "this registry's service is \"%s\"",
                       api->rules->live.token.service);
    grant(api, who, &wanted, &granted);
    if (token_issue(api->rules->tokens, who->user, &granted, &token, &expires_in, err) < 0)
        return -1;
    rfc3339_format(issued_at, time(NULL));
    json_writer_object(&json, NULL);
    json_writer_string(&json, "token", token.s);
    json_writer_string(&json, "access_token", token.s);
    json_writer_number(&json, "expires_in", expires_in);
    json_writer_string(&json, "issued_at", issued_at);
    json_writer_end(&json);
    buf_addc(&text, '\n');
    response_header(response, "Content-Type", "application/json");
    response_header(response, "Cache-Control", "no-store");
    response_text(response, text.s, text.len);
    return 0;
}

static int check_enabled(const struct api *api, struct err *err)
{
    if (api->rules->tokens && token_can_issue(api->rules->tokens))
        return 0;
    return err_set(err, ERR_ROUTE_UNKNOWN, "berth issues no tokens here: token_keys is not set");
}

/* A token of minutes must not be worth another one for ever. */
static int check_renewable(const struct identity *who, struct err *err)
{
    if (!who->has_token || who->robot)
        return 0;
    return err_set(err, ERR_UNAUTHORIZED, "a token is no password");
}

int token_get(const struct api *api, struct request *request, const struct target *target,
              struct response *response, struct err *err)
{
    (void)target;
    if (check_enabled(api, err) < 0 || check_renewable(&api->who, err) < 0)
        return -1;
    return issue(api, request, &api->who, response, err);
}

static int read_form(struct request *request, struct err *err)
{
    AUTO_BUF form = BUF_INIT;
    ssize_t n;

    /* Anyone may send one, and would otherwise hold a worker for as long as he likes. */
    request->body_seconds = FORM_SECONDS;
    do {
        n = request_read(request, buf_reserve(&form, 4096), 4096, err);
        form.len += n > 0 ? (size_t)n : 0;
        if (form.len > FORM_MAX)
            return err_set(err, ERR_REQUEST_INVALID, "more than %d bytes", FORM_MAX);
    } while (n > 0);
    if (n < 0)
        return -1;
    buf_addc(&form, '\0');
    int added = request_add_parameters(request, form.s, err);
    explicit_bzero(form.s, form.len);
    return added;
}

/* Where only the web server knows the passwords, 405 sends clients to GET, which it guards. */
static int identify_password(const struct api *api, struct request *request, struct identity *who,
                             struct err *err)
{
    const char *user = request_parameter(request, "username");
    const char *password = request_parameter(request, "password");

    if (!user || !password)
        return err_set(err, ERR_REQUEST_INVALID, "username and password are needed");
    if (access_password(api, &request->arena, user, password, who))
        return 0;
    if (!api->rules->passwd)
        return err_set(err, ERR_METHOD, "use GET with Basic");
    return err_set(err, ERR_UNAUTHORIZED, "wrong user name or password");
}

static int identify_refresh(const struct api *api, struct request *request, struct identity *who,
                            struct err *err)
{
    const char *token = request_parameter(request, "refresh_token");

    if (!token)
        return err_set(err, ERR_REQUEST_INVALID, "refresh_token is needed");
    if (token_identify(api->rules->tokens, token, time(NULL), &request->arena, who, err) < 0)
        return -1;
    return check_renewable(who, err);
}

int token_post(const struct api *api, struct request *request, const struct target *target,
               struct response *response, struct err *err)
{
    struct identity who = {.user = ""};

    (void)target;
    if (check_enabled(api, err) < 0 || read_form(request, err) < 0)
        return -1;
    const char *grant_type = request_parameter(request, "grant_type");
    int identified;
    if (grant_type && !strcmp(grant_type, "password"))
        identified = identify_password(api, request, &who, err);
    else if (grant_type && !strcmp(grant_type, "refresh_token"))
        identified = identify_refresh(api, request, &who, err);
    else
        identified = err_set(err, ERR_REQUEST_INVALID,
                             "grant_type must be \"password\" or \"refresh_token\"");
    return identified < 0 ? -1 : issue(api, request, &who, response, err);
}
