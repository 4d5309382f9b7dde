/* SPDX-License-Identifier: Apache-2.0
 * L5: `berth serve`: lighttpd in the foreground with a configuration made for the occasion. */
#include "config.h"

#include "admin/admin.h"
#include "admin/serve_conf.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Debian has servers in a directory that is not in everyone's PATH. */
static int find_lighttpd(struct buf *path, struct err *err)
{
    const char *from = getenv("PATH");
    AUTO_BUF dirs = BUF_INIT;
    char *save;

    buf_addf(&dirs, "%s:/usr/local/sbin:/usr/sbin:/sbin", from ? from : "/usr/bin");
    for (char *dir = strtok_r(dirs.s, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
        buf_clear(path);
        buf_addf(path, "%s/lighttpd", dir);
        if (access(path->s, X_OK) == 0)
            return 0;
    }
    return err_set(
        err, ERR_CONFIG,
        "lighttpd is not installed: apt install lighttpd (Fedora: lighttpd lighttpd-fastcgi)");
}

/* berth.fcgi lies beside this program in the build tree, and where `make install` puts it
 * otherwise. */
static int find_program(struct buf *path, struct err *err)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    if (len > 0) {
        self[len] = '\0';
        buf_addf(path, "%.*s/berth.fcgi", (int)(strrchr(self, '/') - self), self);
        if (access(path->s, X_OK) == 0)
            return 0;
    }
    buf_clear(path);
    buf_addstr(path, PKGLIBEXECDIR "/berth.fcgi");
    if (access(path->s, X_OK) == 0)
        return 0;
    return err_set(err, ERR_CONFIG, "%s is missing: run make install", path->s);
}

/* lighttpd would say it too, but only after this command has said where it serves. */
static int check_port(const struct serve_conf *conf, struct err *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char port[16];
    int on = 1;

    snprintf(port, sizeof port, "%d", conf->port);
    int failed = getaddrinfo(conf->address, port, &hints, &found);
    if (failed)
        return err_set(err, ERR_USAGE, "--listen %s: %s", conf->address, gai_strerror(failed));
    AUTO_FD fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = 0;
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0) {
        err_sys(err, errno, "port %d of %s (take another with --listen %s:PORT)", conf->port,
                conf->address, conf->address);
        err->code = ERR_CONFIG;
        result = -1;
    }
    freeaddrinfo(found);
    return result;
}

/* Makes the store, so that a directory that can't be written to is said at once, and the spool in
 * it. */
static int prepare_store(const struct conf *conf, struct err *err)
{
    struct store store;
    AUTO_DIRTY dirty = {0};

    if (store_open(&store, conf, true, err) < 0)
        return -1;
    int result = fs_mkdirs(&store.fs, LAYOUT_SPOOL, &dirty, err);
    store_close(&store);
    return result;
}

static int make_runtime(struct buf *path, struct err *err)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (!runtime || access(runtime, W_OK) != 0)
        runtime = access("/run", W_OK) == 0 ? "/run" : "/tmp";
    buf_addf(path, "%s/berth-XXXXXX", runtime);
    if (!mkdtemp(path->s))
        return err_sys(err, errno, "make the runtime directory %s", path->s);
    return 0;
}

static int write_conf(const struct serve_conf *serve, struct buf *path, struct err *err)
{
    AUTO_BUF text = BUF_INIT;

    if (serve_conf_print(serve, &text, err) < 0)
        return -1;
    buf_addf(path, "%s/lighttpd.conf", serve->runtime);
    AUTO_FD fd = open(path->s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, errno, "create %s", path->s);
    return fs_pwrite_all(fd, text.s, text.len, 0, err);
}

static void say_where(const struct serve_conf *serve)
{
    AUTO_BUF host = BUF_INIT;

    serve_conf_host(serve, &host);
    printf("berth serves http://%s/v2/\n"
           "      stores in %s\n"
           "try:\n"
           "  docker tag IMAGE %s/my-image\n"
           "  docker push %s/my-image\n"
           "  docker pull %s/my-image\n"
           "Ctrl-C stops it.\n",
           host.s, serve->root, host.s, host.s, host.s);
    fflush(stdout);
}

static pid_t start_lighttpd(const char *lighttpd, const char *conf, const sigset_t *unblocked)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    /* A group of its own: Ctrl-C reaches it through this program alone, once. It ends if this
     * program is killed. */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigprocmask(SIG_SETMASK, unblocked, NULL);
    if (getppid() == parent)
        execl(lighttpd, lighttpd, "-D", "-f", conf, (char *)NULL);
    _exit(127);
}

/* Waits for a signal to stop, or for lighttpd to end; then for all that it started, whose parent
 * this program becomes. */
static int supervise(pid_t pid, const sigset_t *signals, struct err *err)
{
    int status = 0, number;
    bool asked = false;

    for (;;) {
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended == pid)
            break;
        if (ended > 0)
            continue;
        number = sigwaitinfo(signals, NULL);
        if (number == SIGINT || number == SIGTERM || number == SIGHUP) {
            asked = true;
            kill(pid, SIGTERM);
        }
    }
    kill(-pid, SIGTERM); /* workers, if lighttpd could not tell them */
    while (wait(NULL) > 0 || errno == EINTR)
        ;
    if (asked || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return 0;
    return err_set(err, ERR_CONFIG, "lighttpd ended by itself; see above for what it said");
}

static int run(const struct serve_conf *serve, const char *lighttpd, struct err *err)
{
    AUTO_BUF conf = BUF_INIT;
    AUTO_BUF socket_path = BUF_INIT;
    sigset_t signals, unblocked;
    int result = -1;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &unblocked);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (write_conf(serve, &conf, err) == 0) {
        pid_t pid = start_lighttpd(lighttpd, conf.s, &unblocked);
        if (pid < 0) {
            err_sys(err, errno, "start lighttpd");
        } else {
            say_where(serve);
            result = supervise(pid, &signals, err);
        }
    }
    for (int i = 0; i < serve->workers; i++) {
        buf_clear(&socket_path);
        buf_addf(&socket_path, "%s/fcgi-%d", serve->runtime, i);
        unlink(socket_path.s);
    }
    if (conf.len)
        unlink(conf.s);
    rmdir(serve->runtime);
    return result;
}

static int default_workers(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 2 ? 4 : cores > 16 ? 32 : (int)cores * 2;
}

int admin_serve(const struct admin_options *options, char **args, struct err *err)
{
    struct serve_conf serve = {.workers = options->workers ? options->workers : default_workers()};
    struct conf conf;
    AUTO_BUF lighttpd = BUF_INIT;
    AUTO_BUF program = BUF_INIT;
    AUTO_BUF runtime = BUF_INIT;

    (void)args;
    if (serve_conf_listen(&serve, options->listen, err) < 0 || find_lighttpd(&lighttpd, err) < 0 ||
        find_program(&program, err) < 0 || admin_conf(options, &conf, err) < 0)
        return -1;
    int result = -1;
    char *config = options->config ? realpath(options->config, NULL) : NULL;
    if (check_port(&serve, err) == 0 && prepare_store(&conf, err) == 0 &&
        make_runtime(&runtime, err) == 0) {
        serve.root = conf.root;
        serve.runtime = runtime.s;
        serve.program = program.s;
        serve.config = config;
        result = run(&serve, lighttpd.s, err);
    }
    free(config);
    conf_free(&conf);
    return result;
}
