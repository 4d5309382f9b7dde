/* SPDX-License-Identifier: Apache-2.0
 * L5: berth serve: lighttpd in front of the workers of one store. */
#include "serve/front.h"

#include "serve/program.h"
#include "store/layout.h"

#include <errno.h>

/* Unless told otherwise: one is idle when the other is taken, and many may wait for the disk. */
#define WORKERS 2
#define WORKERS_MAX 32

void front_forget(struct programs *programs)
{
    buf_free(&programs->fcgi);
    buf_free(&programs->lighttpd);
}

int front_find(struct programs *programs, struct err *err)
{
    if (!program_find(&programs->lighttpd, "lighttpd"))
        return err_set(err, ERR_CONFIG,
                       "lighttpd is not installed: apt install lighttpd (Fedora: dnf install "
                       "lighttpd lighttpd-fastcgi, Alpine: apk add lighttpd, Arch: pacman -S "
                       "lighttpd)");
    return program_fcgi(&programs->fcgi, err);
}

int front_choose_workers(struct serve_options *options, struct err *err)
{
    if (options->workers && options->workers_max && options->workers_max < options->workers)
        return err_set(err, ERR_USAGE, "--workers-max must not be less than --workers");
    if (!options->workers_max)
        options->workers_max = options->workers ? options->workers : WORKERS_MAX;
    if (!options->workers)
        options->workers = WORKERS;
    if (options->workers > options->workers_max)
        options->workers = options->workers_max;
    return 0;
}

/* Where nothing can be written nobody pushes either, so lighttpd's spool is never used. */
int front_open(const struct config *conf, struct store *store, struct spool *spool, struct err *err)
{
    struct err why = {0};

    if (store_open(store, &conf->frozen.store, true, err) < 0)
        return -1;
    if (spool_open(store, spool, &why) < 0 && !(why.sys == EROFS && conf->frozen.store.readonly))
        return err_copy(err, &why);
    if (store->is_adopted)
        log_warning(STORE_ADOPTED, conf->frozen.store.root);
    return 0;
}

int front_serve(const struct banner *front, const struct programs *programs,
                const struct store *store, const struct spool *spool, struct err *err)
{
    AUTO_RUNTIME runtime = RUNTIME_INIT;
    AUTO_BUF blobs = BUF_INIT;
    const struct children_plan plan = {.fcgi = programs->fcgi.s,
                                       .lighttpd = programs->lighttpd.s,
                                       .workers = front->options->workers,
                                       .workers_max = front->options->workers_max,
                                       .listener = front->listener,
                                       .runtime = &runtime,
                                       .tls = front->tls->on,
                                       .login = front->login->file.len > 0};

    buf_addf(&blobs, "%s/" LAYOUT_BLOBS, store->path);
    const struct runtime_plan configuration = {.listener = front->listener,
                                               .tls = front->tls,
                                               .login = front->login,
                                               .spool = spool->path,
                                               .blobs = blobs.s,
                                               .program = programs->fcgi.s};
    if (runtime_make(&runtime, err) < 0 || runtime_configure(&runtime, &configuration, err) < 0)
        return -1;
    return children_run(&plan, banner_print, front, err);
}
