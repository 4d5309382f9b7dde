/* SPDX-License-Identifier: Apache-2.0
 * L2: one question to a registry, over all its URLs. */
#include "remote/remote_ask.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/text.h"
#include "remote/answer.h"
#include "remote/bearer.h"
#include "remote/challenge.h"
#include "remote/pace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define REDIRECTS_MAX 5
#define PAUSE_SECONDS 60            /* after a 429 that says nothing */
#define PAUSE_SECONDS_MAX 86400     /* what is longer is not believed */
#define PROGRESS ((int64_t)1 << 20) /* so many bytes more, and it is tried as often again */

void remote_ask_log(const struct remote *remote, const char *fmt, ...)
{
    AUTO_BUF line = BUF_INIT, text = BUF_INIT;
    va_list ap;

    if (!remote->options.log)
        return;
    va_start(ap, fmt);
    buf_addvf(&text, fmt, ap);
    va_end(ap);
    buf_addf(&line, "%s: ", remote->options.name);
    text_add_escaped(&line, text.s);
    remote->options.log(remote->options.log_context, line.s);
}

int remote_ask_fail(const struct remote *remote, struct err *err)
{
    AUTO_BUF message = BUF_INIT;

    if (!err)
        return -1;
    text_add_escaped(&message, err->msg);
    return err_set(err, err->code, "%s: %s", remote->options.name, message.s ? message.s : "");
}

void remote_ask_begin(struct remote *remote)
{
    remote->deadline_ms = clock_ms() + (int64_t)remote->options.answer_seconds * 1000;
}

int remote_ask_rest_ms(const struct remote *remote)
{
    int64_t rest = (int64_t)remote->options.answer_seconds * 1000;

    if (remote->deadline_ms > 0)
        rest = remote->deadline_ms - clock_ms();
    return rest < 1 ? 1 : (int)rest;
}

static bool has_helper(const struct remote *remote)
{
    return remote->options.helper && *remote->options.helper;
}

static bool has_account(const struct remote *remote)
{
    return has_helper(remote) || (remote->options.user && *remote->options.user);
}

static int ask_helper(struct remote *remote, bool is_anew, struct err *err)
{
    const struct helper helper = {.program = remote->options.helper,
                                  .url = remote->options.urls[0],
                                  .lifetime = remote->options.helper_seconds,
                                  .timeout_ms = remote_ask_rest_ms(remote),
                                  .state_fd = remote->options.state_fd};

    return helper_ask(&helper, is_anew, &remote->account, err);
}

int remote_ask_basic(struct remote *remote, struct buf *header, struct err *err)
{
    const char *user = remote->options.user, *password = remote->options.password;
    AUTO_BUF account = BUF_INIT;

    if (!has_account(remote))
        return 0;
    if (has_helper(remote)) {
        if (remote->account.user.len == 0 && ask_helper(remote, false, err) < 0)
            return -1;
        user = remote->account.user.s;
        password = remote->account.password.s;
    }
    buf_addf(&account, "%s:%s", user, password ? password : "");
    buf_addstr(header, "Authorization: Basic ");
    base64_encode(header, account.s, account.len);
    return 1;
}

int remote_ask_account_anew(struct remote *remote, struct err *err)
{
    AUTO_BUF old = BUF_INIT;

    if (!has_helper(remote) || remote->has_asked_anew || remote->account.user.len == 0)
        return 0;
    remote->has_asked_anew = true;
    buf_addf(&old, "%s:%s", remote->account.user.s, remote->account.password.s);
    if (ask_helper(remote, true, err) < 0)
        return -1;
    size_t user_len = remote->account.user.len;
    return old.len != user_len + 1 + remote->account.password.len ||
           strncmp(old.s, remote->account.user.s, user_len) != 0 ||
           strcmp(old.s + user_len + 1, remote->account.password.s) != 0;
}

static void leave_alone(struct remote *remote, struct remote_place *place, int64_t seconds)
{
    struct err err;

    place->until = time(NULL) + seconds;
    if (remote_state_set_pause(remote->options.state_fd, place->key, place->until, &err) < 0)
        remote_ask_log(remote, "that it is left alone is not noted: %s", err.msg);
}

