/* SPDX-License-Identifier: Apache-2.0
 * http/request.c: a request from CGI variables. */
#include "unit/unit.h"

#include "http/request.h"

#include <stdio.h>

/* A body that comes in pieces of `step` bytes and may break off. */
struct body {
    const char *bytes;
    size_t len;
    size_t step;
    bool breaks; /* at its end */
};

static ssize_t read_body(void *from, void *bytes, size_t len)
{
    struct body *body = from;
    size_t n = body->len < len ? body->len : len;

    if (n > body->step)
        n = body->step;
    if (n == 0 && body->breaks)
        return -1;
    memcpy(bytes, body->bytes, n);
    body->bytes += n;
    body->len -= n;
    return (ssize_t)n;
}

static int init(struct request *request, const char *const *variables, struct body *body)
{
    return request_init(request, (char *const *)variables, read_body, body, &failure);
}

static void test_an_authorizer_takes_what_the_client_wrote(void **state)
{
    static const char *const variables[] = {"FCGI_ROLE=AUTHORIZER", "REQUEST_METHOD=PUT",
                                            "REQUEST_URI=/v2/a/manifests/sha256%3Aab?tag=%76",
                                            "QUERY_STRING=tag=%76", NULL};
    static const char *const broken[] = {"FCGI_ROLE=AUTHORIZER", "REQUEST_URI=/v2/%0", NULL};
    static const char *const hidden[] = {"FCGI_ROLE=AUTHORIZER", "REQUEST_URI=/v2/%00x", NULL};
    static const char *const responder[] = {"FCGI_ROLE=RESPONDER", "REQUEST_URI=/v2/a", NULL};
    struct request request;

    (void)state;
    assert_returns(0, init(&request, variables, NULL));
    assert_true(request.is_authorizer);
    assert_string_equal("/v2/a/manifests/sha256:ab", request.path);
    assert_string_equal("v", request_parameter(&request, "tag"));
    request_free(&request);
    assert_fails(REQUEST_INVALID, init(&request, broken, NULL));
    request_free(&request);
    assert_fails(REQUEST_INVALID, init(&request, hidden, NULL));
    request_free(&request);
    assert_returns(0, init(&request, responder, NULL));
    assert_string_equal("", request.path); /* where a server names none, none is guessed */
    request_free(&request);
}

static void test_defaults(void **state)
{
    static const char *const variables[] = {NULL};
    struct request request;

    (void)state;
    assert_returns(0, init(&request, variables, NULL));
    assert_int_equal(METHOD_OTHER, request.method);
    assert_string_equal("", request.path);
    assert_string_equal("", request.remote_user);
    assert_int_equal(-1, request.content_length);
    assert_int_equal(0, request.n_query);
    assert_null(request_parameter(&request, "n"));
    request_free(&request);
}

