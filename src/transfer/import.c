/* SPDX-License-Identifier: Apache-2.0
 * L4: import: the steps, one after the other. */
#include "transfer/import.h"

#include "base/mem.h"
#include "transfer/import_find.h"
#include "transfer/import_name.h"
#include "transfer/import_plan.h"
#include "transfer/import_push.h"
#include "transfer/import_saved.h"

#include <stdlib.h>

struct import *import_new(const struct transfer_options *options,
                          const struct import_request *request, import_done_fn *done, void *context)
{
    struct import *import = mem_alloc(sizeof *import);

    import->options = options;
    import->request = request;
    import->done = done;
    import->context = context;
    return import;
}

void import_free(struct import *import)
{
    free(import->layers);
    free(import);
}

static int add_size(void *context, const char *name, struct err *err)
{
    struct import *import = context;
    struct source_file file;

    int found = source_find(import->source, name, &file, err);
    if (found > 0) {
        import->total += file.size;
        source_file_close(&file);
    }
    return found < 0 ? -1 : 0;
}

static int measure(struct import *import, struct err *err)
{
    import->read = import->total = 0;
    if (!transfer_is_watched(import->options->bytes))
        return 0;
    return source_each(import->source, "", add_size, import, err);
}

static void say_done(struct import *import, const struct import_found_image *image,
                     const struct import_plan *plan, int64_t new_size)
{
    const struct import_done done = {
        .targets = image->targets,
        .n_targets = image->n_targets,
        .digest = plan->top,
        .n_images = plan->n_images,
        .n_layers = plan->n_layers,
        .n_referrers = plan->n_referrers,
        .size = plan->size,
        .new_size = new_size,
    };

    import->done(import->context, &done);
}

static int import_image(struct import *import, const struct import_found_image *image,
                        struct err *err)
{
    AUTO_IMPORT_PLAN plan = {0};
    int64_t before = import->new_size;

    if (transfer_check(import->options, err) < 0)
        return -1;
    int planned = image->form == IMPORT_FOUND_SAVED ? import_saved_push(import, image, &plan, err)
                                                    : import_plan_make(import, image, &plan, err);
    if (planned < 0 || import_push_image(import, image, &plan, err) < 0)
        return -1;
    say_done(import, image, &plan, import->new_size - before);
    return 0;
}

/* Says in which source it was, if that is at fault, or what is. */
static int in_source(const struct import *import, struct err *err)
{
    if (err->code == ERR_NO_SPACE)
        return err_set(err, err->code, "no space is left in the store: %s", err->msg);
    if (err_http_status(err->code) < 500 && err->code != ERR_USAGE)
        return err_set(err, err->code, "%s: %s", import->source->label, err->msg);
    return -1;
}

int import_source(struct import *import, struct source *source, struct err *err)
{
    struct err failure;

    import->source = source;
    int result = source_load(source, import->options, &failure);
    if (result == 0)
        result = measure(import, &failure);
    if (result == 0)
        result = import_find(import, &failure);
    if (result == 0)
        result = import_name_all(import, &failure);
    for (size_t i = 0; i < import->found.n && result == 0; i++)
        result = import_image(import, &import->found.v[i], &failure);
    import_found_free(&import->found);
    if (result < 0) {
        in_source(import, &failure);
        err_copy(err, &failure);
    }
    return result;
}
