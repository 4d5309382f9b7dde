/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes requests. The input is CGI variables, a line each; an empty line begins the body. */
#include "fuzz/fuzz.h"

#include "http/request.h"

#define VARIABLES_MAX 64

struct body {
    const char *bytes;
    size_t len;
};

static ssize_t read_body(void *from, void *bytes, size_t len)
{
    struct body *body = from;
    size_t n = body->len < len ? body->len : len;

    memcpy(bytes, body->bytes, n);
    body->bytes += n;
    body->len -= n;
    return (ssize_t)n;
}

/* Cuts the text into lines, up to an empty one; what follows is the body. */
static struct body cut(char *text, size_t len, char *variables[VARIABLES_MAX + 1])
{
    char *end = text + len;
    size_t n = 0;

    while (text < end && *text != '\n') {
        char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (n < VARIABLES_MAX)
            variables[n++] = text;
        text = line_end ? line_end : end;
        *text = '\0';
        text += line_end != NULL;
    }
    variables[n] = NULL;
    text += text < end;
    return (struct body){text, (size_t)(end - text)};
}

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
    char *variables[VARIABLES_MAX + 1];
    char *text = text_of(bytes, len);
    struct body body = cut(text, len, variables);
    size_t body_len = body.len;
    struct request request;
    struct err err;

    if (request_init(&request, variables, read_body, &body, &err) == 0) {
        must_hold(request.content_length >= -1 && request.user && request.path);
        for (size_t i = 0; i < request.n_query; i++)
            must_hold(request_parameter(&request, request.query[i].key) && request.query[i].value);
        check_body(&request, body_len);
    } else {
        must_hold(err.code == ERR_REQUEST_INVALID);
    }
    request_free(&request);
    free(text);
    return 0;
}
