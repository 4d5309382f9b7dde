/* SPDX-License-Identifier: Apache-2.0
 * L4: import: what its steps share. */
#include "transfer/import_run.h"

void import_run_progress(struct import *import, int64_t bytes)
{
    import->read += bytes;
    progress_at(import->options->bytes, "importing", import->read, import->total);
}

void import_run_list(const struct import *import, const char *heading, const struct strings *lines,
                     size_t n)
{
    AUTO_BUF text = BUF_INIT;

    buf_addstr(&text, heading);
    for (size_t i = 0; i < lines->n; i++)
        buf_addf(&text, "\n  %s", lines->v[i]);
    if (n > lines->n)
        buf_addf(&text, "\n  and %zu more", n - lines->n);
    transfer_note(import->options, "%s", text.s);
}
