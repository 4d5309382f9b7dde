/* SPDX-License-Identifier: Apache-2.0
 * Load on a registry at 127.0.0.1, for tests/bench:
 *
 *     load -p PORT -w WORK [-c CLIENTS] [-t SECONDS | -n COUNT] [-r REPOSITORY] [-s BYTES] ...
 *
 * Each client is a thread with a connection that it keeps. They begin together, and each does one
 * operation after the other, for some seconds or COUNT times. One line of JSON tells how many were
 * done, in how many seconds, and how long one took. An answer that is not the expected one is said
 * on standard error and ends the run with status 1.
 *
 * WORK is get or head (-T TARGET, -H HEADER, -e STATUS; of get -s is the length of the answer's
 * body), push (a blob of -s bytes; -W patch: POST, a PATCH in chunks and PUT; put: POST and PUT;
 * post: one POST), manifest (PUT with a new tag), mixed (of five operations four pull a manifest
 * and its layer, one pushes such), image (all clients push one of ten layers of -s bytes together).
 * In REPOSITORY %d is the client's number. Tags begin with -g.
 */
#include "bench/load.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 256
#define HEADERS_SIZE 1024

static pthread_barrier_t ready;
static work_fn *prepare, *work;
static double started; /* set while all clients wait */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void note(struct client *client, double taken)
{
    int64_t n = client->done;

    if ((n & (n - 1)) == 0) { /* full at each power of two */
        client->taken = realloc(client->taken, (size_t)(n > 0 ? 2 * n : 1) * sizeof(double));
        if (!client->taken)
            DIE("no memory");
    }
    client->taken[client->done++] = taken;
}

static void *run_client(void *argument)
{
    struct client *client = argument;
    const struct load *load = client->load;

    prepare(client);
    client->connection.requests = client->connection.received = 0;
    if (pthread_barrier_wait(&ready) == PTHREAD_BARRIER_SERIAL_THREAD)
        started = now();
    pthread_barrier_wait(&ready);
    client->ended = started;
    while (load->count > 0 ? client->done < load->count : client->ended < started + load->seconds) {
        double begun = client->ended;
        work(client);
        client->ended = now();
        note(client, client->ended - begun);
    }
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void report(const struct client *clients, int n)
{
    int64_t done = 0, requests = 0, received = 0;
    double ended = 0;

    for (int i = 0; i < n; i++) {
        done += clients[i].done;
        requests += clients[i].connection.requests;
        received += clients[i].connection.received;
        ended = clients[i].ended > ended ? clients[i].ended : ended;
    }
    double *taken = calloc((size_t)done + 1, sizeof *taken);
    if (!taken)
        DIE("no memory");
    for (int64_t at = 0, i = 0; i < n; at += clients[i++].done)
        if (clients[i].done > 0)
            memcpy(taken + at, clients[i].taken, (size_t)clients[i].done * sizeof *taken);
    qsort(taken, (size_t)done, sizeof *taken, by_size);
    printf("{\"operations\": %jd, \"requests\": %jd, \"received\": %jd, \"seconds\": %.6f, "
           "\"p50\": %.6f, \"p99\": %.6f}\n",
           (intmax_t)done, (intmax_t)requests, (intmax_t)received, ended - started, taken[done / 2],
           taken[done * 99 / 100]);
    free(taken);
}

static void add_header(struct load *load, const char *line)
{
    static char headers[HEADERS_SIZE];
    size_t len = strlen(headers);

    if (snprintf(headers + len, sizeof headers - len, "%s\r\n", line) >=
        (int)(sizeof headers - len))
        DIE("%s is too long", line);
    load->headers = headers;
}

static bool set_number(struct load *load, int option)
{
    switch (option) {
    case 'p':
        load->port = (int)strtol(optarg, NULL, 10);
        return true;
    case 'c':
        load->clients = (int)strtol(optarg, NULL, 10);
        return load->clients > 0 && load->clients <= CLIENTS_MAX;
    case 't':
        load->seconds = strtod(optarg, NULL);
        return true;
    case 'n':
        load->count = strtoll(optarg, NULL, 10);
        return true;
    case 'e':
        load->status = (int)strtol(optarg, NULL, 10);
        return true;
    case 's':
        load->size = strtoll(optarg, NULL, 10);
        return true;
    default:
        return false;
    }
}

static bool set(struct load *load, int option)
{
    switch (option) {
    case 'r':
        load->repository = optarg;
        return true;
    case 'w':
        work = work_named(optarg, &prepare);
        return work != NULL;
    case 'W':
        load->way = optarg;
        return !strcmp(optarg, "patch") || !strcmp(optarg, "put") || !strcmp(optarg, "post");
    case 'T':
        load->target = optarg;
        return true;
    case 'g':
        load->tag = optarg;
        return true;
    case 'H':
        add_header(load, optarg);
        return true;
    default:
        return set_number(load, option);
    }
}

/* "bench/%d" is bench/7. */
static void name_repository(struct client *client)
{
    const char *name = client->load->repository;
    const char *number = strstr(name, "%d");

    if (number)
        snprintf(client->repository, sizeof client->repository, "%.*s%d%s", (int)(number - name),
                 name, client->number, number + 2);
    else
        snprintf(client->repository, sizeof client->repository, "%s", name);
}

int main(int argc, char **argv)
{
    static struct client clients[CLIENTS_MAX];
    static pthread_t threads[CLIENTS_MAX];
    struct load load = {.clients = 1,
                        .seconds = 1,
                        .repository = "bench/%d",
                        .way = "patch",
                        .target = "/v2/",
                        .headers = "",
                        .status = 200,
                        .size = -1,
                        .tag = "new"};

    for (int option; (option = getopt(argc, argv, "p:w:W:c:t:n:r:s:T:H:e:g:")) != -1;)
        if (!set(&load, option))
            DIE("-%c %s: see tests/bench/load.c", option, optarg ? optarg : "");
    if (!work || load.port == 0)
        DIE("-p and -w are needed");
    content_init(&load.content, load.size < 0 ? 0 : (size_t)load.size);
    pthread_barrier_init(&ready, NULL, (unsigned)load.clients);
    for (int i = 0; i < load.clients; i++) {
        clients[i] = (struct client){.load = &load, .number = i};
        clients[i].connection = (struct connection){.port = load.port, .fd = -1};
        name_repository(&clients[i]);
        if (pthread_create(&threads[i], NULL, run_client, &clients[i]) != 0)
            DIE("no thread");
    }
    for (int i = 0; i < load.clients; i++)
        pthread_join(threads[i], NULL);
    report(clients, load.clients);
    return 0;
}
