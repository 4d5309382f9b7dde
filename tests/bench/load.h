/* SPDX-License-Identifier: Apache-2.0
 *
 * The generator of load: what its files share. Whatever goes wrong ends it: a figure of requests
 * that failed is none.
 */
#ifndef BERTH_TESTS_BENCH_LOAD_H
#define BERTH_TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIE(...) (fprintf(stderr, "load: " __VA_ARGS__), fputc('\n', stderr), exit(1))
#define DIGEST_SIZE (sizeof "sha256:" + 64)
#define TARGET_SIZE 1024
#define DESCRIPTOR_SIZE 256
#define IMAGE_LAYERS 10

/* A connection that is kept, and made again when the server has closed it. */
struct connection {
    int port;
    int fd;
    char *buffer;
    size_t used, filled;
    int64_t requests; /* answered so far, and the bytes of their bodies */
    int64_t received;
    char location[TARGET_SIZE]; /* path and query of the last answer's */
};

/* A body of `size` bytes: all but its end is shared by all. NULL is none. */
struct body {
    const char *start;
    size_t start_len;
    const char *end;
    size_t end_len;
    bool chunked;
};

/* Sends a request and reads its answer, whose status must be this one. `headers` are whole lines.
 * Returns the length of the answer's body. */
int64_t http(struct connection *connection, const char *method, const char *target,
             const char *headers, const struct body *body, int status);

/* Bytes of a size that are new each time, and their digest, for the price of a short hash. */
struct content {
    char *start;
    size_t size;
    void *hash; /* EVP_MD_CTX over start */
};
#define CONTENT_END 64
void content_init(struct content *content, size_t size);
/* end: CONTENT_END bytes that the body points at. */
void content_next(const struct content *content, char *end, struct body *body, char *digest);
/* The digest of short text. */
void content_digest(const char *text, size_t len, char *digest);

/* What one run does, from the command line. */
struct load {
    int port;
    int clients;
    double seconds; /* or count operations of each client */
    int64_t count;
    const char *repository; /* one for all, or with %d one for each client */
    const char *work;       /* get, head, push, manifest, mixed, image */
    const char *way;        /* patch, put, post */
    const char *target;     /* of get and head */
    const char *headers;
    int status;
    int64_t size;
    const char *tag; /* what tags begin with */
    struct content content;
};

struct client {
    const struct load *load;
    int number;
    struct connection connection;
    char repository[TARGET_SIZE / 4];
    char layer[DESCRIPTOR_SIZE]; /* of a layer that was pushed before */
    char layer_digest[DIGEST_SIZE];
    int64_t done;
    double *taken; /* seconds of each operation */
    double ended;
};

/* One operation. An image is one of all clients together: each does its share of it, and only the
 * last has the rest to do. */
typedef void work_fn(struct client *client);
/* The operation of this name, or NULL; what has to be there before the first. */
work_fn *work_named(const char *name, work_fn **prepare);

#endif
