/* SPDX-License-Identifier: Apache-2.0
 * L6: berth serve. */

#include "admin/serve.h"
#include "admin/command.h"
#include "admin/open.h"
#include "base/file.h"
#include "serve/front.h"

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

#define AUTO_ADMIN __attribute__((cleanup(open_close))) struct opened

/* Settings reach the workers by their environment, which wins over any configuration file. */
static int export_settings(const struct options_common *common, const struct config *conf,
                           struct err *err)
{
    AUTO_BUF config = BUF_INIT;

    if (common->config) {
        if (file_absolute(common->config, &config, err) < 0)
            return -1;
        setenv("BERTH_CONF", config.s, 1);
    }
    setenv("BERTH_ROOT", conf->frozen.store.root, 1);
    setenv("BERTH_SENDFILE", "x-sendfile", 1);
    return 0;
}

int serve_with(const struct options_common *common, struct serve_options *how, struct err *err)
{
    AUTO_PROGRAMS programs = {0};
    AUTO_LISTENER listener = LISTENER_INIT;
    AUTO_TLS tls = {0};
    AUTO_LOGIN login = {0};
    AUTO_ADMIN admin = {.store.fs.fd = -1};
    AUTO_SPOOL spool = {.fs.fd = -1, .lock = -1};
    bool was_root = geteuid() == 0;

    /* The port and the keys before the owner: only root binds one below 1024, or may read them. */
    if (front_choose_workers(how, err) < 0 || front_find(&programs, err) < 0 ||
        open_config(common, &admin.conf, err) < 0 ||
        login_prepare(how, &admin.conf, &login, err) < 0 ||
        listener_open(&listener, how->listen, how->listen_by, err) < 0 ||
        tls_prepare(how, &listener, &tls, err) < 0 ||
        export_settings(common, &admin.conf, err) < 0 || open_as_owner(&admin.conf, err) < 0 ||
        login_check(&login, err) < 0 || front_open(&admin.conf, &admin.store, &spool, err) < 0)
        return -1;
    const struct banner front = {.became_owner = was_root && geteuid() != 0,
                                 .options = how,
                                 .conf = &admin.conf,
                                 .listener = &listener,
                                 .tls = &tls,
                                 .login = &login};
    return front_serve(&front, &programs, &admin.store, &spool, err);
}

static int run(const void *said, char **args, struct err *err)
{
    const struct serve_line *options = said;
    struct serve_options how = {
        .listen = options->listen,
        .workers = options->workers,
        .workers_max = options->workers_max,
        .htpasswd = options->htpasswd,
        .realm = options->realm,
        .tls_cert = options->tls_cert,
        .tls_key = options->tls_key,
        .tls_self_signed = options->tls_self_signed,
        .tls_dir = options->tls_dir,
        .tls_names = options->tls_names.v,
        .n_tls_names = (size_t)options->tls_names.n,
    };

    (void)args;
    return serve_with(&options->common, &how, err);
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
