/* SPDX-License-Identifier: Apache-2.0
 * http/response.c */
#include "unit/unit.h"

#include "http/response.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void assert_headers(const struct response *response, const char *expected)
{
    AUTO_BUF out = BUF_INIT;

    response_print_headers(response, &out);
    assert_string_equal(expected, out.s);
}

static void test_headers_in_cgi_form(void **state)
{
    struct response response;

    (void)state;
    response_init(&response);
    response.status = 201;
    response_header(&response, "Location", "/v2/%s/blobs/%d", "a", 1);
    response_header(&response, "content-type", "application/json");
    response_text(&response, "{}", 2);
    assert_headers(&response, "Status: 201 Created\r\n"
                              "Location: /v2/a/blobs/1\r\n"
                              "content-type: application/json\r\n"
                              "Content-Length: 2\r\n"
                              "\r\n");
    response_free(&response);
}

static void test_a_type_and_a_length_are_always_there(void **state)
{
    struct response response;

    (void)state;
    response_init(&response);
    assert_headers(&response, "Status: 200 OK\r\n"
                              "Content-Type: text/plain\r\n"
                              "Content-Length: 0\r\n"
                              "\r\n");
    response.length = 77; /* of a HEAD */
    assert_headers(&response, "Status: 200 OK\r\n"
                              "Content-Type: text/plain\r\n"
                              "Content-Length: 77\r\n"
                              "\r\n");
    response.length = 0; /* of a HEAD of nothing */
    response_text(&response, "x", 1);
    assert_headers(&response, "Status: 200 OK\r\n"
                              "Content-Type: text/plain\r\n"
                              "Content-Length: 0\r\n"
                              "\r\n");
    response_free(&response);
}

static void test_no_length_without_a_body(void **state)
{
    struct response response;

    (void)state;
    response_init(&response);
    response.status = 204;
    assert_headers(&response, "Status: 204 No Content\r\n\r\n");
    response.status = 304;
    response_header(&response, "ETag", "\"x\"");
    assert_headers(&response, "Status: 304 Not Modified\r\nETag: \"x\"\r\n\r\n");
    response_free(&response);
}

static void test_length_is_left_to_the_server_that_sends_the_file(void **state)
{
    struct response response;

    (void)state;
    response_init(&response);
    response_header(&response, "X-Sendfile", "/x");
    response.length_from_server = true;
    assert_headers(&response, "Status: 200 OK\r\n"
                              "Content-Type: text/plain\r\n"
                              "X-Sendfile: /x\r\n"
                              "\r\n");
    response_free(&response);
}

static void test_no_value_breaks_its_line(void **state)
{
    static const char *const values[] = {"a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX", "\n", "x\r\n"};
    struct response response;

    (void)state;
    response_init(&response);
    for (size_t i = 0; i < LENGTH_OF(values); i++) {
        response_header(&response, "Link", "<%s>", values[i]);
        response_header(&response, "Content-Type", "%s", values[i]);
    }
    assert_headers(&response, "Status: 200 OK\r\n"
                              "Content-Type: text/plain\r\n"
                              "Content-Length: 0\r\n"
                              "\r\n");
    response_free(&response);
}

static void test_a_long_value_is_whole(void **state)
{
    struct response response;
    char value[5001];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    response_init(&response);
    response_header(&response, "OCI-Tag", "%s", value);
    assert_int_equal(strlen("OCI-Tag: \r\n") + strlen(value), response.headers.len);
    response_free(&response);
}

/* Some servers print no phrase of their own. */
static void test_every_status_has_a_reason(void **state)
{
    static const enum err_code codes[] = {
        ERR_NONE,
#define ERR(name, status, oci, exit_code, text) ERR_##name,
#include "base/err.def"
#undef ERR
    };

    (void)state;
    for (size_t i = 0; i < LENGTH_OF(codes); i++) {
        AUTO_BUF out = BUF_INIT;
        struct response response;
        response_init(&response);
        response.status = err_http_status(codes[i]);
        response_print_headers(&response, &out);
        assert_null(strstr(out.s, "Status: Status"));
        if (strstr(out.s, " Status\r\n"))
            fail_msg("no reason for %d", response.status);
        response_free(&response);
    }
}

static int collect(void *to, const void *bytes, size_t len)
{
    buf_add(to, bytes, len);
    return 0;
}

static int file_of(const struct unit_dir *dir, const char *content)
{
    int fd;

    unit_put(dir->path, "file", content);
    assert_returns(1, fs_open(&dir->root, "file", O_RDONLY, &fd, &failure));
    return fd;
}

