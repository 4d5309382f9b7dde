/* SPDX-License-Identifier: Apache-2.0
 * L4: import: what it reads from, whatever kind that is. */
#include "transfer/source.h"

#include "base/mem.h"

#include <stdlib.h>

void *source_new(size_t size, const struct source_kind *kind, const char *label)
{
    struct source *source = mem_alloc(size);

    source->kind = kind;
    source->label = mem_strdup(label);
    return source;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    free(source->label);
    free(source->name);
    source->kind->close(source);
}

int source_load(struct source *source, const struct transfer_options *options, struct err *err)
{
    return source->kind->load ? source->kind->load(source, options, err) : 0;
}

int source_find(struct source *source, const char *name, struct source_file *file, struct err *err)
{
    *file = (struct source_file){.source = source, .fd = -1};
    return source->kind->find(source, name, file, err);
}

void source_file_close(struct source_file *file)
{
    if (file->source && file->source->kind->close_file)
        file->source->kind->close_file(file);
    file->source = NULL;
}

ssize_t source_file_read(const struct source_file *file, int64_t at, void *bytes, size_t len,
                         struct err *err)
{
    int64_t rest = file->size - at;
    size_t n = rest < (int64_t)len ? (size_t)rest : len;

    if (n > 0 && file->source->kind->read(file, at, bytes, n, err) < 0)
        return -1;
    return (ssize_t)n;
}

int source_read(struct source *source, const char *name, size_t limit, struct buf *out,
                struct err *err)
{
    struct source_file file;

    int found = source_find(source, name, &file, err);
    if (found <= 0)
        return found;
    if (file.size > (int64_t)limit) {
        source_file_close(&file);
        return err_set(err, ERR_ARCHIVE_INVALID, "%s has %jd bytes, more than %zu", name,
                       (intmax_t)file.size, limit);
    }
    ssize_t n =
        source_file_read(&file, 0, buf_reserve(out, (size_t)file.size), (size_t)file.size, err);
    source_file_close(&file);
    if (n < 0)
        return -1;
    out->len = (size_t)n;
    out->s[out->len] = '\0';
    return 1;
}

int source_each(struct source *source, const char *below, source_visit_fn *visit, void *context,
                struct err *err)
{
    return source->kind->each(source, below, visit, context, err);
}
