/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes the values of response headers: none adds a line. */
#include "fuzz/fuzz.h"

#include "http/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = text_of(bytes, len);
    struct response response;
    AUTO_BUF out = BUF_INIT;
    size_t lines = 0;

    response_init(&response);
    response_header(&response, "Link", "<%s>", text);
    response_print_headers(&response, &out);
    for (size_t i = 0; i < out.len; i++) {
        must_hold(out.s[i] != '\r' || out.s[i + 1] == '\n');
        must_hold(out.s[i] != '\n' || out.s[i - 1] == '\r');
        lines += out.s[i] == '\n';
    }
    must_hold(lines == (strpbrk(text, "\r\n") ? 4 : 5));
    response_free(&response);
    free(text);
    return 0;
}
