/* SPDX-License-Identifier: Apache-2.0
 * L4: export: where it goes, whatever kind that is. */
#include "transfer/output.h"

#include "base/amount.h"
#include "base/mem.h"

#include <stdlib.h>
#include <sys/statvfs.h>

void *output_new(size_t size, const struct output_kind *kind, const char *label)
{
    struct output *output = mem_alloc(size);

    output->kind = kind;
    output->label = mem_strdup(label);
    return output;
}

void output_close(struct output *output)
{
    if (!output)
        return;
    free(output->label);
    output->kind->close(output);
}

int output_failed(const struct output *output, struct err *err)
{
    if (err) {
        int sys = err->sys;
        err_set(err, err->code, "%s: %s", output->label, err->msg);
        err->sys = sys;
    }
    return -1;
}

int output_check_room(const struct output *output, int fd, int64_t bytes, struct err *err)
{
    struct statvfs st;
    char needed[AMOUNT_TEXT], free_text[AMOUNT_TEXT];

    if (fstatvfs(fd, &st) < 0 || st.f_blocks == 0)
        return 0;
    int64_t room = (int64_t)((double)st.f_bavail * (double)st.f_frsize);
    if (bytes <= room)
        return 0;
    amount_size(needed, bytes);
    amount_size(free_text, room);
    return err_set(err, ERR_NO_SPACE, "%s: %s are needed, %s are free", output->label, needed,
                   free_text);
}
