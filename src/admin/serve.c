/* SPDX-License-Identifier: Apache-2.0
 * L6: berth serve. */

#include "serve/serve.h"
#include "admin/command.h"
#include "admin/open.h"
#include "serve/banner.h"
#include "serve/program.h"
#include "serve/spool.h"
#include "store/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct serve_line {
    struct options_common common;
    const char *listen;
    int workers, workers_max;
    const char *htpasswd, *realm;
    const char *tls_cert, *tls_key;
    bool tls_self_signed;
    struct options_list tls_names;
    const char *tls_dir;
};

static const struct options_row rows[] = {
    OPTIONS_ROW(struct serve_line, listen, 'l', "listen", "ADDR:PORT",
                "where to serve (default: 127.0.0.1:5000)"),
    OPTIONS_NUMBER(struct serve_line, workers, 'w', "workers", "MIN",
                   "processes while nothing is done, each for one request at a time (default: 2)",
                   1, 1024),
    OPTIONS_NUMBER(struct serve_line, workers_max, 0, "workers-max", "MAX",
                   "as many while more requests come in (default: MIN, or 32 if neither is given)",
                   1, 1024),
    OPTIONS_ROW(struct serve_line, htpasswd, 0, "htpasswd", "FILE",
                "let in only who is in this file, see berth user"),
    OPTIONS_ROW(struct serve_line, realm, 0, "realm", "TEXT",
                "what clients are told that they log in to"),
    OPTIONS_ROW(struct serve_line, tls_cert, 0, "tls-cert", "FILE",
                "TLS with this certificate, and its chain"),
    OPTIONS_ROW(struct serve_line, tls_key, 0, "tls-key", "FILE", "and with this key"),
    OPTIONS_ROW(struct serve_line, tls_self_signed, 0, "tls-self-signed", NULL,
                "TLS with a certificate of its own"),
    OPTIONS_ROW(struct serve_line, tls_names, 0, "tls-name", "NAME",
                "host name or address that it is for too, repeatable"),
    OPTIONS_ROW(struct serve_line, tls_dir, 0, "tls-dir", "DIR",
                "where it is kept, with its CA and their keys"),
    OPTIONS_END,
};

/* Unless told otherwise: one is idle when the other is taken, and many may wait for the disk. */
#define WORKERS 2
#define WORKERS_MAX 32

#define AUTO_ADMIN __attribute__((cleanup(open_close))) struct opened

struct programs {
    struct buf fcgi, lighttpd;
};
#define AUTO_PROGRAMS __attribute__((cleanup(programs_free))) struct programs

static void programs_free(struct programs *programs)
{
    buf_free(&programs->fcgi);
    buf_free(&programs->lighttpd);
}

static int find_programs(struct programs *programs, struct err *err)
{
    if (!program_find(&programs->lighttpd, "lighttpd"))
        return err_set(err, ERR_CONFIG,
                       "lighttpd is not installed: apt install lighttpd (Fedora: dnf install "
                       "lighttpd lighttpd-fastcgi, Alpine: apk add lighttpd, Arch: pacman -S "
                       "lighttpd)");
    return program_fcgi(&programs->fcgi, err);
}

static int choose_workers(const struct serve_line *options, struct serve_options *how,
                          struct err *err)
{
    if (options->workers && options->workers_max && options->workers_max < options->workers)
        return err_set(err, ERR_USAGE, "--workers-max must not be less than --workers");
    how->workers_max = options->workers_max ? options->workers_max
                       : options->workers   ? options->workers
                                            : WORKERS_MAX;
    how->workers = options->workers ? options->workers : WORKERS;
    if (how->workers > how->workers_max)
        how->workers = how->workers_max;
    return 0;
}

/* Settings reach the workers by their environment, which wins over any configuration file. */
static int export_settings(const struct serve_line *options, const struct config *conf,
                           struct err *err)
{
    char *config = options->common.config ? realpath(options->common.config, NULL) : NULL;

    if (options->common.config && !config)
        return err_sys(err, errno, "%s", options->common.config);
    if (config)
        setenv("BERTH_CONF", config, 1);
    setenv("BERTH_ROOT", conf->frozen.store.root, 1);
    setenv("BERTH_SENDFILE", "x-sendfile", 1);
    free(config);
    return 0;
}

/* Where nothing can be written nobody pushes either, so lighttpd's spool is never used. */
static int open_for_use(const struct config *conf, struct store *store, struct spool *spool,
                        struct err *err)
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

static int serve_store(const struct banner *front, const struct programs *programs,
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
                                               .blobs = blobs.s};
    if (runtime_make(&runtime, err) < 0 || runtime_configure(&runtime, &configuration, err) < 0)
        return -1;
    return children_run(&plan, banner_print, front, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct serve_line *options = said;
    AUTO_PROGRAMS programs = {0};
    AUTO_LISTENER listener = LISTENER_INIT;
    AUTO_TLS tls = {0};
    AUTO_LOGIN login = {0};
    AUTO_ADMIN admin = {.store.fs.fd = -1};
    AUTO_SPOOL spool = {.fs.fd = -1, .lock = -1};

    struct serve_options how = {
        .listen = options->listen,
        .htpasswd = options->htpasswd,
        .realm = options->realm,
        .tls_cert = options->tls_cert,
        .tls_key = options->tls_key,
        .tls_self_signed = options->tls_self_signed,
        .tls_dir = options->tls_dir,
        .tls_names = options->tls_names.v,
        .n_tls_names = (size_t)options->tls_names.n,
    };

    bool was_root = geteuid() == 0;

    (void)args;
    /* The port and the keys before the owner: only root binds one below 1024, or may read them. */
    if (choose_workers(options, &how, err) < 0 || find_programs(&programs, err) < 0 ||
        open_config(&options->common, &admin.conf, err) < 0 ||
        login_prepare(&how, &admin.conf, &login, err) < 0 ||
        listener_open(&listener, how.listen, err) < 0 ||
        tls_prepare(&how, &listener, &tls, err) < 0 ||
        export_settings(options, &admin.conf, err) < 0 || open_as_owner(&admin.conf, err) < 0 ||
        login_check(&login, err) < 0 || open_for_use(&admin.conf, &admin.store, &spool, err) < 0)
        return -1;
    const struct banner front = {.became_owner = was_root && geteuid() != 0,
                                 .options = &how,
                                 .conf = &admin.conf,
                                 .listener = &listener,
                                 .tls = &tls,
                                 .login = &login};
    return serve_store(&front, &programs, &admin.store, &spool, err);
}

const struct command serve_command = {
    .name = "serve",
    .arguments = "",
    .summary = "serve a registry with lighttpd, on 127.0.0.1:5000 unless told otherwise",
    .args_min = 0,
    .args_max = 0,
    .rows = rows,
    .size = sizeof(struct serve_line),
    .run = run,
};
