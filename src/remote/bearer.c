/* SPDX-License-Identifier: Apache-2.0
 * L2: tokens of a registry's token server. */
#include "remote/bearer.h"

#include "base/base64.h"
#include "base/file.h"
#include "base/fs_lock.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/percent.h"
#include "remote/answer.h"
#include "remote/realm.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 65536
#define FILE_MAX 65536
#define LIFETIME 60        /* of a token that says nothing */
#define LIFETIME_MAX 86400 /* what is longer is not believed */
#define SLACK_MAX 30       /* so long before its end it is not used any more */
#define REFUSED_SECONDS 10
#define DEPTH_MAX 8
#define B64TOKEN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/="

/* What is in a token's file. */
struct known {
    struct buf token;
    int64_t until;   /* 0: no token */
    int64_t refused; /* 0: it was not */
};

static void key_of(const struct remote *remote, const struct remote_place *place,
                   const struct name *name, char key[REMOTE_STATE_KEY_SIZE])
{
    AUTO_BUF text = BUF_INIT;
    const char *user = remote->options.user;

    buf_addf(&text, "%s\n%s\n%s", place->text, name ? name->s : "", user ? user : "");
    remote_state_key(key, text.s, text.len);
}

static bool is_token(const char *text)
{
    size_t len = text ? strspn(text, B64TOKEN) : 0;

    return len > 0 && len <= BEARER_LEN_MAX && text[len] == '\0';
}

static void read_known(int fd, struct known *known)
{
    AUTO_BUF text = BUF_INIT;
    int64_t until;

    if (file_read_open(fd, FILE_MAX, &text, NULL) < 0 || text.len == 0)
        return;
    struct json *json = json_parse(text.s, text.len, DEPTH_MAX, NULL);
    const char *token = json_text(json_get(json, "token"));
    if (is_token(token) && json_size(json_get(json, "until"), &until)) {
        buf_addstr(&known->token, token);
        known->until = until;
    }
    if (!json_size(json_get(json, "refused"), &known->refused))
        known->refused = 0;
    json_free(json);
}

static bool is_good(const struct known *known)
{
    time_t now = time(NULL);

    return known->until > now && known->until <= now + LIFETIME_MAX;
}

static int load(struct remote *remote, const char *key, struct known *known, struct err *err)
{
    AUTO_LOCKED_FD fd = -1;

    if (remote->options.state_fd < 0) {
        if (!strcmp(remote->token_key, key)) {
            buf_add(&known->token, remote->token.s, remote->token.len);
            known->until = remote->token_until;
        }
        return 0;
    }
    int there = remote_state_file(remote->options.state_fd, "token", key, true,
                                  remote_ask_rest_ms(remote), &fd, err);
    if (there > 0)
        read_known(fd, known);
    return there < 0 ? -1 : 0;
}

int bearer_known(struct remote *remote, const struct remote_place *place, const struct name *name,
                 struct buf *token, struct err *err)
{
    char key[REMOTE_STATE_KEY_SIZE];
    struct known known = {.token = BUF_INIT};

    key_of(remote, place, name, key);
    int result = load(remote, key, &known, err);
    if (result == 0 && is_good(&known)) {
        buf_add(token, known.token.s, known.token.len);
        result = 1;
    }
    buf_free(&known.token);
    return result;
}

/* Writes over what is there, under its lock: who reads it meanwhile waits. One who dies here leaves
 * what is no JSON, and so no token. */
static void save(int fd, const struct known *known)
{
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);

    json_writer_object(&json, NULL);
    if (known->until > 0) {
        json_writer_string(&json, "token", known->token.s);
        json_writer_number(&json, "until", known->until);
    }
    if (known->refused > 0)
        json_writer_number(&json, "refused", known->refused);
    json_writer_end(&json);
    if (ftruncate(fd, 0) == 0)
        file_pwrite_all(fd, text.s, text.len, 0, NULL);
}

static void url_of(const struct challenge *challenge, const struct name *name, struct buf *url)
{
    const char *realm = challenge_get(challenge, "realm");
    const char *service = challenge_get(challenge, "service");
    const char *scope = challenge_get(challenge, "scope");
    AUTO_BUF own = BUF_INIT;

    buf_add(url, realm, strcspn(realm, "#"));
    buf_addc(url, strchr(url->s, '?') ? '&' : '?');
    if (service) {
        buf_addstr(url, "service=");
        percent_encode(url, service);
        buf_addc(url, '&');
    }
    if (name)
        buf_addf(&own, "repository:%s:pull", name->s);
    buf_addstr(url, "scope=");
    percent_encode(url, scope ? scope : own.s ? own.s : "");
}

