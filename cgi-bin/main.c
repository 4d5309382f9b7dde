/* SPDX-License-Identifier: Apache-2.0
 * berth.fcgi: the registry as a FastCGI responder or CGI program. */
#include "config.h"

#include "access_log.h"
#include "api/settings_pass.h"
#include "base/decimal.h"
#include "base/log.h"
#include "cgi.h"
#include "event/audit.h"
#include "fastcgi.h"
#include "pool.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* A worker that is not needed stays for as long: long enough that pushes and pulls of several
 * layers don't start them again and again, short enough to be small when nothing goes on. */
#define IDLE_MS 30000

struct options {
    const char *config;
    int workers; /* 0: no pool */
    int workers_max;
    bool takeover;
};

static const char usage[] =
    "usage: berth.fcgi [--config FILE] [--workers MIN [--workers-max MAX] [--takeover]]\n"
    "\n"
    "The registry as a FastCGI responder on the listening socket at descriptor 0, or as a CGI "
    "program.\n"
    "Web servers start it; `berth serve` is a registry in one command. See berth.fcgi(8).\n"
    "\n"
    "  -c, --config FILE      configuration (default: $BERTH_CONF, else /etc/berth/berth.conf if "
    "it "
    "exists)\n"
    "  -w, --workers MIN      keep so many processes serving the socket, each one request at a "
    "time\n"
    "      --workers-max MAX  up to so many while there are more requests (default: MIN)\n"
    "      --takeover         one more process takes the place of the workers' parent when that is "
    "killed:\n"
    "                         for lighttpd, which otherwise may not start it again\n"
    "  -h, --help             show this\n"
    "  -V, --version          show the version\n";

