/* SPDX-License-Identifier: Apache-2.0
 * cgi-bin/exchange.c */
#include "unit/unit.h"

#include "base/buf.h"
#include "exchange.h"
#include "registry/push_blob.h"

#include <stdio.h>
#include <stdlib.h>

#define CONTENT "0123456789"

/* A web server that hands over a request, and what it got for it. */
struct server {
    const char *variables[16];
    const char *body;
    size_t len, taken;
    size_t breaks_off; /* reading fails behind so many bytes; 0: it does not */
    int refuses;       /* the write that fails, from 1; 0: none does */
    int writes;
    struct buf answer;
    bool answered_before_taken; /* the answer began before all of the body was taken */
};

static ssize_t read_body(void *from, void *bytes, size_t len)
{
    struct server *server = from;
    size_t n = server->len - server->taken;

    if (server->breaks_off && server->taken >= server->breaks_off)
        return -1;
    n = n < len ? n : len;
    n = n < 4 ? n : 4; /* in pieces */
    memcpy(bytes, server->body + server->taken, n);
    server->taken += n;
    return (ssize_t)n;
}

static int write_answer(void *to, const void *bytes, size_t len)
{
    struct server *server = to;

    if (server->taken < server->len)
        server->answered_before_taken = true;
    if (++server->writes == server->refuses)
        return -1;
    buf_add(&server->answer, bytes, len);
    return 0;
}

struct run {
    const struct api *api;
    const struct exchange_adapter *adapter;
};

static void run_exchange(void *context)
{
    const struct run *run = context;

    exchange_run(run->api, run->adapter);
}

/* Lets the server have its answer; returns what went to the log, until the next time. */
static const char *exchange(const struct store *store, struct server *server, bool drain)
{
    static char text[4096];
    const struct config_frozen frozen = {.store.root = (char[]){"/srv"}, .api.page_limit = 1000};
    struct store nothing;
    const struct exchange_adapter adapter = {.variables = (char *const *)server->variables,
                                             .read = read_body,
                                             .from = server,
                                             .write = write_answer,
                                             .to = server,
                                             .drain = drain};

    buf_addstr(&server->answer, "");
    assert_returns(0, store_open_nothing(&nothing, store, &failure));
    struct api api = {.frozen = &frozen,
                      .store = (struct store *)store,
                      .nothing = &nothing,
                      .guard = guard_new("/dev/null", &failure)};
    assert_non_null(api.guard);
    struct run run = {&api, &adapter};
    log_set_level(LOG_LEVEL_DEBUG);
    char *log = unit_stderr_of(run_exchange, &run);
    log_set_level(LOG_LEVEL_WARNING);
    snprintf(text, sizeof text, "%s", log);
    free(log);
    guard_free(api.guard);
    store_close(&nothing);
    return text;
}

#define assert_has(text, part) assert_non_null(strstr(text, part))
#define assert_lacks(text, part) assert_null(strstr(text, part))

static void test_a_request_and_its_answer(void **state)
{
    struct server server = {.variables = {"REQUEST_METHOD=GET", "SCRIPT_NAME=/v2/",
                                          "REMOTE_ADDR=192.0.2.1", "REMOTE_USER=alice"}};
    const char *log = exchange(*state, &server, false);

    assert_int_equal(0, strncmp(server.answer.s, "Status: 200 OK\r\n", 16));
    assert_has(server.answer.s, "\r\nDocker-Distribution-Api-Version: registry/2.0\r\n");
    assert_string_equal("{}", strstr(server.answer.s, "\r\n\r\n") + 4);
    assert_has(log, "debug: answered: client 192.0.2.1 user \"alice\" GET /v2/: 200 after ");
    assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1); /* one line */
    buf_free(&server.answer);
}

static void test_head_has_no_body(void **state)
{
    struct server server = {.variables = {"REQUEST_METHOD=HEAD", "SCRIPT_NAME=/v2/"}};

    exchange(*state, &server, false);
    assert_has(server.answer.s, "\r\nContent-Length: 2\r\n");
    assert_string_equal("\r\n\r\n", server.answer.s + server.answer.len - 4);
    buf_free(&server.answer);
}

