/* SPDX-License-Identifier: Apache-2.0
 * What one client of the generator does over and over. */
#include "bench/load.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MANIFEST_TYPE "Content-Type: " OCI_MANIFEST "\r\n"
#define ACCEPT "Accept: " OCI_MANIFEST "\r\n"
#define OCTETS "Content-Type: application/octet-stream\r\n"
#define CONFIG "{}"
#define PULLS_TO_A_PUSH 4

static const struct body nothing = {"", 0, "", 0, false};

static void target_of(char *target, const struct client *client, const char *what,
                      const char *which)
{
    if (snprintf(target, TARGET_SIZE, "/v2/%s/%s%s", client->repository, what, which) >=
        TARGET_SIZE)
        DIE("%s is too long", which);
}

static void complete(char *target, const char *location, const char *digest)
{
    if (snprintf(target, TARGET_SIZE, "%s%cdigest=%s", location, strchr(location, '?') ? '&' : '?',
                 digest) >= TARGET_SIZE)
        DIE("%s is too long", location);
}

static void push(struct client *client, const char *way, struct body *body, const char *digest)
{
    struct connection *connection = &client->connection;
    char target[TARGET_SIZE];

    if (!strcmp(way, "post")) {
        target_of(target, client, "blobs/uploads/?digest=", digest);
        http(connection, "POST", target, OCTETS, body, 201);
        return;
    }
    target_of(target, client, "blobs/uploads/", "");
    http(connection, "POST", target, "", &nothing, 202);
    if (!strcmp(way, "patch")) {
        body->chunked = true;
        snprintf(target, sizeof target, "%s", connection->location);
        http(connection, "PATCH", target, OCTETS, body, 202);
        body = NULL;
    }
    complete(target, connection->location, digest);
    http(connection, "PUT", target, OCTETS, body ? body : &nothing, 201);
}

static void push_new(struct client *client, const char *way, char *digest)
{
    char end[CONTENT_END];
    struct body body;

    content_next(&client->load->content, end, &body, digest);
    push(client, way, &body, digest);
}

static void push_config(struct client *client, char *digest)
{
    struct body body = {CONFIG, strlen(CONFIG), "", 0, false};

    content_digest(CONFIG, strlen(CONFIG), digest);
    push(client, "put", &body, digest);
}

static void describe(char *descriptor, const char *digest, size_t size)
{
    snprintf(descriptor, DESCRIPTOR_SIZE,
             "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"%s\","
             "\"size\":%zu}",
             digest, size);
}

static void put_manifest(struct client *client, const char *layers, const char *tag)
{
    char target[TARGET_SIZE], config[DIGEST_SIZE];
    char *made;

    content_digest(CONFIG, strlen(CONFIG), config);
    int len = asprintf(&made,
                       "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\","
                       "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
                       "\"digest\":\"%s\",\"size\":%zu},\"layers\":[%s],"
                       "\"annotations\":{\"made.for\":\"%s\"}}",
                       config, strlen(CONFIG), layers, tag);
    if (len < 0)
        DIE("no memory");
    struct body body = {made, (size_t)len, "", 0, false};
    target_of(target, client, "manifests/", tag);
    http(&client->connection, "PUT", target, MANIFEST_TYPE, &body, 201);
    free(made);
}

/* One that no client used before. */
static void new_tag(const struct client *client, char *tag)
{
    snprintf(tag, DIGEST_SIZE, "%s-%d-%jd", client->load->tag, client->number,
             (intmax_t)client->done);
}

static void prepare_nothing(struct client *client)
{
    (void)client;
}

static void prepare_layer(struct client *client)
{
    char config[DIGEST_SIZE];

    push_config(client, config);
    push_new(client, "put", client->layer_digest);
    describe(client->layer, client->layer_digest, client->load->content.size);
}

static void base_tag(const struct client *client, char *tag)
{
    snprintf(tag, DIGEST_SIZE, "%s-base-%d", client->load->tag, client->number);
}

