/* SPDX-License-Identifier: Apache-2.0
 *
 * One question to a registry, over all its URLs: with a token or password where it wants one,
 * redirections followed, tried again where that may help. What remote_manifest.c, remote_blob.c and
 * remote_list.c are made of; others include remote/remote.h.
 */
#ifndef BERTH_REMOTE_REMOTE_ASK_H
#define BERTH_REMOTE_REMOTE_ASK_H

#include "base/err.h"
#include "oci/name.h"
#include "remote/address.h"
#include "remote/helper.h"
#include "remote/http_client.h"
#include "remote/remote.h"
#include "remote/remote_state.h"
#include "remote/url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REMOTE_ASK_MANIFEST_MAX ((size_t)4 << 20)

/* One URL of a registry. */
struct remote_place {
    const char *text; /* without a slash at its end */
    size_t text_len;
    struct url url;
    char key[REMOTE_STATE_KEY_SIZE];
    enum address_class class; /* where it is: of its last answer */
    bool wants_password;      /* it asked for Basic */
    int64_t until;            /* as in the state directory, for those who have none */
};

struct remote {
    struct remote_options options;
    struct http_client *client;
    struct remote_place *places;
    size_t n_places;
    size_t current;                /* where the last question was answered */
    int64_t deadline_ms;           /* of the question, by clock_ms; 0: it has none */
    int after_ms;                  /* the pause that a 5xx asked for; 0: none */
    bool is_http1;                 /* HTTP/2 was no good, or the question is for a blob */
    bool has_tidied;               /* its state directory */
    struct helper_account account; /* what the helper said; empty: it was not asked */
    bool has_asked_anew;           /* because that was no good */
    /* The last token, for those who have no state directory. */
    struct buf token;
    char token_key[REMOTE_STATE_KEY_SIZE];
    int64_t token_until;
};

struct remote_ask {
    const char *method;
    const char *path;        /* below a URL of the registry, "/v2/..."; or a whole URL of its own */
    const char *accept;      /* NULL: anything */
    const struct name *name; /* which the token is for */
    bool is_blob;            /* HTTP/1.1, and no limit of time */
    const struct http_client_sink *sink;
    size_t body_max;
    /* Appends the header Range to a request, or nothing; NULL: nothing. Called for each try. */
    void (*range)(void *context, struct buf *header);
    /* How many bytes have come so far: if more come from time to time, it is tried for ever. */
    int64_t (*progress)(void *context);
    bool (*is_over)(void *context); /* after a failure: nothing is to be tried again; NULL */
    void *context;
};

/* 1: *answer is a success. 0: 404 by all URLs. */
int remote_ask(struct remote *remote, const struct remote_ask *ask,
               struct http_client_answer *answer, struct err *err);

/* Seconds for which this URL asked to be left alone; 0: none. */
int64_t remote_ask_pause(const struct remote *remote, const struct remote_place *place);

/* The clock of a question that is no blob's begins to run. */
void remote_ask_begin(struct remote *remote);
/* How long a part of the question may take: at least 1. */
int remote_ask_rest_ms(const struct remote *remote);
/* Adds what happened to the log. */
void remote_ask_log(const struct remote *remote, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Fails with the registry's name in front of the message that is in *err; -1. */
int remote_ask_fail(const struct remote *remote, struct err *err);
/* Appends the header that shows the account. 0: there is none. */
int remote_ask_basic(struct remote *remote, struct buf *header, struct err *err);
/* Asks the helper for another account than the one that was refused, once. 1, or 0: there is no
 * other. */
int remote_ask_account_anew(struct remote *remote, struct err *err);
/* What an answer that is no success means; always -1 with *err set. Notes a pause. */
int remote_ask_refuse(struct remote *remote, struct remote_place *place,
                      const struct http_client_answer *answer, const char *whom, struct err *err);

#endif