static bool is_listening_socket(int fd)
{
    int listening = 0;
    socklen_t len = sizeof listening;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

/* What cannot be written is served to who pulls, whether that was meant or an accident. */
static int open_to_serve(struct store *store, const struct store_settings *settings,
                         struct err *err)
{
    struct err why;

    if (store_open(store, settings, true, &why) == 0)
        return 0;
    return why.code == ERR_READ_ONLY ? store_open(store, settings, false, err)
                                     : err_copy(err, &why);
}

/* A shared store whose mount is missing is looked for at each request, and missed there. Who only
 * asks how it is (`probe`) is answered also where this would hang: the answer's own child opens it.
 */
static int open_store(const struct store_settings *settings, bool probe, struct store *store,
                      struct store *nothing, struct err *err)
{
    store->lost = probe;
    if (probe)
        return 0;
    if (open_to_serve(store, settings, err) == 0 && store_open_nothing(nothing, store, err) == 0)
        return 0;
    if (!settings->shared || err->code != ERR_UNREACHABLE)
        return -1;
    log_error("%s", err->msg);
    store->lost = true;
    return 0;
}

/* What was read when it started, and where from. */
struct startup {
    const char *config; /* as of the option; NULL: none */
    int long_max;       /* workers that may wait for other hosts; 0: there is no pool */
    struct config_frozen frozen;
    struct strings files;
};

/* Opens the store and serves from it. worker as for fastcgi_serve; NULL also for a CGI. */
static int serve(const struct startup *startup, bool cgi, struct pool_worker *worker)
{
    struct store store = {.fs.fd = -1};
    struct store nothing = {.fs.fd = -1};
    struct api api = {.frozen = &startup->frozen,
                      .store = &store,
                      .nothing = &nothing,
                      .long_max = startup->long_max};
    struct err err;
    int code;

    api.observer = config_observer(&startup->frozen);
    access_log_open(startup->frozen.api.access_log);
    api.guard = guard_new(config_path(&startup->files), &err);
    if (api.guard && config_open_metrics(&startup->frozen, &guard_rules(api.guard)->live, &err) < 0)
        log_warning("this process counts for itself alone: %s", err.msg);
    if (api.guard &&
        open_store(&startup->frozen.store, cgi && cgi_is_probe(), &store, &nothing, &err) == 0) {
        if (store.is_adopted)
            log_warning(STORE_ADOPTED, startup->frozen.store.root);
        code = cgi ? cgi_serve(&api) : fastcgi_serve(&api, worker);
    } else {
        pool_cannot_start(worker, err.msg);
        code = err_exit_code(err.code);
    }
    store_close(&nothing);
    store_close(&store);
    guard_free(api.guard);
    audit_close();
    access_log_close();
    metric_close();
    return code;
}

/* Locks do not survive a fork, so each worker opens the store itself. */
static int work(struct pool_worker *worker, void *context)
{
    return serve(context, false, worker);
}

static void free_startup(struct startup *startup)
{
    config_free_frozen(&startup->frozen);
    strings_free(&startup->files);
}

/* Fills *startup anew; leaves it as it is after an error, which is logged. 0, or an exit code. */
static int read_startup(struct startup *startup)
{
    struct startup read = {.config = startup->config, .long_max = startup->long_max};
    struct err err;

    if (config_read_frozen(&read.frozen, &read.files, read.config, &err) < 0) {
        log_error("%s", err.msg);
        free_startup(&read);
        return err_exit_code(err.code);
    }
    free_startup(startup);
    *startup = read;
    log_set_level(startup->frozen.log_level);
    return EX_OK;
}

static int reload(void *context)
{
    return read_startup(context) == EX_OK ? 0 : -1;
}

static int run(struct startup *startup, const struct options *options)
{
    const struct pool_plan plan = {.min = options->workers,
                                   .max = options->workers_max,
                                   .idle_ms = IDLE_MS,
                                   .socket = STDIN_FILENO,
                                   .takeover = options->takeover,
                                   .work = work,
                                   .reload = reload,
                                   .context = startup};

    if (is_listening_socket(STDIN_FILENO))
        return options->workers ? pool_run(&plan) : serve(startup, false, NULL);
    if (getenv("GATEWAY_INTERFACE"))
        return serve(startup, true, NULL);
    fputs("berth.fcgi: descriptor 0 is no listening socket and this is no CGI request:\n"
          "a web server is to start it, or spawn-fcgi, or systemd; or run `berth serve`\n",
          stderr);
    return EX_USAGE;
}

/* False: it is no number of workers. */
static bool parse_workers(const char *name, const char *text, int *workers)
{
    int64_t n;

    if (!decimal_parse(text, strlen(text), &n) || n < 1 || n > POOL_MAX) {
        fprintf(stderr, "berth.fcgi: --%s takes a number from 1 to %d\n", name, POOL_MAX);
        return false;
    }
    *workers = (int)n;
    return true;
}

/* Those that follow from others, and whether they go together. */
static bool complete(struct options *options)
{
    if (!options->workers_max)
        options->workers_max = options->workers;
    if (options->workers_max >= options->workers &&
        (options->workers || (!options->workers_max && !options->takeover)))
        return true;
    fputs(options->workers ? "berth.fcgi: --workers-max must not be less than --workers\n"
                           : "berth.fcgi: --workers-max and --takeover go with --workers\n",
          stderr);
    return false;
}

/* -1: go on. Otherwise the exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"workers", required_argument, NULL, 'w'},
        {"workers-max", required_argument, NULL, 'W'},
        {"takeover", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:w:hV", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 'w':
            if (!parse_workers("workers", optarg, &options->workers))
                return EX_USAGE;
            break;
        case 'W':
            if (!parse_workers("workers-max", optarg, &options->workers_max))
                return EX_USAGE;
            break;
        case 't':
            options->takeover = true;
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
    return complete(options) ? -1 : EX_USAGE;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct startup startup = {0};

    int code = parse_options(argc, argv, &options);
    if (code >= 0)
        return code;
    if (options.workers)
        pool_hold();
    else if (!is_listening_socket(STDIN_FILENO))
        settings_pass_take();
    startup.config = options.config;
    startup.long_max = (options.workers_max + 1) / 2;
    code = read_startup(&startup);
    if (code != EX_OK)
        return code;
    /* A fixed threshold: what a large manifest took goes back to the system, and a worker stays
     * small. */
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    code = run(&startup, &options);
    free_startup(&startup);
    return code;
}