static void prepare_image(struct client *client)
{
    char tag[DIGEST_SIZE];

    prepare_layer(client);
    base_tag(client, tag);
    put_manifest(client, client->layer, tag);
}

static void work_get(struct client *client)
{
    const struct load *load = client->load;
    int64_t size =
        http(&client->connection, "GET", load->target, load->headers, NULL, load->status);

    if (load->size >= 0 && size != load->size)
        DIE("GET %s: %jd bytes, not %jd", load->target, (intmax_t)size, (intmax_t)load->size);
}

static void work_head(struct client *client)
{
    const struct load *load = client->load;

    http(&client->connection, "HEAD", load->target, load->headers, NULL, load->status);
}

static void work_push(struct client *client)
{
    char digest[DIGEST_SIZE];

    push_new(client, client->load->way, digest);
}

static void work_manifest(struct client *client)
{
    char tag[DIGEST_SIZE];

    new_tag(client, tag);
    put_manifest(client, client->layer, tag);
}

static void pull(struct client *client)
{
    char target[TARGET_SIZE], tag[DIGEST_SIZE];

    base_tag(client, tag);
    target_of(target, client, "manifests/", tag);
    http(&client->connection, "GET", target, ACCEPT, NULL, 200);
    target_of(target, client, "blobs/", client->layer_digest);
    if (http(&client->connection, "GET", target, "", NULL, 200) !=
        (int64_t)client->load->content.size)
        DIE("GET %s: not the whole", target);
}

/* Four pulls of a small image, and the push of another. */
static void work_mixed(struct client *client)
{
    char tag[DIGEST_SIZE], digest[DIGEST_SIZE], layer[DESCRIPTOR_SIZE];

    if ((client->done + client->number) % (PULLS_TO_A_PUSH + 1) != 0) {
        pull(client);
        return;
    }
    push_new(client, client->load->way, digest);
    describe(layer, digest, client->load->content.size);
    new_tag(client, tag);
    put_manifest(client, layer, tag);
}

/* The layers of the image that all clients push together, as crane does. */
static atomic_int layers_taken, layers_done;
static char layers[IMAGE_LAYERS][DESCRIPTOR_SIZE];

static void push_layer(struct client *client, int number)
{
    char target[TARGET_SIZE], digest[DIGEST_SIZE], end[CONTENT_END];
    struct body body;

    content_next(&client->load->content, end, &body, digest);
    target_of(target, client, "blobs/", digest);
    http(&client->connection, "HEAD", target, "", NULL, 404);
    push(client, client->load->way, &body, digest);
    describe(layers[number], digest, client->load->content.size);
}

static void work_image(struct client *client)
{
    char config[DIGEST_SIZE], all[IMAGE_LAYERS * (DESCRIPTOR_SIZE + 1)] = "";
    size_t len = 0;
    int last = 0;

    for (int number; (number = atomic_fetch_add(&layers_taken, 1)) < IMAGE_LAYERS;) {
        push_layer(client, number);
        last = atomic_fetch_add(&layers_done, 1) + 1;
    }
    if (last != IMAGE_LAYERS)
        return;
    push_config(client, config);
    for (int i = 0; i < IMAGE_LAYERS; i++)
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i > 0 ? "," : "", layers[i]);
    put_manifest(client, all, client->load->tag);
}

static const struct {
    const char *name;
    work_fn *prepare, *work;
} works[] = {
    {"get", prepare_nothing, work_get},          {"head", prepare_nothing, work_head},
    {"push", prepare_nothing, work_push},        {"manifest", prepare_layer, work_manifest},
    {"mixed", prepare_image, work_mixed},        {"image", prepare_nothing, work_image},
    {"prepare", prepare_image, prepare_nothing},
};

work_fn *work_named(const char *name, work_fn **prepare)
{
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        *prepare = works[i].prepare;
        if (!strcmp(works[i].name, name))
            return works[i].work;
    }
    return NULL;
}
