/* SPDX-License-Identifier: Apache-2.0
 * L4: transfer: what the library says and asks. */
#include "transfer/transfer.h"

#include "base/buf.h"

#include <stdarg.h>

void transfer_note(const struct transfer_options *options, const char *fmt, ...)
{
    AUTO_BUF text = BUF_INIT;
    va_list ap;

    if (!options->note)
        return;
    va_start(ap, fmt);
    buf_addvf(&text, fmt, ap);
    va_end(ap);
    options->note(options->context, text.s);
}

int transfer_choose(const struct transfer_options *options, const char *question,
                    const struct strings *choices)
{
    int choice = options->choose ? options->choose(options->context, question, choices) : -1;

    return choice >= 0 && (size_t)choice < choices->n ? choice : -1;
}

int transfer_check(const struct transfer_options *options, struct err *err)
{
    return options->stop && options->stop(options->context) ? err_set(err, ERR_IO, "interrupted")
                                                            : 0;
}

bool transfer_is_watched(const struct progress *progress)
{
    return progress && progress->at;
}
