/* SPDX-License-Identifier: Apache-2.0
 * L2: a client of another registry. */
#include "remote/remote.h"

#include "base/mem.h"
#include "config.h"
#include "remote/remote_ask.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_SECONDS 30
#define TRIES 3
#define HELPER_SECONDS 3600
#define BLOB_MAX ((int64_t)1 << 40)

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static void set_defaults(struct remote_options *options)
{
    if (!or_null(options->user_agent))
        options->user_agent = "berth/" PACKAGE_VERSION;
    if (options->answer_seconds <= 0)
        options->answer_seconds = ANSWER_SECONDS;
    if (options->tries <= 0)
        options->tries = TRIES;
    if (options->manifest_max == 0)
        options->manifest_max = REMOTE_ASK_MANIFEST_MAX;
    if (options->helper_seconds <= 0)
        options->helper_seconds = HELPER_SECONDS;
    if (options->blob_max <= 0)
        options->blob_max = BLOB_MAX;
}

static int open_place(struct remote *remote, size_t i, struct err *err)
{
    struct remote_place *place = &remote->places[i];
    const char *text = remote->options.urls[i];
    size_t len = strlen(text);

    while (len > 0 && text[len - 1] == '/')
        len--;
    /* What is wrong with it is not shown: it may have a password in it. */
    if (!url_parse(&place->url, text) || strpbrk(place->url.path, "?#"))
        return err_set(err, ERR_CONFIG,
                       "upstream %s: a url is https://HOST[:PORT][/PATH], without user and query",
                       remote->options.name);
    place->text = text;
    place->text_len = len;
    address_class_parse(place->url.host, &place->class);
    remote_state_key(place->key, text, len);
    return 0;
}

struct remote *remote_open(const struct remote_options *options, struct err *err)
{
    struct remote *remote = mem_alloc(sizeof *remote);

    remote->options = *options;
    set_defaults(&remote->options);
    remote->n_places = options->n_urls;
    remote->places = mem_alloc((options->n_urls + 1) * sizeof *remote->places);
    for (size_t i = 0; i < options->n_urls; i++)
        if (open_place(remote, i, err) < 0)
            goto failed;
    const struct http_client_options client = {
        .user_agent = remote->options.user_agent,
        .ca_file = or_null(options->ca_file),
        .certificate = or_null(options->certificate),
        .key = or_null(options->key),
        .accept_any_certificate = options->accept_any_certificate,
        .connect_seconds = options->connect_seconds,
        .stall_seconds = options->stall_seconds,
        .stall_bytes = options->stall_bytes,
    };
    remote->client = http_client_open(&client, err);
    if (remote->client)
        return remote;
failed:
    remote_close(remote);
    return NULL;
}

void remote_close(struct remote *remote)
{
    if (!remote)
        return;
    http_client_close(remote->client);
    helper_forget(&remote->account);
    buf_free(&remote->token);
    free(remote->places);
    free(remote);
}

int64_t remote_pause(struct remote *remote)
{
    int64_t least = -1;

    for (size_t i = 0; i < remote->n_places; i++) {
        int64_t pause = remote_ask_pause(remote, &remote->places[i]);
        if (least < 0 || pause < least)
            least = pause;
    }
    return least < 0 ? 0 : least;
}
