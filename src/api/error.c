/* SPDX-License-Identifier: Apache-2.0
 * L4: errors as the specification has them ("Error Codes"). */
#include "api/api.h"

#include "base/json_writer.h"

static void send_errors(struct response *response, int status, struct buf *text)
{
    buf_addc(text, '\n');
    response_reset(response);
    response->status = status;
    response_header(response, "Content-Type", "application/json");
    if (status == 503)
        response_header(response, "Retry-After", "1");
    if (status == 429)
        response_header(response, "Retry-After", "10");
    response_text(response, text->s, text->len);
}

void error_refuse(struct response *response, int status, const char *code, const char *message)
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
    send_errors(response, status, &text);
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
    send_errors(response, err_http_status(err->code), &text);
}

void error_answer(struct response *response, const struct err *err)
{
    AUTO_BUF message = BUF_INIT;
    int status = err_http_status(err->code);

    buf_addstr(&message, err_public_text(err->code));
    if (status < 500 && err->code != ERR_READ_ONLY) /* which says where the files are */
        buf_addf(&message, ": %s", err->msg);
    error_refuse(response, status, err_oci_code(err->code), message.s);
}
