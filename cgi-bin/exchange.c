/* SPDX-License-Identifier: Apache-2.0
 * L5: one request and its answer. */
#include "exchange.h"

#include "base/clock.h"
#include "base/log.h"

struct exchange {
    struct request request;
    struct identity who; /* its strings are the request's */
    struct response response;
    int64_t started; /* as of clock_ms */
};

static void answer(const struct api *api, struct exchange *exchange,
                   const struct exchange_adapter *adapter)
{
    struct request *request = &exchange->request;
    struct err err;

    if (request_init(request, adapter->variables, adapter->read, adapter->from, &err) == 0) {
        route_answer(api, request, &exchange->who, &exchange->response);
    } else {
        log_info("%s: %s", request->path, err.msg);
        error_answer(&exchange->response, &err);
    }
}

static void drain(const struct exchange *exchange, const struct exchange_adapter *adapter)
{
    const struct request *request = &exchange->request;
    char bytes[16384];

    if (request->content_length == 0 || request->method == METHOD_GET ||
        request->method == METHOD_HEAD)
        return;
    while (adapter->read(adapter->from, bytes, sizeof bytes) > 0)
        ;
}

/* -1: the client or the server takes no more. */
static int deliver(const struct exchange *exchange, const struct exchange_adapter *adapter)
{
    const struct response *response = &exchange->response;
    AUTO_BUF headers = BUF_INIT;

    response_print_headers(response, &headers);
    if (adapter->write(adapter->to, headers.s, headers.len) < 0)
        return -1;
    return exchange->request.method == METHOD_HEAD
               ? 0
               : response_send_body(response, adapter->write, adapter->to);
}

static void log_line(const struct exchange *exchange, bool delivered)
{
    const char *client = request_variable(&exchange->request, "REMOTE_ADDR");
    const char *method = request_variable(&exchange->request, "REQUEST_METHOD");

    log_write(delivered ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
              "%s: client %s user \"%s\" %s %s: %d after %jd ms",
              delivered ? "answered" : "the client went away", client ? client : "-",
              exchange->who.user, method ? method : "-", exchange->request.path,
              exchange->response.status, (intmax_t)(clock_ms() - exchange->started));
}

void exchange_run(const struct api *api, const struct exchange_adapter *adapter)
{
    struct exchange exchange = {.who.user = "", .started = clock_ms()};

    response_init(&exchange.response);
    answer(api, &exchange, adapter);
    if (adapter->drain)
        drain(&exchange, adapter);
    log_line(&exchange, deliver(&exchange, adapter) == 0);
    response_free(&exchange.response);
    request_free(&exchange.request);
}
