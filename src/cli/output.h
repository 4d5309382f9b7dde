/* SPDX-License-Identifier: Apache-2.0
 *
 * What a subcommand prints: text for people, or one JSON object in one line (--json). It is kept
 * until it is much or complete, so that a command that fails has printed nothing of a short
 * answer.
 *
 *     AUTO_OUTPUT out = OUTPUT_INIT;
 *
 *     output_begin(&out, options->common.json);
 *     if (out.json)
 *         json_writer_string(out.json, "name", name->s);
 *     else
 *         buf_addf(&out.text, "name: %s\n", name->s);
 *     return output_end(&out, err);
 */
#ifndef BERTH_CLI_OUTPUT_H
#define BERTH_CLI_OUTPUT_H

#include "base/json_writer.h"

#include "base/err.h"

struct output {
    struct buf text;          /* what is not printed yet */
    struct json_writer *json; /* NULL: text */
    struct json_writer writer;
    int errnum; /* of what could not be printed, of which the next print tells; 0: nothing */
};
#define OUTPUT_INIT                                                                                \
    {                                                                                              \
        .json = NULL                                                                               \
    }
#define AUTO_OUTPUT __attribute__((cleanup(output_free))) struct output

/* Opens JSON's object, if it is to be that. The struct may not be moved afterwards. */
void output_begin(struct output *out, bool json);
/* Prints what has come together, if it is more than 64 KiB, for lists that may be long. */
bool output_is_much(const struct output *out);
int output_flush(struct output *out, struct err *err);
/* The same, where it need not be known at once whether that failed: output_print and output_end say
 * so. */
void output_relieve(struct output *out);
/* Prints what has come together. */
int output_print(struct output *out, struct err *err);
/* Prints all that is left, and of JSON its end. ERR_IO if that fails, as when a pipe or a disk is
 * full. */
int output_end(struct output *out, struct err *err);
void output_free(struct output *out);

#endif
