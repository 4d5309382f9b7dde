/* SPDX-License-Identifier: Apache-2.0
 * L5: berth serve: its private directory, and the lighttpd configuration there. */
#include "serve/serve.h"

#include "base/dir.h"
#include "base/file.h"
#include "base/fs_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ERROR_PREFIX "error-"

/* etc/lighttpd-server.conf, lighttpd-berth.conf and lighttpd-large.conf, by a rule in Makefile.am.
 */
static const char lighttpd_berth_conf[] =
#include "lighttpd-berth.h"
    ;

#define RUNTIME_PREFIX "berth-"
#define RUNTIME_UNIQUE "XXXXXX"
#define RUNTIME_LOCK "lock"

/* A directory that was not locked yet has a name with a dot. */
static bool is_runtime(const char *name)
{
    return strlen(name) == strlen(RUNTIME_PREFIX RUNTIME_UNIQUE) &&
           !strncmp(name, RUNTIME_PREFIX, strlen(RUNTIME_PREFIX));
}

/* Removes what a killed process of this user left: its lock is free. Whatever cannot be looked at
 * or removed is litter, not an error. */
static void remove_left(const struct fs_root *place, const char *name)
{
    struct stat st;
    AUTO_BUF path = BUF_INIT;
    AUTO_LOCKED_FD lock = -1;

    if (fstatat(place->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
        st.st_uid != geteuid())
        return;
    buf_addf(&path, "%s/" RUNTIME_LOCK, name);
    lock = openat(place->fd, path.s, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (lock >= 0 && fs_lock_try(lock, FS_LOCK_EXCLUSIVE, NULL) > 0)
        dir_remove_tree(place, name, NULL);
}

static void sweep(const char *where)
{
    struct fs_root place = {.fd = -1};
    AUTO_STRINGS names = {0};

    if (fs_root_open(&place, where, false, NULL) < 0)
        return;
    if (dir_list(&place, ".", &names, NULL) >= 0)
        for (size_t i = 0; i < names.n; i++)
            if (is_runtime(names.v[i]))
                remove_left(&place, names.v[i]);
    fs_root_close(&place);
}

/* It is locked before it gets the name by which others find it. */
static int make_locked(struct runtime *runtime, const char *where, struct err *err)
{
    AUTO_BUF hidden = BUF_INIT;
    AUTO_BUF lock = BUF_INIT;

    buf_addf(&hidden, "%s/." RUNTIME_PREFIX RUNTIME_UNIQUE, where);
    if (!mkdtemp(hidden.s))
        return err_sys(err, errno, "make a directory in %s", where);
    buf_addf(&lock, "%s/" RUNTIME_LOCK, hidden.s);
    runtime->lock = open(lock.s, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    buf_clear(&runtime->dir);
    buf_addf(&runtime->dir, "%s/" RUNTIME_PREFIX "%s", where,
             hidden.s + hidden.len - strlen(RUNTIME_UNIQUE));
    if (runtime->lock >= 0 && fs_lock_try(runtime->lock, FS_LOCK_EXCLUSIVE, err) > 0 &&
        rename(hidden.s, runtime->dir.s) == 0)
        return 0;
    err_sys(err, errno, "make %s", runtime->dir.s);
    fs_lock_close(&runtime->lock);
    unlink(lock.s);
    rmdir(hidden.s);
    buf_clear(&runtime->dir);
    return -1;
}

/* In the first of these places where this user may. */
static int make_dir(struct runtime *runtime, struct err *err)
{
    const char *const places[] = {getenv("XDG_RUNTIME_DIR"), "/run", "/tmp"};
    size_t longest = sizeof((struct sockaddr_un *)NULL)->sun_path -
                     sizeof "/" RUNTIME_PREFIX RUNTIME_UNIQUE "/sock";
    struct err why = {0};
    bool made = false;

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!places[i] || places[i][0] != '/' || strlen(places[i]) > longest)
            continue;
        sweep(places[i]);
        made = made || make_locked(runtime, places[i], &why) == 0;
    }
    if (made)
        return 0;
    return err_set(
        err, ERR_CONFIG,
        "neither /run nor /tmp can be written: %s: mount a tmpfs there, as by docker run "
        "--tmpfs /run, or name a directory with XDG_RUNTIME_DIR",
        strerror(why.sys));
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

/* The answers of errors that lighttpd makes, as in etc/errors. */
static const struct {
    const char *name;
    const char *text;
} error_files[] = {
#include "lighttpd-errors.h"
};

static void error_path(const struct runtime *runtime, size_t i, struct buf *path)
{
    buf_addf(path, "%s/" ERROR_PREFIX "%s", runtime->dir.s, error_files[i].name);
}

int runtime_make(struct runtime *runtime, struct err *err)
{
    if (make_dir(runtime, err) < 0)
        return -1;
    buf_addf(&runtime->socket, "%s/sock", runtime->dir.s);
    buf_addf(&runtime->config, "%s/lighttpd.conf", runtime->dir.s);
    buf_addf(&runtime->pages, "%s/pages", runtime->dir.s);
    buf_addf(&runtime->ask, "%s/ask", runtime->dir.s);
    buf_addf(&runtime->certificate, "%s/tls.crt", runtime->dir.s);
    buf_addf(&runtime->key, "%s/tls.key", runtime->dir.s);
    if (mkdir(runtime->pages.s, 0700) < 0)
        return err_sys(err, errno, "mkdir %s", runtime->pages.s);
    return open_socket(runtime, err);
}

static void remove_dir(const char *path)
{
    struct fs_root root = {.fd = -1};
    char *name = strrchr(path, '/');
    AUTO_BUF place = BUF_INIT;

    buf_add(&place, path, (size_t)(name - path));
    if (fs_root_open(&root, place.s, false, NULL) == 0)
        dir_remove_tree(&root, name + 1, NULL);
    fs_root_close(&root);
}

void runtime_remove(struct runtime *runtime)
{
    file_close(&runtime->fd);
    if (runtime->dir.len)
        remove_dir(runtime->dir.s);
    fs_lock_close(&runtime->lock);
    buf_free(&runtime->certificate);
    buf_free(&runtime->key);
    buf_free(&runtime->ask);
    buf_free(&runtime->pages);
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

/* The modules' order matters: mod_setenv would not see the answers of mod_auth otherwise. */
static void print_modules(const struct runtime_plan *plan, struct buf *out)
{
    buf_addstr(out, "server.modules = ( ");
    if (plan->login->file.len)
        buf_addstr(out, "\"mod_setenv\", \"mod_auth\", \"mod_authn_file\", ");
    if (plan->tls->on)
        buf_addstr(out, "\"mod_openssl\", ");
    buf_addstr(out, "\"mod_alias\", \"mod_cgi\", \"mod_fastcgi\" )\n");
}

/* As in etc/lighttpd-auth-login.conf. */
static void print_login(const struct serve_login *login, struct buf *out)
{
    buf_addstr(out, "auth.backend = \"htpasswd\"\n");
    print_setting(out, "auth.backend.htpasswd.userfile = ", login->file.s, "\n");
    buf_addstr(out, "auth.cache = ( \"max-age\" => \"600\" )\n");
    print_setting(out,
                  "$HTTP[\"request-method\"] != \"OPTIONS\" {\n"
                  "auth.require = ( \"/v2\" => ( \"method\" => \"basic\", "
                  "\"require\" => \"valid-user\", \"realm\" => ",
                  login->realm, " ) )\n}\n");
    print_setting(out,
                  "$HTTP[\"url\"] == \"/metrics\" {\n"
                  "$REQUEST_HEADER[\"Authorization\"] =~ \"^[Bb][Aa][Ss][Ii][Cc] \" {\n"
                  "auth.require = ( \"/metrics\" => ( \"method\" => \"basic\", "
                  "\"require\" => \"valid-user\", \"realm\" => ",
                  login->realm, " ) )\n}\n}\n");
    buf_addstr(out, "setenv.set-response-header = ( "
                    "\"Docker-Distribution-Api-Version\" => \"registry/2.0\", "
                    "\"X-Content-Type-Options\" => \"nosniff\", "
                    "\"Content-Security-Policy\" => \"default-src 'none'; sandbox\" )\n");
}

/* TLS on the port, and none on the socket where this program asks whether all is well. */
static void print_tls(const struct runtime *runtime, struct buf *out)
{
    buf_addstr(out, "ssl.engine = \"enable\"\n");
    buf_addstr(out, "ssl.openssl.ssl-conf-cmd = ( \"MinProtocol\" => \"TLSv1.2\" )\n");
    print_setting(out, "ssl.pemfile = ", runtime->certificate.s, "\n");
    print_setting(out, "ssl.privkey = ", runtime->key.s, "\n");
    print_setting(out, "$SERVER[\"socket\"] == ", runtime->ask.s,
                  " { ssl.engine = \"disable\" }\n");
}

/* The same is served at the other addresses. */
static void print_more_sockets(const struct runtime_plan *plan, struct buf *out)
{
    const struct listener *listener = plan->listener;

    for (size_t i = 1; i < listener->n; i++)
        buf_addf(out, "$SERVER[\"socket\"] == \"%s:%d\" { %s }\n", listener->sockets[i].host,
                 listener->port, plan->tls->on ? "ssl.engine = \"enable\"" : "");
}

static void print_config(const struct runtime *runtime, const struct runtime_plan *plan,
                         struct buf *out)
{
    const struct listener *listener = plan->listener;
    AUTO_BUF errors = BUF_INIT;

    buf_addf(&errors, "%s/" ERROR_PREFIX, runtime->dir.s);
    buf_addstr(out, "# Made by `berth serve`, and removed by it at its end.\n"
                    "# The port is bound already; lighttpd gets its socket.\n"
                    "server.systemd-socket-activation = \"enable\"\n");
    print_modules(plan, out);
    print_setting(out, "server.bind = ", listener->sockets[0].host, "\n");
    buf_addf(out, "server.port = %d\n", listener->port);
    print_setting(out, "server.document-root = ", runtime->pages.s, "\n");
    buf_addstr(out, "index-file.names = ( \"index.html\" )\n"
                    "mimetype.assign = ( \".html\" => \"text/html; charset=utf-8\" )\n");
    print_setting(out, "var.berth_spool = ", plan->spool ? plan->spool : runtime->dir.s, "\n");
    print_setting(out, "var.berth_errors = ", errors.s, "\n");
    print_setting(out, "var.berth_program = ", plan->program, "\n");
    print_setting(out,
                  "var.berth_gate = ( \"mode\" => \"authorizer\", \"check-local\" => \"disable\", "
                  "\"socket\" => ",
                  runtime->socket.s, " )\n");
    buf_addstr(out, "var.berth_backend = (\n");
    print_setting(out, "    \"socket\" => ", runtime->socket.s, ",\n");
    buf_addstr(out, "    \"check-local\" => \"disable\",\n"
                    "    \"x-sendfile\" => \"enable\",\n");
    print_setting(out, "    \"x-sendfile-docroot\" => ( ", plan->blobs, " ),\n)\n\n");
    if (plan->login->file.len)
        print_login(plan->login, out);
    if (plan->tls->on)
        print_tls(runtime, out);
    print_more_sockets(plan, out);
    buf_addstr(out, lighttpd_berth_conf);
}

static int write_file(const struct buf *path, const struct buf *text, struct err *err)
{
    struct err why;

    if (file_create(path->s, 0600, (gid_t)-1, text->s, text->len, &why) == 0)
        return 0;
    return err_set(err, why.code, "%s: %s", path->s, why.msg);
}

/* For people who look what is at this port. */
static const char page[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>Container registry</title>\n"
    "<h1>Container registry</h1>\n"
    "<p>This is berth, a registry of container images. It is for programs such as docker, podman "
    "and Kubernetes; the name of an image here begins with the host and port of this page:\n"
    "<pre>docker pull HOST:PORT/NAME:TAG\n"
    "docker push HOST:PORT/NAME:TAG</pre>\n"
    "<p>The interface is the <a "
    "href=\"https://specs.opencontainers.org/distribution-spec/\">OCI "
    "Distribution Specification</a>'s, below <a href=\"/v2/\">/v2/</a>; the repositories are "
    "listed at <a href=\"/v2/_catalog\">/v2/_catalog</a>.\n";

static int write_page(const struct runtime *runtime, struct err *err)
{
    AUTO_BUF path = BUF_INIT;
    AUTO_BUF text = BUF_INIT;

    buf_addf(&path, "%s/index.html", runtime->pages.s);
    buf_addstr(&text, page);
    return write_file(&path, &text, err);
}

static int write_errors(const struct runtime *runtime, struct err *err)
{
    for (size_t i = 0; i < sizeof error_files / sizeof *error_files; i++) {
        AUTO_BUF path = BUF_INIT;
        AUTO_BUF text = BUF_INIT;
        error_path(runtime, i, &path);
        buf_addstr(&text, error_files[i].text);
        if (write_file(&path, &text, err) < 0)
            return -1;
    }
    return 0;
}

int runtime_configure(struct runtime *runtime, const struct runtime_plan *plan, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    print_config(runtime, plan, &text);
    if (write_errors(runtime, err) < 0 || write_page(runtime, err) < 0)
        return -1;
    if (plan->tls->on && (write_file(&runtime->certificate, &plan->tls->certificate, err) < 0 ||
                          write_file(&runtime->key, &plan->tls->key, err) < 0))
        return -1;
    return write_file(&runtime->config, &text, err);
}
