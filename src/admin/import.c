/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth import`. */
#include "transfer/import.h"
#include "admin/command.h"
#include "admin/open.h"
#include "admin/print.h"

#include "base/amount.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct import_line {
    struct options_common common;
    const char *compress;
    int jobs;
    const char *as;
    bool quiet;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct import_line, compress, 0, "compress", "gzip|zstd|none",
                "how layers are stored (default: gzip)"),
    OPTIONS_JOBS(struct import_line),
    OPTIONS_ROW(struct import_line, as, 0, "as", "REPO[:TAG]",
                "under this name, not under its own"),
    OPTIONS_QUIET(struct import_line),
    OPTIONS_END,
};

#define FILES_MAX 1024

/* What was imported, for the summary and for --json. */
struct report {
    size_t images;
    int64_t size, new_size;
    double started;
    struct buf json;
};

void import_progress(struct import *import, int64_t bytes)
{
    import->done += bytes;
    progress_at(&import->bar.progress, "importing", import->done, import->total);
}

static void report_text(const struct import_image *image, const struct import_plan *plan,
                        int64_t new_size)
{
    char size[AMOUNT_TEXT], new[AMOUNT_TEXT];
    AUTO_BUF more = BUF_INIT;

    if (plan->n_images != 1)
        buf_addf(&more, "%zu images, ", plan->n_images);
    buf_addf(&more, "%zu layer%s, ", plan->n_layers, plan->n_layers == 1 ? "" : "s");
    if (plan->n_referrers)
        buf_addf(&more, "%zu referrer%s, ", plan->n_referrers, plan->n_referrers == 1 ? "" : "s");
    for (size_t i = 0; i < image->n_targets; i++) {
        const struct image_name *target = &image->targets[i];
        amount_size(size, plan->size);
        amount_size(new, i == 0 ? new_size : 0);
        printf("imported %s%s%s@%s  %s%s (%s new)\n", target->name.s, target->has_tag ? ":" : "",
               target->has_tag ? target->tag.s : "", plan->top.s, more.s, size, new);
    }
    fflush(stdout);
}

static void report_json(struct report *report, const struct import_image *image,
                        const struct import_plan *plan, int64_t new_size)
{
    for (size_t i = 0; i < image->n_targets; i++) {
        const struct image_name *target = &image->targets[i];
        buf_addf(&report->json, "%s{\"name\":\"%s\",\"tag\":", report->json.len ? "," : "",
                 target->name.s);
        if (target->has_tag)
            json_quote(target->tag.s, &report->json);
        else
            buf_addstr(&report->json, "null");
        buf_addf(&report->json,
                 ",\"digest\":\"%s\",\"images\":%zu,\"layers\":%zu,\"referrers\":%zu,"
                 "\"size\":%jd,\"newSize\":%jd}",
                 plan->top.s, plan->n_images, plan->n_layers, plan->n_referrers,
                 (intmax_t)plan->size, (intmax_t)(i == 0 ? new_size : 0));
    }
}

static int import_image(struct import *import, const struct import_image *image,
                        struct report *report, struct err *err)
{
    AUTO_PLAN plan = {0};
    int64_t before = import->new_size;

    int planned = image->form == IMPORT_SAVED ? import_saved(import, image, &plan, err)
                                              : import_plan(import, image, &plan, err);
    if (planned < 0 || import_push(import, image, &plan, err) < 0)
        return -1;
    int64_t new_size = import->new_size - before;
    report->images++;
    report->size += plan.size;
    report->new_size += new_size;
    bar_end(&import->bar);
    if (import->json)
        report_json(report, image, &plan, new_size);
    else
        report_text(image, &plan, new_size);
    return 0;
}

static int add_size(void *context, const char *name, struct err *err)
{
    struct import *import = context;
    struct source_file file;

    int found = source_find(&import->source, name, &file, err);
    if (found > 0) {
        import->total += file.size;
        source_file_close(&file);
    }
    return found < 0 ? -1 : 0;
}

/* Only who sees a bar needs to know how much there is. */
static int measure(struct import *import, struct err *err)
{
    import->done = import->total = 0;
    return import->bar.progress.at ? source_each(&import->source, "", add_size, import, err) : 0;
}

/* Says in which file it was, if that is at fault, or what is. */
static int in_source(const struct import *import, struct err *err)
{
    if (err->code == ERR_NO_SPACE)
        return err_set(err, err->code, "no space is left in the store: %s", err->msg);
    if (err_http_status(err->code) < 500 && err->code != ERR_USAGE)
        return err_set(err, err->code, "%s: %s", import->source.path, err->msg);
    return -1;
}

static int import_source(struct import *import, struct report *report, struct err *err)
{
    int result = source_load(&import->source, import->registry->store, &import->bar.progress, err);

    if (result == 0)
        result = measure(import, err);
    if (result == 0)
        result = import_find(import, err);
    bar_end(&import->bar); /* before a list of names */
    if (result == 0)
        result = import_name(import, err);
    for (size_t i = 0; i < import->found.n && result == 0; i++)
        result = import_image(import, &import->found.v[i], report, err);
    bar_end(&import->bar);
    import_found_free(&import->found);
    return result < 0 ? in_source(import, err) : 0;
}

static int print_summary(const struct import *import, struct report *report, int result,
                         struct err *err)
{
    char size[AMOUNT_TEXT], new[AMOUNT_TEXT];
    double seconds = clock_seconds() - report->started;
    AUTO_BUF out = BUF_INIT;

    if (import->json) {
        buf_addf(&out, "{\"images\":[%s],\"size\":%jd,\"newSize\":%jd,\"seconds\":%.3f}\n",
                 report->json.len ? report->json.s : "", (intmax_t)report->size,
                 (intmax_t)report->new_size, seconds);
    } else if (result == 0) {
        amount_size(size, report->size);
        amount_size(new, report->new_size);
        buf_addf(&out, "%zu image%s, %s (%s new), %.1f s\n", report->images,
                 report->images == 1 ? "" : "s", size, new, seconds);
    } else {
        return result;
    }
    int printed = print_out(&out, result < 0 ? NULL : err);
    return result < 0 ? result : printed;
}

/* All of them are opened with the rights of the caller, before he becomes the store's owner. */
static int open_sources(char **args, struct source *sources, size_t *n, struct err *err)
{
    for (*n = 0; args[*n]; (*n)++) {
        if (*n == FILES_MAX)
            return err_set(err, ERR_USAGE, "at most %d files at once", FILES_MAX);
        if (source_open(&sources[*n], args[*n], err) < 0)
            return -1;
    }
    return 0;
}

static int import_all(struct import *import, struct source *sources, size_t n, struct err *err)
{
    struct report report = {.started = clock_seconds()};
    int result = 0;

    for (size_t i = 0; i < n && result == 0; i++) {
        import->source = sources[i];
        sources[i] = (struct source){.fd = -1, .directory = {.fd = -1}};
        result = import_source(import, &report, err);
        source_close(&import->source);
    }
    result = print_summary(import, &report, result, err);
    free(import->layers);
    buf_free(&report.json);
    return result;
}

/* Like `berth serve` it makes the store where there is none yet. */
static int open_or_make(const struct import_line *options, struct conf *conf, struct store *store,
                        struct err *err)
{
    if (open_conf(&options->common, conf, err) < 0)
        return -1;
    if (open_as_owner(conf, err) == 0 && store_open(store, conf, true, err) == 0)
        return 0;
    conf_free(conf);
    return -1;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct import_line *options = said;
    struct source *sources = mem_alloc(FILES_MAX * sizeof *sources);
    struct import import = {
        .as = options->as, .json = options->common.json, .compress = COMPRESS_GZIP};
    struct conf conf;
    struct store store;
    struct registry registry;
    size_t n = 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int result = -1;

    import.jobs = options->jobs ? options->jobs : processors > 0 ? (int)processors : 1;
    if (options->compress && compress_kind_parse(&import.compress, options->compress, err) < 0)
        goto out;
    if (options->as && strchr(options->as, ':') && args[1]) {
        err_set(err, ERR_USAGE,
                "--as REPOSITORY:TAG is for one image: import the files one by one");
        goto out;
    }
    if (open_sources(args, sources, &n, err) < 0 || open_or_make(options, &conf, &store, err) < 0)
        goto out;
    import.conf = &conf;
    registry = open_registry(&conf, &store);
    import.registry = &registry;
    bar_start(&import.bar, BAR_BYTES, options->quiet);
    result = import_all(&import, sources, n, err);
    store_close(&store);
    conf_free(&conf);
out:
    for (size_t i = 0; i < n; i++)
        source_close(&sources[i]);
    free(sources);
    return result;
}

const struct command import_command = {
    .name = "import",
    .arguments = "FILE|DIR...",
    .summary = "store images of docker save, podman save, skopeo, OCI layouts; - is standard input",
    .args_min = 1,
    .args_max = FILES_MAX,
    .rows = rows,
    .size = sizeof(struct import_line),
    .run = run,
};