int remote_ask_refuse(struct remote *remote, struct remote_place *place,
                      const struct http_client_answer *answer, const char *whom, struct err *err)
{
    const char *after = http_client_header(answer, "Retry-After", NULL);
    int64_t seconds = after ? answer_retry_after(after, time(NULL)) : -1;
    bool has_user = has_account(remote);

    switch (answer->status) {
    case 401:
    case 403:
        return err_set(err, ERR_UPSTREAM_REFUSED, "%s refuses %s (%d)", whom,
                       has_user ? "our account" : "us, who have no account there", answer->status);
    case 429:
        seconds = seconds < 0 ? PAUSE_SECONDS : seconds;
        seconds = seconds > PAUSE_SECONDS_MAX ? PAUSE_SECONDS_MAX : seconds;
        leave_alone(remote, place, seconds);
        return err_set(err, ERR_UPSTREAM_BUSY,
                       "%s says that there were too many requests (429), and is left alone for "
                       "%lld s",
                       whom, (long long)seconds);
    case 508:
        return err_set(err, ERR_UPSTREAM_REDIRECT, "%s asks itself in a circle (508)", whom);
    case 408:
    case 425:
        return err_set(err, ERR_UPSTREAM_TIMEOUT, "%s was not asked in time (%d)", whom,
                       answer->status);
    default:
        if (answer->status < 500)
            return err_set(err, ERR_UPSTREAM_CONTENT,
                           "%s answers with status %d, which makes no sense here", whom,
                           answer->status);
        remote->after_ms = seconds > 0 && seconds < PAUSE_SECONDS_MAX ? (int)seconds * 1000 : 0;
        return err_set(err, ERR_UPSTREAM_FAILED, "%s answers with status %d", whom, answer->status);
    }
}

/* The headers of a request. What they point to is the caller's. */
struct letter {
    struct buf accept, range, via, authorization;
    const char *lines[6];
};

static void letter_free(struct letter *letter)
{
    buf_free(&letter->accept);
    buf_free(&letter->range);
    buf_free(&letter->via);
    buf_free(&letter->authorization);
}

static void write_letter(const struct remote *remote, const struct remote_ask *ask,
                         bool is_authorized, struct letter *letter)
{
    const struct buf *all[] = {&letter->accept, &letter->range, &letter->via,
                               is_authorized ? &letter->authorization : NULL};
    size_t n = 0;

    buf_clear(&letter->accept);
    buf_clear(&letter->range);
    buf_clear(&letter->via);
    buf_addf(&letter->accept, "Accept: %s", ask->accept ? ask->accept : "*/*");
    if (ask->range)
        ask->range(ask->context, &letter->range);
    if (remote->options.via)
        buf_addf(&letter->via, "Via: 1.1 %s", remote->options.via);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] && all[i]->len > 0)
            letter->lines[n++] = all[i]->s;
    letter->lines[n] = NULL;
}

