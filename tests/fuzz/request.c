/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes the making of requests, and the reading of their bodies. */
#include "fuzz/fuzz.h"

#include "http/request.h"

static void check_body(struct request *request, size_t len)
{
    char bytes[7];
    struct err err;
    ssize_t n;
    size_t total = 0;

    while ((n = request_read(request, bytes, sizeof bytes, &err)) > 0)
        total += (size_t)n;
    if (n == 0)
        must_hold(total == len &&
                  (request->content_length < 0 || (size_t)request->content_length == len));
    else
        must_hold(err.code == ERR_SIZE_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct cgi_input input = cgi_input_of(bytes, len);
    size_t body_len = input.body_len;
    struct request request;
    struct err err;

    if (request_init(&request, input.variables, cgi_input_read, &input, &err) == 0) {
        must_hold(request.content_length >= -1 && request.remote_user && request.path);
        for (size_t i = 0; i < request.n_query; i++)
            must_hold(request_parameter(&request, request.query[i].key) && request.query[i].value);
        check_body(&request, body_len);
    } else {
        must_hold(err.code == ERR_REQUEST_INVALID);
    }
    request_free(&request);
    free(input.text);
    return 0;
}
