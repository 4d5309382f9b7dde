/* SPDX-License-Identifier: Apache-2.0
 *
 * An input as a CGI request: variables, a line each; an empty line begins the body.
 */
#ifndef BERTH_FUZZ_CGI_INPUT_H
#define BERTH_FUZZ_CGI_INPUT_H

#include "fuzz/fuzz.h"

#include <sys/types.h>

#define VARIABLES_MAX 64

struct cgi_input {
    char *text; /* free(3) */
    char *variables[VARIABLES_MAX + 1];
    const char *body;
    size_t body_len;
};

static inline struct cgi_input cgi_input_of(const uint8_t *bytes, size_t len)
{
    struct cgi_input input = {.text = text_of(bytes, len)};
    char *text = input.text, *end = text + len;
    size_t n = 0;

    while (text < end && *text != '\n') {
        char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (n < VARIABLES_MAX)
            input.variables[n++] = text;
        text = line_end ? line_end : end;
        *text = '\0';
        text += line_end != NULL;
    }
    text += text < end;
    input.body = text;
    input.body_len = (size_t)(end - text);
    return input;
}

/* A body_read_fn; takes the body off the input. */
static inline ssize_t cgi_input_read(void *from, void *bytes, size_t len)
{
    struct cgi_input *input = from;
    size_t n = input->body_len < len ? input->body_len : len;

    memcpy(bytes, input->body, n);
    input->body += n;
    input->body_len -= n;
    return (ssize_t)n;
}

#endif
