/* SPDX-License-Identifier: Apache-2.0
 * The FastCGI adapter (the only user of fcgiapp.h). */
#include "adapter.h"

#include <fcgiapp.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

static void on_signal(int number)
{
    (void)number;
    FCGX_ShutdownPending();
}

/* Without SA_RESTART, so that a waiting accept(2) returns; a request that runs is finished. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* A body that the client or the server broke off ends like a complete one, but for this error. */
static ssize_t read_body(void *from, void *bytes, size_t len)
{
    FCGX_Stream *in = from;

    int n = FCGX_GetStr(bytes, (int)len, in);
    return n == 0 && FCGX_GetError(in) != 0 ? -1 : n;
}

static int write_body(void *to, const void *bytes, size_t len)
{
    return FCGX_PutStr(bytes, (int)len, to) == (int)len ? 0 : -1;
}

static void serve_one(const struct api *api, FCGX_Request *fcgi)
{
    struct request request;
    struct response response;
    struct err err;
    AUTO_BUF headers = BUF_INIT;

    response_init(&response);
    if (request_init(&request, fcgi->envp, read_body, fcgi->in, &err) == 0)
        api_handle(api, &request, &response);
    else
        api_error(&response, &err);
    response_print_headers(&response, &headers);
    if (write_body(fcgi->out, headers.s, headers.len) < 0 ||
        (request.method != METHOD_HEAD && response_send_body(&response, write_body, fcgi->out) < 0))
        log_info("%s: the client went away", request.path);
    response_free(&response);
    request_free(&request);
}

int fastcgi_serve(const struct api *api)
{
    FCGX_Request fcgi;

    if (FCGX_Init() != 0 || FCGX_InitRequest(&fcgi, STDIN_FILENO, FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
        log_error("libfcgi cannot be initialised");
        return EX_SOFTWARE;
    }
    catch_signals();
    while (FCGX_Accept_r(&fcgi) >= 0) {
        serve_one(api, &fcgi);
        FCGX_Finish_r(&fcgi);
    }
    return EX_OK;
}