static bool is_redirection(int status)
{
    return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

/* Where an answer leads to; -1: nowhere that one may go. */
static int next_url(const struct http_client_answer *answer, const struct remote_place *place,
                    struct buf *url, struct err *err)
{
    const char *location = http_client_header(answer, "Location", NULL);
    AUTO_BUF from = BUF_INIT;
    struct url to;

    buf_addstr(&from, url->s);
    buf_clear(url);
    if (!location || !url_resolve(from.s, location, url) || !url_parse(&to, url->s))
        return err_set(err, ERR_UPSTREAM_REDIRECT, "it redirects to nowhere (%d)", answer->status);
    if (place->url.is_https && !to.is_https)
        return err_set(err, ERR_UPSTREAM_REDIRECT, "it redirects to %s, without TLS", to.host);
    return 0;
}

/* Asks at *url and wherever that leads. The account goes no further than to the registry itself. */
static int follow(struct remote *remote, struct remote_place *place, const struct remote_ask *ask,
                  struct buf *url, struct letter *letter, struct http_client_answer *answer,
                  struct err *err)
{
    bool is_home = true; /* and has always been */
    struct url to;

    for (int n = 0; n <= REDIRECTS_MAX; n++) {
        http_client_answer_free(answer);
        is_home = is_home && url_parse(&to, url->s) && url_same_origin(&to, &place->url);
        write_letter(remote, ask, is_home, letter);
        const struct http_client_request request = {
            .method = ask->method,
            .url = url->s,
            .headers = letter->lines,
            .is_http1 = ask->is_blob || remote->is_http1,
            .is_foreign = !is_home,
            .total_ms = ask->is_blob ? 0 : remote_ask_rest_ms(remote),
            .body_max = ask->body_max,
            .rate_max = ask->is_blob ? remote->options.blob_rate : 0,
            .sink = ask->sink,
            .led_by = n > 0 ? &place->class : NULL,
        };
        if (http_client_send(remote->client, &request, answer, err) < 0)
            return -1;
        if (n == 0 && answer->has_class)
            place->class = answer->class;
        if (!is_redirection(answer->status))
            return 0;
        if (next_url(answer, place, url, err) < 0)
            return -1;
    }
    return err_set(err, ERR_UPSTREAM_REDIRECT, "it redirects more than %d times", REDIRECTS_MAX);
}

static int find_challenges(const struct http_client_answer *answer, struct challenges *challenges)
{
    size_t at = 0;
    const char *value;

    while ((value = http_client_header(answer, "WWW-Authenticate", &at)))
        challenge_parse(challenges, value); /* of a broken one nothing is taken */
    return challenges->n > 0;
}

/* Basic, if it was not just this account that it refused. 0: there is nothing to convince it by. */
static int convince_by_password(struct remote *remote, struct remote_place *place,
                                struct letter *letter, struct err *err)
{
    if (place->wants_password) {
        int other = remote_ask_account_anew(remote, err);
        if (other <= 0)
            return other;
    }
    int shown = remote_ask_basic(remote, &letter->authorization, err);
    place->wants_password = shown > 0;
    return shown;
}

/* What a 401 asks for, into the letter. `stale`: the token that it did not take. */
static int convince(struct remote *remote, struct remote_place *place, const struct remote_ask *ask,
                    const struct http_client_answer *answer, const char *stale,
                    struct letter *letter, struct err *err)
{
    AUTO_CHALLENGES challenges = {0};
    AUTO_BUF token = BUF_INIT;
    int shown = 0;

    find_challenges(answer, &challenges);
    const struct challenge *bearer = challenge_find(&challenges, "Bearer");
    buf_clear(&letter->authorization);
    if (bearer) {
        if (bearer_fetch(remote, place, ask->name, bearer, stale, &token, err) < 0)
            return -1;
        buf_addf(&letter->authorization, "Authorization: Bearer %s", token.s);
        return 0;
    }
    if (challenge_find(&challenges, "Basic"))
        shown = convince_by_password(remote, place, letter, err);
    return shown > 0 ? 0 : shown < 0 ? -1 : remote_ask_refuse(remote, place, answer, "it", err);
}

/* With what is known to be wanted there. *stale: the token, if there is one. */
static int prepare(struct remote *remote, const struct remote_place *place,
                   const struct remote_ask *ask, struct letter *letter, struct buf *stale,
                   struct err *err)
{
    int known = bearer_known(remote, place, ask->name, stale, err);

    if (known < 0)
        return -1;
    if (known > 0)
        buf_addf(&letter->authorization, "Authorization: Bearer %s", stale->s);
    else if (place->wants_password)
        known = remote_ask_basic(remote, &letter->authorization, err);
    return known < 0 ? -1 : 0;
}

static int ask_place_with(struct remote *remote, struct remote_place *place,
                          const struct remote_ask *ask, struct letter *letter,
                          struct http_client_answer *answer, struct err *err)
{
    AUTO_BUF url = BUF_INIT, stale = BUF_INIT;
    struct url asked;

    if (prepare(remote, place, ask, letter, &stale, err) < 0)
        return -1;
    for (int n = 0;; n++) {
        buf_clear(&url);
        if (*ask->path == '/')
            buf_add(&url, place->text, place->text_len);
        buf_addstr(&url, ask->path);
        if (follow(remote, place, ask, &url, letter, answer, err) < 0)
            return -1;
        bool is_home = url_parse(&asked, url.s) && url_same_origin(&asked, &place->url);
        if (answer->status != 401 || n > 1 || !is_home || (n > 0 && !place->wants_password))
            break;
        if (convince(remote, place, ask, answer, stale.len ? stale.s : NULL, letter, err) < 0)
            return -1;
    }
    if (answer->status == 404)
        return 0;
    return answer->status >= 200 && answer->status < 300
               ? 1
               : remote_ask_refuse(remote, place, answer, "it", err);
}

static int ask_place(struct remote *remote, struct remote_place *place,
                     const struct remote_ask *ask, struct http_client_answer *answer,
                     struct err *err)
{
    struct letter letter = {.accept = BUF_INIT};
    int result = ask_place_with(remote, place, ask, &letter, answer, err);

    letter_free(&letter);
    return result;
}

int64_t remote_ask_pause(const struct remote *remote, const struct remote_place *place)
{
    int64_t until = remote_state_pause(remote->options.state_fd, place->key);
    int64_t now = time(NULL);

    if (place->until > until)
        until = place->until;
    return until <= now ? 0 : until - now > PAUSE_SECONDS_MAX ? PAUSE_SECONDS_MAX : until - now;
}

static bool may_be_better_later(enum err_code code)
{
    return code == ERR_UPSTREAM_NETWORK || code == ERR_UPSTREAM_TIMEOUT ||
           code == ERR_UPSTREAM_FAILED;
}

/* Whether another URL may know better; not where the trouble is our own. */
static bool is_theirs(enum err_code code)
{
    return may_be_better_later(code) || code == ERR_UPSTREAM_TLS || code == ERR_UPSTREAM_REFUSED ||
           code == ERR_UPSTREAM_BUSY || code == ERR_UPSTREAM_CONTENT ||
           code == ERR_UPSTREAM_REDIRECT;
}

/* What came of one round over all URLs. */
struct round {
    size_t n_missing;  /* URLs that say 404 */
    bool may_be_later; /* one may know better in a moment */
    struct err err;    /* the first trouble */
};

static void note_trouble(struct remote *remote, struct round *round, const struct err *err)
{
    if (err->code == ERR_UPSTREAM_NETWORK)
        remote->is_http1 = true; /* HTTP/2 is often what breaks */
    round->may_be_later = round->may_be_later || may_be_better_later(err->code);
    if (round->err.code == ERR_NONE || round->err.code == ERR_UPSTREAM_BUSY)
        round->err = *err;
}

/* 1, or 0: nobody had it, see round; -1: nobody is to be asked again. */
static int ask_all(struct remote *remote, const struct remote_ask *ask,
                   struct http_client_answer *answer, struct round *round)
{
    struct err err;

    *round = (struct round){0};
    for (size_t i = 0; i < remote->n_places; i++) {
        size_t at = (remote->current + i) % remote->n_places;
        struct remote_place *place = &remote->places[at];
        int64_t pause = remote_ask_pause(remote, place);
        if (pause > 0) {
            err_set(&err, ERR_UPSTREAM_BUSY, "it asked to be left alone for %lld s more",
                    (long long)pause);
            note_trouble(remote, round, &err);
            continue;
        }
        http_client_answer_free(answer);
        int result = ask_place(remote, place, ask, answer, &err);
        if (result > 0) {
            remote->current = at;
            return 1;
        }
        if (result == 0) {
            round->n_missing++;
            continue;
        }
        note_trouble(remote, round, &err);
        if (!is_theirs(err.code) || (ask->is_over && ask->is_over(ask->context)))
            return -1;
    }
    return 0;
}

/* Waits before the next round. False: that is no use, or takes too long. */
static bool wait_for_better(struct remote *remote, const struct round *round, int n)
{
    int ms = pace_ms(n);
    int64_t pause = remote_pause(remote);

    if (remote->after_ms > ms)
        ms = remote->after_ms;
    remote->after_ms = 0;
    if (pause > 0) {
        if (pause > remote->options.patience_seconds)
            return false;
        ms = (int)pause * 1000;
    } else if (!round->may_be_later) {
        return false;
    }
    if (remote->deadline_ms > 0 ? ms >= remote_ask_rest_ms(remote)
                                : ms > remote->options.answer_seconds * 1000 && pause == 0)
        return false;
    remote_ask_log(remote, "%s; it is tried again in %d.%d s", round->err.msg, ms / 1000,
                   ms % 1000 / 100);
    pace_sleep(ms);
    return true;
}

int remote_ask(struct remote *remote, const struct remote_ask *ask,
               struct http_client_answer *answer, struct err *err)
{
    int64_t had = ask->progress ? ask->progress(ask->context) : 0;
    struct round round;

    for (int n = 1;; n++) {
        int result = ask_all(remote, ask, answer, &round);
        if (result > 0)
            return 1;
        if (result == 0 && round.n_missing == remote->n_places)
            return 0;
        int64_t has = ask->progress ? ask->progress(ask->context) : 0;
        if (has - had >= PROGRESS) {
            had = has;
            n = 1;
        }
        if (result < 0 || n >= remote->options.tries || !wait_for_better(remote, &round, n))
            break;
    }
    err_copy(err, &round.err);
    return is_theirs(round.err.code) ? remote_ask_fail(remote, err) : -1;
}
