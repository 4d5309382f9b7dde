/* SPDX-License-Identifier: Apache-2.0
 * L4: GET /metrics, for Prometheus: what is counted, and what room there is. */
#include "api/metrics.h"
#include "api/api.h"
#include "api/aside.h"

#include "base/file.h"
#include "metric/metric.h"
#include "metric/metric_text.h"

#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>

#define TOKEN_SIZE_MAX 4096

static bool is_way(const char *value, const char **must)
{
    const char *unused;

    *must = "must be \"login\", \"token\", \"off\", an address or a network like 10.0.0.0/8";
    return !strcmp(value, "login") || !strcmp(value, "token") || !strcmp(value, "off") ||
           client_is_network(value, &unused);
}

static const struct settings_key keys[] = {
    SETTINGS_CHECKED_LIST(struct metrics_settings, metrics, "metrics", is_way),
    SETTINGS_TEXT(struct metrics_settings, token, "metrics_token", "", NULL),
    SETTINGS_END,
};

const struct settings_table metrics_table = SETTINGS_TABLE(struct metrics_settings, keys, NULL);

/* --- who may see it --- */

/* In a time that does not tell how much of it is right. */
static bool is_equal(const char *a, const char *b, size_t len)
{
    unsigned char differs = 0;

    for (size_t i = 0; i < len; i++)
        differs |= (unsigned char)(a[i] ^ b[i]);
    return differs == 0;
}

static bool has_token(const struct request *request, const struct metrics_settings *settings)
{
    const char *shown = request_header(request, "HTTP_AUTHORIZATION");
    AUTO_BUF token = BUF_INIT;
    struct err err;

    if (!shown || strncasecmp(shown, "Bearer ", 7) != 0 || !*settings->token)
        return false;
    shown += 7 + strspn(shown + 7, " ");
    if (file_read(settings->token, TOKEN_SIZE_MAX, &token, &err) < 0) {
        log_error("metrics_token: %s: %s", settings->token, err.msg);
        return false;
    }
    size_t len = token.len ? strcspn(token.s, "\r\n") : 0;
    return len > 0 && len == strlen(shown) && is_equal(token.s, shown, len);
}

static int permit(const struct api *api, struct request *request, struct err *err)
{
    const struct config_live *live = &api->rules->live;
    const struct strings *ways = &live->metrics.metrics;

    if (strings_has(ways, "off"))
        return err_set(err, ERR_ROUTE_UNKNOWN, "metrics are switched off here");
    if (client_is_in(api->address, ways) && !client_is_hidden(request, &live->client))
        return 0;
    if (strings_has(ways, "token") && has_token(request, &live->metrics))
        return 0;
    if (*api->who.user && (ways->n == 0 || strings_has(ways, "login")))
        return 0;
    return err_set(err, ERR_UNAUTHORIZED,
                   "log in, or see `metrics` in berth.conf for who may see them without");
}

/* --- the room --- */

struct room {
    bool reached;
    int64_t size, free, files, files_free;
};

static void look(const void *context, void *answer)
{
    const struct store_settings *settings = context;
    struct room *room = answer;
    struct statvfs st;
    struct stat root;

    /* An empty mount point has room, too, but it is another's. */
    if (statvfs(settings->root, &st) < 0 || stat(settings->root, &root) < 0)
        return;
    *room = (struct room){true, (int64_t)(st.f_blocks * st.f_frsize),
                          (int64_t)(st.f_bavail * st.f_frsize), (int64_t)st.f_files,
                          (int64_t)st.f_favail};
}

static void print_room(struct metric_text *text, const struct store_settings *settings)
{
    static struct aside aside;
    struct room room = {0};

    if (aside_ask(&aside, -1, look, settings, &room, sizeof room, NULL) <= 0)
        room.reached = false;
    metric_text_family(text, "berth_store_reached", "gauge",
                       "Whether the data directory answered within a second.");
    metric_text_value(text, "", room.reached);
    if (!room.reached)
        return;
    metric_text_family(text, "berth_filesystem_size_bytes", "gauge",
                       "Size of the file system of the data directory.");
    metric_text_value(text, "", room.size);
    metric_text_family(text, "berth_filesystem_free_bytes", "gauge",
                       "What berth may still use of it.");
    metric_text_value(text, "", room.free);
    if (room.files == 0) /* some file systems count none */
        return;
    metric_text_family(text, "berth_filesystem_files", "gauge", "Files that it can hold.");
    metric_text_value(text, "", room.files);
    metric_text_family(text, "berth_filesystem_files_free", "gauge", "How many more.");
    metric_text_value(text, "", room.files_free);
}

/* Prometheus names what it prefers first; of two q-values nobody has made use yet. */
static bool wants_open_metrics(const struct request *request)
{
    const char *accept = request_header(request, "HTTP_ACCEPT");
    const char *open = accept ? strcasestr(accept, "application/openmetrics-text") : NULL;
    const char *plain = accept ? strcasestr(accept, "text/plain") : NULL;

    return open && (!plain || open < plain);
}

int metrics_get(const struct api *api, struct request *request, const struct target *target,
                struct response *response, struct err *err)
{
    AUTO_BUF out = BUF_INIT;
    struct metric_text text = {.out = &out, .open_metrics = wants_open_metrics(request)};

    (void)target;
    if (permit(api, request, err) < 0)
        return -1;
    metric_print(&text);
    print_room(&text, &api->frozen->store);
    metric_text_end(&text);
    response_header(response, "Content-Type", "%s",
                    text.open_metrics ? METRIC_TEXT_OPEN_TYPE : METRIC_TEXT_TYPE);
    response_header(response, "Cache-Control", "no-store");
    response_text(response, out.s, out.len);
    return 0;
}