static void test_body_of_text_and_file_in_order(void **state)
{
    struct response response;
    AUTO_BUF sent = BUF_INIT;

    response_init(&response);
    response.fd = file_of(*state, "0123456789");
    response_text(&response, "<", 1);
    response_file(&response, 2, 3);
    response_text(&response, "|\0|", 3);
    response_file(&response, 9, 1);
    response_text(&response, "", 0);
    response_text(&response, ">", 1);
    assert_int_equal(9, response_body_len(&response));
    assert_int_equal(0, response_send_body(&response, collect, &sent));
    assert_int_equal(9, sent.len);
    assert_memory_equal("<234|\0|9>", sent.s, 9);
    response_free(&response);
}

static void test_large_file(void **state)
{
    const struct unit_dir *dir = *state;
    static char content[200001];
    struct response response;
    AUTO_BUF sent = BUF_INIT;

    for (size_t i = 0; i < sizeof content - 1; i++)
        content[i] = (char)('a' + i % 26);
    response_init(&response);
    response.fd = file_of(dir, content);
    response_file(&response, 1, 200000 - 1);
    assert_int_equal(0, response_send_body(&response, collect, &sent));
    assert_int_equal(199999, sent.len);
    assert_memory_equal(content + 1, sent.s, 199999);
    response_free(&response);
}

static void test_a_file_that_shrank_ends_the_reply(void **state)
{
    struct response response;
    AUTO_BUF sent = BUF_INIT;

    response_init(&response);
    response.fd = file_of(*state, "01234");
    response_file(&response, 0, 10);
    response_text(&response, "behind", 6);
    assert_int_equal(-1, response_send_body(&response, collect, &sent));
    assert_string_equal("01234", sent.s);
    response_free(&response);
}

static int refuse_second(void *to, const void *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return ++*(int *)to == 2 ? -1 : 0;
}

static void test_sending_stops_when_the_client_is_gone(void **state)
{
    struct response response;
    int writes = 0;

    response_init(&response);
    response.fd = file_of(*state, "01234");
    response_text(&response, "a", 1);
    response_file(&response, 0, 5);
    response_text(&response, "b", 1);
    assert_int_equal(-1, response_send_body(&response, refuse_second, &writes));
    assert_int_equal(2, writes);
    response_free(&response);
}

static void test_reset_forgets_everything_and_closes_the_file(void **state)
{
    struct response response;

    response_init(&response);
    int fd = response.fd = file_of(*state, "x");
    response.status = 206;
    response.length = 5;
    response.length_from_server = true;
    response_header(&response, "Content-Type", "a/b");
    response_file(&response, 0, 1);
    response_reset(&response);
    assert_int_equal(-1, fcntl(fd, F_GETFD));
    assert_int_equal(200, response.status);
    assert_int_equal(-1, response.fd);
    assert_int_equal(0, response_body_len(&response));
    assert_headers(&response, "Status: 200 OK\r\n"
                              "Content-Type: text/plain\r\n"
                              "Content-Length: 0\r\n"
                              "\r\n");
    response_free(&response);
    response.fd = file_of(*state, "x");
    response_free(&response);
    assert_int_equal(-1, response.fd);
}

static int make_twice(void *context, response_write_fn *write, void *to)
{
    const char *text = context;

    return write(to, text, strlen(text)) < 0 ? -1 : write(to, text, strlen(text));
}

static size_t n_freed;

static void note_freed(void *context)
{
    (void)context;
    n_freed++;
}

static void test_what_is_made_while_it_is_sent(void **state)
{
    struct response response;
    AUTO_BUF sent = BUF_INIT;
    int writes = 0;
    static char text[] = "made ";

    (void)state;
    n_freed = 0;
    response_init(&response);
    response_text(&response, "text ", 5);
    response_make(&response, make_twice, text, note_freed);
    assert_int_equal(15, response_body_len(&response));
    assert_int_equal(0, response_send_body(&response, collect, &sent));
    assert_string_equal("text made made ", sent.s);
    assert_int_equal(-1, response_send_body(&response, refuse_second, &writes));
    assert_int_equal(2, writes);
    assert_int_equal(0, n_freed);
    response_reset(&response);
    assert_int_equal(1, n_freed);
    assert_int_equal(0, response_body_len(&response));
    response_free(&response);
    assert_int_equal(1, n_freed);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_in_cgi_form),
        cmocka_unit_test(test_a_type_and_a_length_are_always_there),
        cmocka_unit_test(test_no_length_without_a_body),
        cmocka_unit_test(test_length_is_left_to_the_server_that_sends_the_file),
        cmocka_unit_test(test_no_value_breaks_its_line),
        cmocka_unit_test(test_a_long_value_is_whole),
        cmocka_unit_test(test_every_status_has_a_reason),
        DIR_TEST(test_body_of_text_and_file_in_order),
        DIR_TEST(test_large_file),
        DIR_TEST(test_a_file_that_shrank_ends_the_reply),
        DIR_TEST(test_sending_stops_when_the_client_is_gone),
        DIR_TEST(test_reset_forgets_everything_and_closes_the_file),
        cmocka_unit_test(test_what_is_made_while_it_is_sent),
    };

    return RUN(tests);
}
