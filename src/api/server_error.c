/* SPDX-License-Identifier: Apache-2.0
 * L4: requests that the web server refused by itself. */
#include "api/server_error.h"

#include "api/api.h"
#include "base/decimal.h"

#include <string.h>

static const struct reason {
    int status;
    const char *code; /* of the specification */
    const char *text;
} reasons[] = {
    {400, "UNSUPPORTED", "the web server cannot read this request"},
    {401, "UNAUTHORIZED", "authentication required: the user name or password is missing or wrong"},
    {403, "DENIED", "the web server denies access to this"},
    {404, "NAME_UNKNOWN", "no such endpoint"},
    {405, "UNSUPPORTED", "the web server does not let this method pass"},
    {408, "UNSUPPORTED", "the request took too long to arrive"},
    {411, "SIZE_INVALID", "a Content-Length is needed, also if it is 0"},
    {413, "SIZE_INVALID", "the body is larger than the web server lets pass here"},
    {414, "UNSUPPORTED", "the URL is too long"},
    {417, "UNSUPPORTED", "the web server knows no such expectation"},
    {431, "UNSUPPORTED", "the headers are larger than the web server lets pass"},
    {500, "UNKNOWN", "the web server failed, see its error log"},
    {501, "UNSUPPORTED", "the web server knows no such method"},
    {502, "UNKNOWN", "the web server gets no answer from berth, see its error log"},
    {503, "TOOMANYREQUESTS", "the web server finds berth busy or not running, try again"},
    {504, "UNKNOWN", "the web server got no answer from berth in time"},
    {505, "UNSUPPORTED", "the web server knows no such version of HTTP"},
};

static int status_of(const struct request *request)
{
    const char *text = request_variable(request, "REDIRECT_STATUS");
    int64_t status;

    return text && decimal_parse(text, strlen(text), &status) && status >= 400 && status < 600
               ? (int)status
               : 0;
}

bool server_error_is(const struct request *request)
{
    return !strcmp(request->path, SERVER_ERROR_PATH) && status_of(request) != 0;
}

static const char *asked_for(const struct request *request)
{
    const char *uri = request_variable(request, "REQUEST_URI");

    return uri ? uri : "";
}

bool server_error_undo(struct request *request)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789._/-";
    static const char ends[] = "/blobs/uploads/";
    const char *uri = asked_for(request);
    size_t len = strlen(uri), end = sizeof ends - 1;

    /* Nothing to decode, no parameters. Names are checked as those of any other request. */
    if (status_of(request) != 411 || uri[strspn(uri, plain)] || len < end ||
        strcmp(uri + len - end, ends) != 0)
        return false;
    request->path = arena_strndup(&request->arena, uri, len);
    request->method = METHOD_POST;
    request->content_length = 0;
    request->query = NULL;
    request->n_query = 0;
    return true;
}

static const struct reason *reason_of(int status)
{
    static const struct reason other = {0, "UNKNOWN", "the web server refused this request"};

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return &reasons[i];
    return &other;
}

/* What is not the registry's: a page, as web servers show one. */
static void answer_page(int status, const char *text, struct response *response)
{
    AUTO_BUF page = BUF_INIT;

    response->status = status;
    buf_addf(&page, "<!DOCTYPE html>\n<title>%d</title>\n<h1>%d</h1>\n<p>%s\n", status, status,
             text);
    response_header(response, "Content-Type", "text/html; charset=utf-8");
    response_text(response, page.s, page.len);
}

static bool is_ours(const char *uri)
{
    /* lighttpd has none of a request whose headers it could not read. */
    return !*uri || (!strncmp(uri, "/v2", 3) && strchr("/?", uri[3])) ||
           (!strncmp(uri, "/token", 6) && strchr("?", uri[6]));
}

void server_error_answer(const struct request *request, struct response *response)
{
    const int status = status_of(request);
    const struct reason *reason = reason_of(status);
    const char *uri = asked_for(request);

    if (status == 501 && !*uri) {
        error_refuse(response, 405, reason->code, reason->text);
        response_header(response, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    } else if (is_ours(uri)) {
        error_refuse(response, status, reason->code, reason->text);
    } else {
        answer_page(status, reason->text, response);
    }
}
