/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry's HTTP interface, as in the OCI Distribution Specification, "API", whose end-numbers
 * the route table names. One file per endpoint family.
 */
#ifndef BERTH_API_API_H
#define BERTH_API_API_H

#include "api/guard.h"
#include "http/request.h"
#include "http/response.h"
#include "metric/metric.h"
#include "oci/name.h"
#include "registry/registry.h"

struct api {
    const struct config_frozen *frozen;
    struct store *store;   /* opened again where its mount had gone */
    struct store *nothing; /* holds nothing: what one who may not read is shown */
    struct guard *guard;
    struct event_observer observer; /* is told what requests change */
    int64_t long_max; /* requests that may wait for other hosts at once; 0: nobody knows */

    /* Of the request that is being answered; set by route_answer. */
    const struct rules *rules;
    struct identity who;
    const char *how;     /* who knows that it is he, as for an event; NULL: it is nobody */
    bool unknown;        /* what was shown is wrong */
    const char *address; /* of the client; NULL: not known */
    const char *wanted;  /* what it is to do, as for audit_denial; NULL: no route says */
    const struct target *target;
    struct registry registry;
};

/* What the route found in the path. */
struct target {
    struct name name;
    const char *last; /* the last component: a tag, a digest, an upload's id */
};

/* A handler fills the response, or returns -1 with *err set: the response is then made from the
 * error. */
typedef int api_handler(const struct api *api, struct request *request, const struct target *target,
                        struct response *response, struct err *err);

/* What is known of a request once it is answered. Strings live as long as it. */
struct api_told {
    struct identity who;
    const char *address; /* of the client; NULL: not known */
    enum metric_handler handler;
};

/* Answers one request, whatever it is; logs errors and denials. Says in *told whose it is, and what
 * answered it. An answer that does not say how long it may be kept is
 * `no-cache`. (route.c) */
void route_answer(const struct api *api, struct request *request, struct api_told *told,
                  struct response *response);

/* The same for one that is none. */
void route_refuse(const struct request *request, const struct err *err, struct response *response);

/* Whether this path is one of those who watch over this program: a wrong login does not matter to
 * it, and it is answered also while the store hangs. */
bool route_is_probe(const char *path);

/* Makes the response an error's: `{"errors":[{"code","message"}]}`. (error.c) */
void error_answer(struct response *response, const struct err *err);
/* 416 for a blob of so many bytes (RFC 9110, section 15.5.17). */
void error_unsatisfiable(struct response *response, int64_t size);
/* The same by a status, a code of the specification and a text. (error.c) */
void error_refuse(struct response *response, int status, const char *code, const char *message);

/* The same as one error for each of these digests, which is its detail. */
void error_missing(struct response *response, const struct err *err, const struct digest *digests,
                   size_t n);

api_handler system_get;
api_handler health_live, health_ready;
api_handler metrics_get;
api_handler catalog_get;
api_handler token_get, token_post;
api_handler blobs_get, blobs_delete;
api_handler uploads_post, uploads_get, uploads_patch, uploads_put, uploads_delete;
api_handler manifests_get, manifests_put, manifests_delete;
api_handler tags_get;
api_handler referrers_get;

#endif
