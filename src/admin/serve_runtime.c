/* SPDX-License-Identifier: Apache-2.0
 * L5: berth serve: its private directory, and the lighttpd configuration there. */
#include "admin/serve.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* etc/lighttpd-berth.conf, by a rule in Makefile.am. */
static const char lighttpd_berth_conf[] =
#include "lighttpd-berth.h"
    ;

/* In the first of these places where this user may. */
static int make_dir(struct buf *dir, struct err *err)
{
    const char *const places[] = {getenv("XDG_RUNTIME_DIR"), "/run", "/tmp"};
    size_t longest = sizeof((struct sockaddr_un *)NULL)->sun_path - sizeof "/berth-XXXXXX/sock";

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!places[i] || places[i][0] != '/' || strlen(places[i]) > longest)
            continue;
        buf_clear(dir);
        buf_addf(dir, "%s/berth-XXXXXX", places[i]);
        if (mkdtemp(dir->s))
            return 0;
    }
    buf_clear(dir);
    return err_sys(err, errno, "make a directory in /tmp");
}

static int open_socket(struct runtime *runtime, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s", runtime->socket.s);
    runtime->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Clients wait in the backlog while all workers are busy: lighttpd holds a backend for broken
     * that refuses a connection. */
    if (runtime->fd < 0 ||
        bind(runtime->fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(runtime->fd, 4096) < 0)
        return err_sys(err, errno, "listen on %s", runtime->socket.s);
    return 0;
}

int runtime_make(struct runtime *runtime, struct err *err)
{
    if (make_dir(&runtime->dir, err) < 0)
        return -1;
    buf_addf(&runtime->socket, "%s/sock", runtime->dir.s);
    buf_addf(&runtime->config, "%s/lighttpd.conf", runtime->dir.s);
    buf_addf(&runtime->empty, "%s/empty", runtime->dir.s);
    if (mkdir(runtime->empty.s, 0700) < 0)
        return err_sys(err, errno, "mkdir %s", runtime->empty.s);
    return open_socket(runtime, err);
}

void runtime_remove(struct runtime *runtime)
{
    fs_close_auto(&runtime->fd);
    if (runtime->dir.len) {
        unlink(runtime->config.s);
        unlink(runtime->socket.s);
        rmdir(runtime->empty.s);
        rmdir(runtime->dir.s);
    }
    buf_free(&runtime->empty);
    buf_free(&runtime->config);
    buf_free(&runtime->socket);
    buf_free(&runtime->dir);
}

/* A string of lighttpd's configuration language. */
static void quote(struct buf *out, const char *text)
{
    buf_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_addc(out, '\\');
        buf_addc(out, *text);
    }
    buf_addc(out, '"');
}

static void print_setting(struct buf *out, const char *before, const char *text, const char *after)
{
    buf_addstr(out, before);
    quote(out, text);
    buf_addstr(out, after);
}

static void print_config(const struct runtime *runtime, const struct listener *listener,
                         const char *spool, const char *blobs, struct buf *out)
{
    buf_addstr(out, "# Made by `berth serve`, and removed by it at its end.\n"
                    "server.modules = ( \"mod_fastcgi\" )\n"
                    "# The port is bound already; lighttpd gets its socket.\n"
                    "server.systemd-socket-activation = \"enable\"\n");
    print_setting(out, "server.bind = ", listener->host, "\n");
    buf_addf(out, "server.port = %d\n", listener->port);
    print_setting(out, "server.document-root = ", runtime->empty.s, "\n");
    print_setting(out, "var.berth_spool = ", spool, "\n");
    buf_addstr(out, "var.berth_backend = (\n");
    print_setting(out, "    \"socket\" => ", runtime->socket.s, ",\n");
    buf_addstr(out, "    \"check-local\" => \"disable\",\n"
                    "    \"x-sendfile\" => \"enable\",\n");
    print_setting(out, "    \"x-sendfile-docroot\" => ( ", blobs, " ),\n)\n\n");
    buf_addstr(out, lighttpd_berth_conf);
}

int runtime_configure(const struct runtime *runtime, const struct listener *listener,
                      const char *spool, const char *blobs, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    print_config(runtime, listener, spool, blobs, &text);
    AUTO_FD fd = open(runtime->config.s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "create %s", runtime->config.s);
    return fs_pwrite_all(fd, text.s, text.len, 0, err);
}