static void take_answer(const struct http_client_answer *answer, struct known *known)
{
    struct json *json =
        answer->body.len ? json_parse(answer->body.s, answer->body.len, DEPTH_MAX, NULL) : NULL;
    const char *token = json_text(json_get(json, "token"));
    int64_t lifetime;

    if (!is_token(token))
        token = json_text(json_get(json, "access_token"));
    if (!json_size(json_get(json, "expires_in"), &lifetime) || lifetime <= 0)
        lifetime = LIFETIME;
    if (lifetime > LIFETIME_MAX)
        lifetime = LIFETIME_MAX;
    if (is_token(token)) {
        int64_t slack = lifetime / 4 < SLACK_MAX ? lifetime / 4 : SLACK_MAX;
        buf_clear(&known->token);
        buf_addstr(&known->token, token);
        known->until = time(NULL) + lifetime - slack;
        known->refused = 0;
    }
    json_free(json);
}

/* One request to the token server, with the registry's account. */
static int ask(struct remote *remote, struct remote_place *place, const char *url,
               struct known *known, struct err *err)
{
    AUTO_HTTP_ANSWER answer = {0};
    AUTO_BUF basic = BUF_INIT;
    const char *headers[] = {"Accept: application/json", NULL, NULL};
    struct url server;
    const struct http_client_request request = {
        .method = "GET",
        .url = url,
        .headers = headers,
        .total_ms = remote_ask_rest_ms(remote),
        .body_max = ANSWER_MAX,
        .is_foreign = url_parse(&server, url) && strcmp(server.host, place->url.host) != 0,
        .led_by = &place->class,
    };

    int shown = remote_ask_basic(remote, &basic, err);
    if (shown < 0)
        return -1;
    if (shown > 0)
        headers[1] = basic.s;
    if (http_client_send(remote->client, &request, &answer, err) < 0)
        return -1;
    if (answer.status >= 200 && answer.status < 300) {
        take_answer(&answer, known);
        return is_good(known) ? 0
                              : err_set(err, ERR_UPSTREAM_CONTENT,
                                        "its token server %s sends no token", server.host);
    }
    if (answer.status == 401 || answer.status == 403 || answer.status == 400)
        known->refused = time(NULL) + REFUSED_SECONDS;
    return remote_ask_refuse(remote, place, &answer, "its token server", err);
}

static int fetch(struct remote *remote, struct remote_place *place, const struct name *name,
                 const struct challenge *challenge, struct known *known, struct err *err)
{
    const char *realm = challenge_get(challenge, "realm");
    AUTO_BUF url = BUF_INIT;

    if (!realm)
        return err_set(err, ERR_UPSTREAM_REFUSED, "it wants a token, but does not say from whom");
    if (realm_check(&place->url, realm, remote->options.realms, remote->options.n_realms, err) < 0)
        return -1;
    url_of(challenge, name, &url);
    if (ask(remote, place, url.s, known, err) == 0)
        return 0;
    if (known->refused == 0)
        return -1;
    int other = remote_ask_account_anew(remote, err);
    return other > 0 ? ask(remote, place, url.s, known, err) : -1;
}

static int take_known(const struct remote *remote, const struct known *known, const char *stale,
                      struct err *err)
{
    time_t now = time(NULL);

    if (is_good(known) && (!stale || strcmp(stale, known->token.s) != 0))
        return 1;
    if (known->refused > now && known->refused <= now + REFUSED_SECONDS)
        return err_set(err, ERR_UPSTREAM_REFUSED,
                       "its token server refused %s just now, and is not asked again so soon",
                       remote->options.user && *remote->options.user ? "our account" : "us");
    return 0;
}

/* The flight that all others wait for, if there is a file for them to wait at. */
static int fly(struct remote *remote, struct remote_place *place, const struct name *name,
               const struct challenge *challenge, const char *stale, struct known *known,
               struct err *err)
{
    AUTO_LOCKED_FD fd = -1;
    char key[REMOTE_STATE_KEY_SIZE];
    int state_fd = remote->options.state_fd;

    key_of(remote, place, name, key);
    if (state_fd >= 0) {
        if (!remote->has_tidied)
            remote_state_tidy(state_fd);
        remote->has_tidied = true;
        if (remote_state_file(state_fd, "token", key, false, remote_ask_rest_ms(remote), &fd, err) <
            0)
            return -1;
        read_known(fd, known);
    } else if (!strcmp(remote->token_key, key)) {
        buf_add(&known->token, remote->token.s, remote->token.len);
        known->until = remote->token_until;
    }
    int taken = take_known(remote, known, stale, err);
    if (taken != 0)
        return taken < 0 ? -1 : 0;
    *known = (struct known){.token = known->token};
    int fetched = fetch(remote, place, name, challenge, known, err);
    if (fd >= 0)
        save(fd, known);
    if (fetched == 0 && state_fd < 0) {
        snprintf(remote->token_key, sizeof remote->token_key, "%s", key);
        buf_clear(&remote->token);
        buf_add(&remote->token, known->token.s, known->token.len);
        remote->token_until = known->until;
    }
    return fetched;
}

int bearer_fetch(struct remote *remote, struct remote_place *place, const struct name *name,
                 const struct challenge *challenge, const char *stale, struct buf *token,
                 struct err *err)
{
    struct known known = {.token = BUF_INIT};
    int result = fly(remote, place, name, challenge, stale, &known, err);

    if (result == 0)
        buf_add(token, known.token.s, known.token.len);
    buf_free(&known.token);
    return result;
}
