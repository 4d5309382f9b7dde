/* SPDX-License-Identifier: Apache-2.0
 * L4: errors as the specification has them ("Error Codes"). */
#include "api/api.h"

#include "base/json_writer.h"

/* retry: seconds; 0: by the status. */
static void send_errors(struct response *response, int status, int retry, struct buf *text)
{
    if (!retry)
        retry = status == 503 ? 1 : status == 429 ? 10 : 0;
    buf_addc(text, '\n');
    response_reset(response);
    response->status = status;
    response_header(response, "Content-Type", "application/json");
    if (retry)
        response_header(response, "Retry-After", "%d", retry);
    response_text(response, text->s, text->len);
}

static void send_one(struct response *response, int status, int retry, const char *code,
                     const char *message)
{
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);

    json_writer_object(&json, NULL);
    json_writer_array(&json, "errors");
    json_writer_object(&json, NULL);
    json_writer_string(&json, "code", code);
    json_writer_string(&json, "message", message);
    json_writer_end(&json);
    json_writer_end(&json);
    json_writer_end(&json);
    send_errors(response, status, retry, &text);
}

void error_refuse(struct response *response, int status, const char *code, const char *message)
{
    send_one(response, status, 0, code, message);
}

void error_missing(struct response *response, const struct err *err, const struct digest *digests,
                   size_t n)
{
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);

    json_writer_object(&json, NULL);
    json_writer_array(&json, "errors");
    for (size_t i = 0; i < n; i++) {
        json_writer_object(&json, NULL);
        json_writer_string(&json, "code", err_oci_code(err->code));
        json_writer_stringf(&json, "message", "%s: push %s first", err_public_text(err->code),
                            digests[i].s);
        json_writer_object(&json, "detail");
        json_writer_string(&json, "digest", digests[i].s);
        json_writer_end(&json);
        json_writer_end(&json);
    }
    json_writer_end(&json);
    json_writer_end(&json);
    send_errors(response, err_http_status(err->code), 0, &text);
}

/* What another registry said is what the client wants to know. */
static bool is_upstream(enum err_code code)
{
    return code == ERR_UPSTREAM_NETWORK || code == ERR_UPSTREAM_TIMEOUT ||
           code == ERR_UPSTREAM_TLS || code == ERR_UPSTREAM_REFUSED || code == ERR_UPSTREAM_BUSY ||
           code == ERR_UPSTREAM_FAILED || code == ERR_UPSTREAM_REDIRECT ||
           code == ERR_UPSTREAM_CONTENT;
}

void error_answer(struct response *response, const struct err *err)
{
    AUTO_BUF message = BUF_INIT;
    int status = err_http_status(err->code);

    buf_addstr(&message, err_public_text(err->code));
    if ((status < 500 && err->code != ERR_READ_ONLY) ||
        is_upstream(err->code)) /* which says where the files are */
        buf_addf(&message, ": %s", err->msg);
    send_one(response, status, err->retry, err_oci_code(err->code), message.s);
}

void error_unsatisfiable(struct response *response, int64_t size)
{
    struct err err;

    err_set(&err, ERR_RANGE_UNSATISFIABLE, "the blob has %jd bytes", (intmax_t)size);
    error_answer(response, &err);
    response_header(response, "Content-Range", "bytes */%jd", (intmax_t)size);
    response_header(response, "Accept-Ranges", "bytes");
}
