/* SPDX-License-Identifier: Apache-2.0
 * L5: one request and its answer. */
#include "exchange.h"

#include "access_log.h"
#include "base/clock.h"
#include "base/log.h"

#include <signal.h>
#include <sys/time.h>

struct exchange {
    const struct exchange_adapter *adapter;
    struct request request;
    struct api_told told; /* its strings are the request's */
    struct response response;
    int64_t started; /* as of clock_ns */
    bool too_slow;   /* the client, for its answer */
};

/* What is to be taken within the timeout: so much that no client is too slow that makes headway,
 * and who takes a byte now and then holds no worker for long. */
#define STRETCH ((size_t)1 << 20)

/* An answer on its way. */
struct delivery {
    const struct exchange_adapter *adapter;
    int seconds;
    size_t written; /* bytes since the alarm was set */
};

static volatile sig_atomic_t late;

bool exchange_is_late(void)
{
    return late;
}

static void on_alarm(int number)
{
    (void)number;
    late = 1;
}

/* The signal comes again, since the first may fall between a look at `late` and a read that waits.
 * seconds = 0 ends it. */
static void set_alarm(int seconds)
{
    const struct itimerval timer = {.it_interval.tv_sec = seconds ? 1 : 0,
                                    .it_value.tv_sec = seconds};
    struct sigaction action = {.sa_handler = on_alarm}; /* not SA_RESTART */

    late = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static ssize_t read_body(void *from, void *bytes, size_t len)
{
    const struct exchange *exchange = from;
    const struct exchange_adapter *adapter = exchange->adapter;

    if (exchange->request.body_seconds && exchange->request.body_seen == 0)
        set_alarm(exchange->request.body_seconds);
    ssize_t n = adapter->read(adapter->from, bytes, len);
    if (exchange->request.body_seconds && n <= 0) {
        bool was_late = late;
        set_alarm(0);
        return was_late ? BODY_LATE : n;
    }
    return n;
}

static void answer(const struct api *api, struct exchange *exchange)
{
    struct request *request = &exchange->request;
    struct err err;

    int made = request_init(request, exchange->adapter->variables, read_body, exchange, &err);
    log_set_request(request->id);
    if (made == 0) {
        route_answer(api, request, &exchange->told, &exchange->response);
    } else {
        route_refuse(request, &err, &exchange->response);
    }
    response_header(&exchange->response, "X-Request-Id", "%s", request->id);
}

static void drain(const struct exchange *exchange)
{
    const struct exchange_adapter *adapter = exchange->adapter;
    const struct request *request = &exchange->request;
    char bytes[16384];

    if (request->content_length == 0 || request->method == METHOD_GET ||
        request->method == METHOD_HEAD)
        return;
    while (adapter->read(adapter->from, bytes, sizeof bytes) > 0)
        ;
}

static int write_on(void *to, const void *bytes, size_t len)
{
    struct delivery *delivery = to;

    if (late)
        return -1;
    if (delivery->written >= STRETCH || len == 0) { /* or it was not the client who kept us */
        set_alarm(delivery->seconds);
        delivery->written = 0;
    }
    delivery->written += len;
    return delivery->adapter->write(delivery->adapter->to, bytes, len);
}

/* -1: the client or the server takes no more, or not soon enough. seconds = 0: there is no hurry.
 */
static int deliver(struct exchange *exchange, int seconds)
{
    const struct response *response = &exchange->response;
    struct delivery delivery = {.adapter = exchange->adapter, .seconds = seconds};
    AUTO_BUF headers = BUF_INIT;

    response_print_headers(response, &headers);
    set_alarm(seconds);
    int delivered = write_on(&delivery, headers.s, headers.len);
    if (delivered == 0 && exchange->request.method != METHOD_HEAD)
        delivered = response_send_body(response, write_on, &delivery);
    exchange->too_slow = late;
    set_alarm(0);
    return delivered;
}

static void log_line(const struct exchange *exchange, bool delivered)
{
    const char *method = request_variable(&exchange->request, "REQUEST_METHOD");

    log_write(delivered ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
              "%s: client %s user \"%s\" %s %s: %d after %jd ms",
              delivered            ? "answered"
              : exchange->too_slow ? "the client takes its answer too slowly"
                                   : "the client went away",
              exchange->told.address ? exchange->told.address : "-",
              exchange->told.who.user ? exchange->told.who.user : "", method ? method : "-",
              exchange->request.path, exchange->response.status,
              (intmax_t)(clock_ns() - exchange->started) / 1000000);
}

/* The bytes of the answer's body, whoever sends them. */
static int64_t sent(const struct exchange *exchange)
{
    const struct response *response = &exchange->response;

    if (exchange->request.method == METHOD_HEAD)
        return 0;
    return response->length_from_server && response->length >= 0 ? response->length
                                                                 : response_body_len(response);
}

/* A server that asks whether it may take a body comes again with it. */
static void count(const struct exchange *exchange, bool delivered)
{
    const struct request *request = &exchange->request;
    const struct metric_request counted = {
        .handler = exchange->told.handler,
        .method = request_variable(request, "REQUEST_METHOD"),
        .status = exchange->response.status,
        .nanoseconds = clock_ns() - exchange->started,
        .taken = request->body_seen,
        .sent = sent(exchange),
    };

    if (!delivered)
        metric_add(METRIC_LOST, 1);
    if (!request->is_authorizer || counted.status != 200)
        metric_count(&counted);
}

static void write_access_log(const struct exchange *exchange)
{
    const struct request *request = &exchange->request;
    const struct access_log_entry entry = {
        .address = exchange->told.address,
        .user = exchange->told.who.user,
        .method = request_variable(request, "REQUEST_METHOD"),
        .uri = request_variable(request, "REQUEST_URI"),
        .path = request->path,
        .protocol = request_variable(request, "SERVER_PROTOCOL"),
        .status = exchange->response.status,
        .sent = sent(exchange),
        .taken = request->body_seen,
        .referer = request_header(request, "HTTP_REFERER"),
        .agent = request_header(request, "HTTP_USER_AGENT"),
        .id = request->id,
        .nanoseconds = clock_ns() - exchange->started,
    };

    if (!request->is_authorizer || entry.status != 200)
        access_log_add(&entry);
}

bool exchange_run(const struct api *api, const struct exchange_adapter *adapter)
{
    struct exchange exchange = {.adapter = adapter, .told.who.user = "", .started = clock_ns()};

    response_init(&exchange.response);
    answer(api, &exchange);
    if (exchange.request.body_seconds)
        set_alarm(0);
    if (adapter->drain && exchange.response.status != 408) /* who is too slow is not waited for */
        drain(&exchange);
    bool delivered = deliver(&exchange, (int)api->frozen->api.client_timeout) == 0;
    log_line(&exchange, delivered);
    count(&exchange, delivered);
    write_access_log(&exchange);
    log_set_request(NULL);
    response_free(&exchange.response);
    request_free(&exchange.request);
    return delivered;
}

void exchange_refuse(const struct exchange_adapter *adapter, const struct err *err)
{
    struct exchange exchange = {.adapter = adapter, .request.path = "", .told.who.user = ""};

    response_init(&exchange.response);
    route_refuse(&exchange.request, err, &exchange.response);
    deliver(&exchange, 0);
    response_free(&exchange.response);
}