static void test_methods(void **state)
{
    static const struct {
        const char *variable;
        enum method method;
    } table[] = {
        {"REQUEST_METHOD=GET", METHOD_GET},     {"REQUEST_METHOD=HEAD", METHOD_HEAD},
        {"REQUEST_METHOD=POST", METHOD_POST},   {"REQUEST_METHOD=PUT", METHOD_PUT},
        {"REQUEST_METHOD=PATCH", METHOD_PATCH}, {"REQUEST_METHOD=DELETE", METHOD_DELETE},
        {"REQUEST_METHOD=get", METHOD_OTHER},   {"REQUEST_METHOD=GETX", METHOD_OTHER},
        {"REQUEST_METHOD=TRACE", METHOD_OTHER}, {"REQUEST_METHOD=", METHOD_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        const char *const variables[] = {table[i].variable, NULL};
        struct request request;
        assert_returns(0, init(&request, variables, NULL));
        assert_int_equal(table[i].method, request.method);
        request_free(&request);
    }
}

/* Servers cut the path in two at different places. It was decoded once and is not again. */
static void test_path_is_script_name_and_path_info(void **state)
{
    static const struct {
        const char *const variables[3];
        const char *path;
    } table[] = {
        {{"SCRIPT_NAME=/v2", "PATH_INFO=/a/tags/list"}, "/v2/a/tags/list"},
        {{"PATH_INFO=/v2/"}, "/v2/"},
        {{"SCRIPT_NAME=/v2/"}, "/v2/"},
        {{"SCRIPT_NAME=", "PATH_INFO=/v2/"}, "/v2/"},
        {{"PATH_INFO=/v2/%2e%2e/+", "SCRIPT_NAME="}, "/v2/%2e%2e/+"},
        {{"REQUEST_URI=/v2/x", "PATH_TRANSLATED=/v2/y"}, ""},
        {{"XPATH_INFO=/no", "PATH_INFO=/yes"}, "/yes"},
        {{"PATH_INFOX=/no", "PATH_INFO=/yes"}, "/yes"},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        struct request request;
        assert_returns(0, init(&request, table[i].variables, NULL));
        assert_string_equal(table[i].path, request.path);
        request_free(&request);
    }
}

static void test_first_of_a_repeated_variable_counts_and_empty_is_unset(void **state)
{
    static const char *const variables[] = {
        "REMOTE_USER=alice", "REMOTE_USER=mallory",  "CONTENT_LENGTH=",      "CONTENT_LENGTH=5",
        "CONTENT_TYPE=",     "HTTP_RANGE=bytes=0-1", "HTTP_RANGE=bytes=5-6", NULL};
    struct request request;

    (void)state;
    assert_returns(0, init(&request, variables, NULL));
    assert_string_equal("alice", request.remote_user);
    assert_int_equal(-1, request.content_length);
    assert_null(request_variable(&request, "CONTENT_TYPE"));
    assert_null(request_variable(&request, "CONTENT"));
    assert_null(request_header(&request, "HTTP_IF_MATCH"));
    assert_string_equal("bytes=0-1", request_header(&request, "HTTP_RANGE"));
    assert_true(request_is_ambiguous(&request, "HTTP_RANGE"));
    assert_true(request_is_ambiguous(&request, "CONTENT_LENGTH"));
    assert_false(request_is_ambiguous(&request, "CONTENT_TYPE"));
    assert_false(request_is_ambiguous(&request, "HTTP"));
    request_free(&request);
}

static void test_nobody_but_remote_user_is_anybody(void **state)
{
    static const char *const variables[] = {
        "HTTP_AUTHORIZATION=Basic YWxpY2U6eA==", "HTTP_REMOTE_USER=alice",
        "REDIRECT_REMOTE_USER=alice", "REMOTE_USER=", NULL};
    struct request request;

    (void)state;
    assert_returns(0, init(&request, variables, NULL));
    assert_string_equal("", request.remote_user);
    request_free(&request);
}

static void test_content_length(void **state)
{
    static const struct {
        const char *variable;
        int64_t length; /* -2: refused */
    } table[] = {
        {"CONTENT_LENGTH=0", 0},
        {"CONTENT_LENGTH=5368709120", INT64_C(5368709120)},
        {"CONTENT_LENGTH=99999999999999999999", INT64_MAX},
        {"CONTENT_LENGTH=-1", -2},
        {"CONTENT_LENGTH=+1", -2},
        {"CONTENT_LENGTH=1 ", -2},
        {"CONTENT_LENGTH=1,1", -2},
        {"CONTENT_LENGTH=0x5", -2},
        {"CONTENT_LENGTH=five", -2},
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        const char *const variables[] = {"PATH_INFO=/v2/", table[i].variable, NULL};
        struct request request;
        if (table[i].length == -2)
            assert_fails(REQUEST_INVALID, init(&request, variables, NULL));
        else
            assert_returns(0, init(&request, variables, NULL));
        if (table[i].length >= 0)
            assert_int_equal(table[i].length, request.content_length);
        assert_string_equal("/v2/", request.path); /* for the log, after an error too */
        request_free(&request);
    }
}

/* The decoded parameters, as `key=value;` each. */
static void assert_query(const char *query, const char *expected)
{
    char variable[200], text[300] = "";
    const char *const variables[] = {variable, NULL};
    struct request request;

    snprintf(variable, sizeof variable, "QUERY_STRING=%s", query);
    if (!expected) {
        assert_fails(REQUEST_INVALID, init(&request, variables, NULL));
        request_free(&request);
        return;
    }
    assert_returns(0, init(&request, variables, NULL));
    for (size_t i = 0; i < request.n_query; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s=%s;", request.query[i].key, request.query[i].value);
    }
    assert_string_equal(expected, text);
    request_free(&request);
}

static void test_query(void **state)
{
    (void)state;
    assert_query("", "");
    assert_query("n=10&last=a%2fb", "n=10;last=a/b;");
    assert_query("n", "n=;");
    assert_query("n=", "n=;");
    assert_query("=v", "=v;");
    assert_query("=", "=;");
    assert_query("&", "");
    assert_query("&&a=1&&b=2&", "a=1;b=2;");
    assert_query("a=b=c", "a=b=c;");
    assert_query("a%3Db=c%26d", "a=b=c&d;");
    assert_query("a+b=c+d%2B", "a b=c d+;");
    assert_query("%64igest=sha256%3Aab", "digest=sha256:ab;");
    assert_query("a=%2525", "a=%25;"); /* decoded once */
    assert_query("a;b=1", "a;b=1;");
    assert_query("a=%", NULL);
    assert_query("a=%4", NULL);
    assert_query("a=%zz", NULL);
    assert_query("a=%4&b=1", NULL); /* the escape does not reach over */
    assert_query("%=1", NULL);
    assert_query("a=b%00c", NULL);
    assert_query("a%00=b", NULL);
}

static void test_first_parameter_of_a_name(void **state)
{
    static const char *const variables[] = {"QUERY_STRING=tag=a&n=1&tag=b&n=2", NULL};
    struct request request;

    (void)state;
    assert_returns(0, init(&request, variables, NULL));
    assert_string_equal("a", request_parameter(&request, "tag"));
    assert_string_equal("1", request_parameter(&request, "n"));
    assert_null(request_parameter(&request, "N"));
    assert_null(request_parameter(&request, "ta"));
    assert_int_equal(4, request.n_query); /* all of them, for those that may come again */
    request_free(&request);
}

/* Reads to the end; the number of bytes or -1. */
static ssize_t read_all(struct request *request, char *out)
{
    ssize_t n, total = 0;

    while ((n = request_read(request, out + total, 7, &failure)) > 0)
        total += n;
    return n < 0 ? n : total;
}

static void test_bodies(void **state)
{
    static const struct {
        const char *length;
        size_t len;
        bool breaks;
        bool complete;
    } table[] = {
        {"CONTENT_LENGTH=20", 20, false, true},
        {"CONTENT_LENGTH=", 20, false, true}, /* chunked */
        {"CONTENT_LENGTH=0", 0, false, true},
        {"CONTENT_LENGTH=", 0, false, true},
        {"CONTENT_LENGTH=20", 19, false, false},
        {"CONTENT_LENGTH=20", 0, false, false},
        {"CONTENT_LENGTH=19", 20, false, false},
        {"CONTENT_LENGTH=0", 1, false, false},
        {"CONTENT_LENGTH=99999999999999999999", 20, false, false},
        {"CONTENT_LENGTH=20", 20, true, false},
        {"CONTENT_LENGTH=", 20, true, false},
        {"CONTENT_LENGTH=", 0, true, false},
    };
    static const char content[] = "0123456789abcdefghij";
    char out[32];

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(table); i++) {
        for (size_t step = 1; step < 10; step++) {
            const char *const variables[] = {table[i].length, NULL};
            struct body body = {content, table[i].len, step, table[i].breaks};
            struct request request;
            assert_returns(0, init(&request, variables, &body));
            if (table[i].complete) {
                assert_returns((long)table[i].len, read_all(&request, out));
                assert_memory_equal(content, out, table[i].len);
                assert_int_equal(table[i].len, request.body_seen);
            } else {
                assert_fails(SIZE_INVALID, read_all(&request, out));
            }
            request_free(&request);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_an_authorizer_takes_what_the_client_wrote),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_path_is_script_name_and_path_info),
        cmocka_unit_test(test_first_of_a_repeated_variable_counts_and_empty_is_unset),
        cmocka_unit_test(test_nobody_but_remote_user_is_anybody),
        cmocka_unit_test(test_content_length),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_first_parameter_of_a_name),
        cmocka_unit_test(test_bodies),
    };

    return RUN(tests);
}
