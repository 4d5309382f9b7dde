/* SPDX-License-Identifier: Apache-2.0
 * L4: errors as the specification has them ("Error Codes"). */
#include "api/api.h"

#include "base/json.h"

void error_answer(struct response *response, const struct err *err)
{
    AUTO_BUF json = BUF_INIT;
    AUTO_BUF message = BUF_INIT;
    int status = err_http_status(err->code);

    buf_addstr(&message, err_public_text(err->code));
    if (status < 500)
        buf_addf(&message, ": %s", err->msg);
    buf_addf(&json, "{\"errors\":[{\"code\":\"%s\",\"message\":", err_oci_code(err->code));
    json_quote(message.s, &json);
    buf_addstr(&json, "}]}\n");

    response_reset(response);
    response->status = status;
    response_header(response, "Content-Type", "application/json");
    if (status == 503)
        response_header(response, "Retry-After", "1");
    response_text(response, json.s, json.len);
}
