/* SPDX-License-Identifier: Apache-2.0
 *
 * What the harnesses share. Each is one file with one function, which hands the input to a parser
 * and checks what the parser promises. It is linked twice: with libFuzzer (`make fuzz`) to search
 * for inputs, and with replay.c (`make check`) to run those that are kept in corpus/<harness>.
 */
#ifndef BERTH_FUZZ_FUZZ_H
#define BERTH_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's name for it. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define must_hold(condition)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* The input as a string; free(3). What is behind a NUL in it is not seen, as in a header. */
__attribute__((unused)) static inline char *text_of(const uint8_t *bytes, size_t len)
{
    char *text = malloc(len + 1);

    must_hold(text);
    if (len)
        memcpy(text, bytes, len);
    text[len] = '\0';
    return text;
}

#endif
