/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth import`. */
#include "transfer/import.h"

#include "admin/command.h"
#include "admin/import_report.h"
#include "admin/open.h"
#include "base/mem.h"
#include "event/once.h"
#include "transfer/source_open.h"

#include <errno.h>
#include <fcntl.h>
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

static int open_one(struct source **source, const char *path, struct err *err)
{
    bool is_stdin = !strcmp(path, "-");
    int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        int errnum = errno;
        err_sys(err, errnum, "%s", path);
        return errnum == ENOENT ? err_recode(err, ERR_NOT_FOUND) : -1;
    }
    return source_open(source, fd, is_stdin ? "standard input" : path, err);
}

/* A directory was opened as who calls, its files are opened as the store's owner. */
static void explain(const struct source *source, struct err *err)
{
    if (err->sys == EACCES && !strncmp(err->msg, source->label, strlen(source->label)))
        err_set(err, err->code,
                "%s: user %ld, to whom the store belongs, may not read it: try tar -cC DIR . | "
                "berth import -",
                err->msg, (long)geteuid());
}

static int import_all(const struct import_line *line, const struct transfer_options *options,
                      const struct import_request *request, struct source **sources, size_t n,
                      struct import_report *report, struct err *err)
{
    struct import *import = import_new(options, request, import_report_image, report);
    int result = 0;

    import_report_start(report, line->common.json);
    for (size_t i = 0; i < n && result == 0; i++) {
        result = import_source(import, sources[i], err);
        if (result < 0)
            explain(sources[i], err);
        source_close(sources[i]);
        sources[i] = NULL;
    }
    import_free(import);
    watch_end(&report->watch);
    return import_report_end(report, result, err);
}

/* Like `berth serve` it makes the store where there is none yet. */
static int open_or_make(const struct import_line *line, struct config *conf, struct store *store,
                        struct err *err)
{
    if (open_config(&line->common, conf, err) < 0)
        return -1;
    if (open_as_owner(conf, err) == 0 && store_open(store, &conf->frozen.store, true, err) == 0)
        return 0;
    config_free(conf);
    return -1;
}

static int import_into_store(const struct import_line *line, const struct import_request *request,
                             struct source **sources, size_t n, struct err *err)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct import_report report = {0};
    struct config conf;
    struct store store;
    struct registry registry;
    struct transfer_options options = {.registry = &registry};
    struct once once;

    if (open_or_make(line, &conf, &store, err) < 0)
        return -1;
    registry = open_registry(&conf, &store);
    registry.observer = once_observer(&once, registry.observer);
    options.manifest_limit = (size_t)conf.frozen.store.manifest_limit;
    options.jobs = line->jobs ? line->jobs : processors > 0 ? (int)processors : 1;
    watch_start(&report.watch, line->quiet, &options);
    int result = import_all(line, &options, request, sources, n, &report, err);
    once_free(&once);
    store_close(&store);
    config_free(&conf);
    return result;
}

/* All of them are opened with the rights of the caller, before he becomes the store's owner. */
static int open_and_import(const struct import_line *line, const struct import_request *request,
                           char **args, struct source **sources, struct err *err)
{
    size_t n = 0;

    for (; args[n]; n++)
        if (open_one(&sources[n], args[n], err) < 0)
            return -1;
    return import_into_store(line, request, sources, n, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct import_line *line = said;
    struct import_request request = {.as = line->as, .compress = COMPRESS_GZIP};

    if (line->compress && compress_kind_parse(&request.compress, line->compress, err) < 0)
        return -1;
    if (line->as && strchr(line->as, ':') && args[1])
        return err_set(err, ERR_USAGE,
                       "--as REPOSITORY:TAG is for one image: import the files one by one");
    struct source **sources = mem_alloc(FILES_MAX * sizeof *sources);
    int result = open_and_import(line, &request, args, sources, err);
    for (size_t i = 0; i < FILES_MAX; i++)
        source_close(sources[i]);
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
