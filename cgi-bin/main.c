/* SPDX-License-Identifier: Apache-2.0
 * berth.fcgi: the registry as a FastCGI responder or CGI program. */
#include "config.h"

#include "adapter.h"
#include "cgi.h"
#include "fastcgi.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define WORKERS_MAX 1024

static const char usage[] =
    "usage: berth.fcgi [--config FILE] [--workers N]\n"
    "\n"
    "The registry as a FastCGI responder on the listening socket at descriptor 0, or as a CGI "
    "program.\n"
    "Web servers start it; `berth serve` is a registry in one command. See berth.fcgi(8).\n"
    "\n"
    "  -c, --config FILE  configuration (default: $BERTH_CONF, else /etc/berth/berth.conf if it "
    "exists)\n"
    "  -w, --workers N    keep N processes serving the socket\n"
    "  -h, --help         show this\n"
    "  -V, --version      show the version\n";

static bool is_listening_socket(int fd)
{
    int listening = 0;
    socklen_t len = sizeof listening;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

static int serve_store(const struct conf *conf, int (*serve)(const struct api *api))
{
    struct store store = {.fs.fd = -1};
    struct store nothing = {.fs.fd = -1};
    struct api api = {.conf = conf, .store = &store, .nothing = &nothing};
    struct err err;
    int code;

    if (conf->log_level == LOG_LEVEL_DEBUG)
        api.observer = event_to_log();
    api.guard = guard_new(conf->path, &err);
    if (api.guard && store_open(&store, conf, true, &err) == 0 &&
        store_open_nothing(&nothing, &store, &err) == 0) {
        code = serve(&api);
    } else {
        log_error("%s", err.msg);
        code = err_exit_code(err.code);
    }
    store_close(&nothing);
    store_close(&store);
    guard_free(api.guard);
    return code;
}

int serve_socket(const struct conf *conf)
{
    return serve_store(conf, fastcgi_serve);
}

static int run(const struct conf *conf, long workers)
{
    if (is_listening_socket(STDIN_FILENO))
        return workers > 0 ? workers_run((int)workers, conf) : serve_socket(conf);
    if (getenv("GATEWAY_INTERFACE"))
        return serve_store(conf, cgi_serve);
    fputs("berth.fcgi: descriptor 0 is no listening socket and this is no CGI request:\n"
          "a web server is to start it, or spawn-fcgi, or systemd; or run `berth serve`\n",
          stderr);
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"workers", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    const char *config = NULL;
    long workers = 0;
    struct conf conf;
    struct err err;
    char *end;
    int option;

    while ((option = getopt_long(argc, argv, "c:w:hV", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'w':
            workers = strtol(optarg, &end, 10);
            if (*end || workers < 1 || workers > WORKERS_MAX) {
                fprintf(stderr, "berth.fcgi: --workers takes a number from 1 to %d\n", WORKERS_MAX);
                return EX_USAGE;
            }
            break;
        case 'h':
            fputs(usage, stdout);
            return EX_OK;
        case 'V':
            puts("berth.fcgi " PACKAGE_VERSION);
            return EX_OK;
        default:
            fputs(usage, stderr);
            return EX_USAGE;
        }
    }
    if (conf_load(&conf, config, &err) < 0) {
        log_error("%s", err.msg);
        conf_free(&conf);
        return err_exit_code(err.code);
    }
    log_set_level(conf.log_level);
    /* A fixed threshold: what a large manifest took goes back to the system, and a worker stays
     * small. */
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    int code = run(&conf, workers);
    conf_free(&conf);
    return code;
}