/* What cannot be understood is answered too, by both ways of berth.fcgi. */
static void test_no_request(void **state)
{
    static const char *const broken[] = {"CONTENT_LENGTH=x", "QUERY_STRING=a=%"};

    for (size_t i = 0; i < LENGTH_OF(broken); i++) {
        struct server server = {.variables = {"REQUEST_METHOD=GET", "SCRIPT_NAME=/v2/", broken[i]}};
        const char *log = exchange(*state, &server, false);
        assert_has(server.answer.s, "Status: 400 Bad Request\r\n");
        assert_has(server.answer.s, "\r\n\r\n{\"errors\":[{\"code\":");
        assert_has(log, "info: /v2/: ");
        assert_has(log, "debug: answered: client - user \"\" GET /v2/: 400 after ");
        buf_free(&server.answer);
    }
}

static void test_errors_are_answers(void **state)
{
    struct server server = {.variables = {"REQUEST_METHOD=GET", "SCRIPT_NAME=/v2/a/manifests/x"}};
    const char *log = exchange(*state, &server, false);

    assert_has(server.answer.s, "Status: 404 Not Found\r\n");
    assert_has(server.answer.s, "MANIFEST_UNKNOWN");
    assert_has(log, "GET /v2/a/manifests/x: 404 after ");
    buf_free(&server.answer);
}

/* An upload in one request. */
static struct server upload(void)
{
    static char query[200];
    struct digest digest = unit_digest_of(CONTENT);

    snprintf(query, sizeof query, "QUERY_STRING=digest=%s", digest.s);
    return (struct server){
        .variables = {"REQUEST_METHOD=POST", "SCRIPT_NAME=/v2/a/blobs/uploads/", query},
        .body = CONTENT,
        .len = strlen(CONTENT)};
}

static void test_a_body(void **state)
{
    struct server server = upload();

    exchange(*state, &server, false);
    assert_has(server.answer.s, "Status: 201 Created\r\n");
    assert_int_equal(server.len, server.taken);
    buf_free(&server.answer);
}

/* Even where what arrived has the right digest. */
static void test_a_body_that_breaks_off(void **state)
{
    struct server server = upload();

    server.breaks_off = server.len;
    exchange(*state, &server, false);
    assert_has(server.answer.s, "Status: 400 Bad Request\r\n");
    assert_has(server.answer.s, "SIZE_INVALID");
    buf_free(&server.answer);
}

/* A request that is refused before its body is read. */
static void test_drains_where_the_server_wants_it(void **state)
{
    for (int drain = 0; drain <= 1; drain++) {
        struct server server = upload();
        server.variables[1] = "SCRIPT_NAME=/v2/UPPER/blobs/uploads/";
        exchange(*state, &server, drain);
        assert_has(server.answer.s, "NAME_INVALID");
        assert_int_equal(drain ? server.len : 0, server.taken);
        assert_int_equal(!drain, server.answered_before_taken);
        buf_free(&server.answer);
    }
}

static void test_a_client_that_went_away(void **state)
{
    for (int refuses = 1; refuses <= 2; refuses++) { /* the headers, the body */
        struct server server = {.variables = {"REQUEST_METHOD=GET", "SCRIPT_NAME=/v2/_catalog"},
                                .refuses = refuses};
        const char *log = exchange(*state, &server, false);
        assert_lacks(server.answer.s, "repositories");
        assert_int_equal(refuses, server.writes);
        assert_has(log, "info: the client went away: client - user \"\" GET /v2/_catalog: 200 ");
        assert_lacks(log, "answered");
        buf_free(&server.answer);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORE_TEST(test_a_request_and_its_answer),
        STORE_TEST(test_head_has_no_body),
        STORE_TEST(test_no_request),
        STORE_TEST(test_errors_are_answers),
        STORE_TEST(test_a_body),
        STORE_TEST(test_a_body_that_breaks_off),
        STORE_TEST(test_drains_where_the_server_wants_it),
        STORE_TEST(test_a_client_that_went_away),
    };

    return RUN(tests);
}
