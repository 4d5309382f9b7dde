/* SPDX-License-Identifier: Apache-2.0
 * L1: what subcommands print. */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>

#define FLUSH_BYTES 65536

void output_begin(struct output *out, bool json)
{
    out->writer = json_writer_begin(&out->text);
    out->json = json ? &out->writer : NULL;
    if (json)
        json_writer_object(out->json, NULL);
}

int output_print(struct output *out, struct err *err)
{
    if (out->errnum)
        return err_sys(err, out->errnum, "standard output");
    if (out->text.len == 0)
        return 0;
    bool failed = fwrite(out->text.s, 1, out->text.len, stdout) != out->text.len;
    int errnum = errno;

    buf_clear(&out->text);
    if (!failed && fflush(stdout) == 0)
        return 0;
    return err_sys(err, failed ? errnum : errno, "standard output");
}

/* Once something is missing, what would come behind it is of no use. */
void output_relieve(struct output *out)
{
    struct err failure;

    if (out->errnum)
        buf_clear(&out->text);
    else if (output_flush(out, &failure) < 0)
        out->errnum = failure.sys;
}

bool output_is_much(const struct output *out)
{
    return out->text.len >= FLUSH_BYTES;
}

int output_flush(struct output *out, struct err *err)
{
    return output_is_much(out) ? output_print(out, err) : 0;
}

int output_end(struct output *out, struct err *err)
{
    if (out->json) {
        json_writer_end(out->json);
        buf_addc(&out->text, '\n');
    }
    return output_print(out, err);
}

void output_free(struct output *out)
{
    buf_free(&out->text);
}
