/* SPDX-License-Identifier: Apache-2.0
 *
 * What the harnesses share. Each is one file with one function, which hands the input to a parser
 * and checks what the parser promises. It is linked twice: with libFuzzer (`make fuzz`) to search
 * for inputs, and with replay.c (`make check`) to run those that are kept in corpus/<harness>.
 */
#ifndef BERTH_FUZZ_FUZZ_H
#define BERTH_FUZZ_FUZZ_H

#include "api/config.h"
#include "store/store.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* libFuzzer's name for it. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define must_hold(condition)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* The input as a string; free(3). What is behind a NUL in it is not seen, as in a header. */
char *text_of(const uint8_t *bytes, size_t len);

/* The input as a CGI request: variables, a line each; an empty line begins the body. */
#define VARIABLES_MAX 64
struct cgi_input {
    char *text; /* free(3) */
    char *variables[VARIABLES_MAX + 1];
    const char *body;
    size_t body_len;
};
struct cgi_input cgi_input_of(const uint8_t *bytes, size_t len);
/* A body_read_fn; takes the body off the input. */
ssize_t cgi_input_read(void *from, void *bytes, size_t len);

/* A store in a temporary directory; temp_store.path is NULL until it is made. */
extern struct store temp_store;
extern struct config_frozen temp_frozen;
void temp_store_make(void);
void temp_store_remove(void);

#endif
