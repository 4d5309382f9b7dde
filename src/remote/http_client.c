/* SPDX-License-Identifier: Apache-2.0
 * L2: one request of HTTP to another host. The only user of curl.h. */
#include "remote/http_client.h"

#include "base/array.h"
#include "base/decimal.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strings.h"
#include "remote/proxy.h"
#include "remote/url.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_SECONDS 15
#define STALL_SECONDS 30
#define STALL_BYTES 1024
#define BUFFER 131072
#define CONNECTIONS_MAX 8 /* kept open */

struct http_client {
    struct http_client_options options;
    CURL *curl;
    char reason[CURL_ERROR_SIZE];
};

/* A request under way, for the callbacks. */
struct exchange {
    const struct http_client_request *request;
    struct http_client_answer *answer;
    size_t headers_len;
    bool has_begun;     /* the sink was told */
    bool is_cut;        /* enough of a complaint was read */
    bool is_led_astray; /* an address was refused */
    bool has_failed;    /* *err says why */
    bool is_proxied;
    struct err *err;
};

void http_client_answer_free(struct http_client_answer *answer)
{
    strings_free(&answer->headers);
    buf_free(&answer->body);
    *answer = (struct http_client_answer){0};
}

const char *http_client_header(const struct http_client_answer *answer, const char *name,
                               size_t *at)
{
    size_t len = strlen(name);

    for (size_t i = at ? *at : 0; i < answer->headers.n; i++) {
        const char *line = answer->headers.v[i];
        if (!strncasecmp(line, name, len) && line[len] == ':') {
            if (at)
                *at = i + 1;
            return line + len + 1 + strspn(line + len + 1, " \t");
        }
    }
    return NULL;
}

int64_t http_client_length(const struct http_client_answer *answer)
{
    const char *value = http_client_header(answer, "Content-Length", NULL);
    int64_t length;

    return value && decimal_parse(value, strlen(value), &length) ? length : -1;
}

/* Once for the process; libcurl counts who uses it. */
static int begin_library(struct err *err)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
               ? 0
               : err_set(err, ERR_INTERNAL, "libcurl does not begin");
}

/* Libcurl would only say "problem with the local SSL certificate". */
static int check_file(const char *path, struct err *err)
{
    if (!path || access(path, R_OK) == 0)
        return 0;
    err_sys(err, errno, "%s", path);
    return err_recode(err, ERR_CONFIG);
}

struct http_client *http_client_open(const struct http_client_options *options, struct err *err)
{
    if (check_file(options->ca_file, err) < 0 || check_file(options->certificate, err) < 0 ||
        check_file(options->key, err) < 0 || begin_library(err) < 0)
        return NULL;
    struct http_client *client = mem_alloc(sizeof *client);
    client->options = *options;
    client->curl = curl_easy_init();
    if (client->curl)
        return client;
    http_client_close(client);
    err_set(err, ERR_INTERNAL, "libcurl does not begin");
    return NULL;
}

void http_client_close(struct http_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    curl_global_cleanup();
    free(client);
}

static bool is_success(int status)
{
    return status >= 200 && status < 300;
}

/* What fails here is what ends the request: the first reason counts. */
static void fail(struct exchange *exchange)
{
    exchange->has_failed = true;
}

/* A status line begins the headers anew: those of 100 Continue do not count. */
static void begin_headers(struct http_client_answer *answer, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);

    strings_free(&answer->headers);
    answer->status = 0;
    if (space && len - (size_t)(space - line) >= 4)
        for (int i = 1; i <= 3 && space[i] >= '0' && space[i] <= '9'; i++)
            answer->status = answer->status * 10 + space[i] - '0';
}

static size_t take_header(char *line, size_t size, size_t n, void *context)
{
    struct exchange *exchange = context;
    size_t len = size * n;

    exchange->headers_len += len;
    if (exchange->headers_len > HTTP_CLIENT_HEADERS_MAX) {
        err_set(exchange->err, ERR_UPSTREAM_CONTENT, "its headers are longer than %d bytes",
                HTTP_CLIENT_HEADERS_MAX);
        fail(exchange);
        return 0;
    }
    if (len >= 5 && !memcmp(line, "HTTP/", 5)) {
        begin_headers(exchange->answer, line, len);
        return len;
    }
    size_t end = len;
    while (end > 0 && strchr("\r\n \t", line[end - 1]))
        end--;
    if (end > 0 && memchr(line, ':', end) && !memchr(line, '\0', end)) {
        AUTO_BUF text = BUF_INIT;
        buf_add(&text, line, end);
        strings_add(&exchange->answer->headers, text.s);
    }
    return len;
}

static int begin_sink(struct exchange *exchange)
{
    const struct http_client_sink *sink = exchange->request->sink;

    if (!sink || exchange->has_begun || !is_success(exchange->answer->status))
        return 0;
    exchange->has_begun = true;
    if (!sink->begin || sink->begin(sink->context, exchange->answer, exchange->err) == 0)
        return 0;
    fail(exchange);
    return -1;
}

static int end_sink(struct exchange *exchange)
{
    const struct http_client_sink *sink = exchange->request->sink;

    if (begin_sink(exchange) < 0)
        return -1;
    return exchange->has_begun && sink->end ? sink->end(sink->context, exchange->err) : 0;
}

static size_t take_complaint(struct exchange *exchange, const char *bytes, size_t len)
{
    struct buf *body = &exchange->answer->body;
    size_t room = HTTP_CLIENT_COMPLAINT_MAX - body->len;

    buf_add(body, bytes, len < room ? len : room);
    exchange->is_cut = len > room;
    return exchange->is_cut ? 0 : len;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *context)
{
    struct exchange *exchange = context;
    const struct http_client_sink *sink = exchange->request->sink;
    size_t len = size * n;

    if (!is_success(exchange->answer->status))
        return take_complaint(exchange, bytes, len);
    if (begin_sink(exchange) < 0)
        return 0;
    if (sink) {
        if (len == 0 || sink->write(sink->context, bytes, len, exchange->err) == 0)
            return len;
    } else if (len <= exchange->request->body_max - exchange->answer->body.len) {
        buf_add(&exchange->answer->body, bytes, len);
        return len;
    } else {
        err_set(exchange->err, ERR_UPSTREAM_CONTENT, "its answer is longer than %zu bytes",
                exchange->request->body_max);
    }
    fail(exchange);
    return 0;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *exchange = context;
    const enum address_class *led_by = exchange->request->led_by;

    (void)purpose;
    if (led_by && !exchange->is_proxied &&
        !address_may_lead(*led_by, address_class_of(&address->addr))) {
        exchange->is_led_astray = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static enum err_code code_of(CURLcode result)
{
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_UPSTREAM_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CLIENTCERT:
        return ERR_UPSTREAM_TLS;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
        return ERR_UPSTREAM_CONTENT;
    case CURLE_OUT_OF_MEMORY:
        abort();
    default:
        return ERR_UPSTREAM_NETWORK;
    }
}

static int explain(const struct http_client *client, const struct exchange *exchange,
                   CURLcode result)
{
    const char *reason = *client->reason ? client->reason : curl_easy_strerror(result);
    AUTO_BUF url = BUF_INIT;

    url_show(exchange->request->url, &url);
    if (exchange->is_led_astray)
        return err_set(exchange->err, ERR_UPSTREAM_REDIRECT,
                       "%s is an address of this host or its network", url.s);
    return err_set(exchange->err, code_of(result), "%s: %s", url.s, reason);
}

static struct curl_slist *header_list(const struct http_client_request *request)
{
    struct curl_slist *list = NULL;
    /* Without these libcurl would wait before it sends a body, and call it a form. */
    static const char *const none[] = {"Expect:", "Content-Type:", NULL};
    const char *const *sets[] = {none, request->headers};

    for (size_t set = 0; set < 2; set++)
        for (size_t i = 0; sets[set] && sets[set][i]; i++) {
            struct curl_slist *longer = curl_slist_append(list, sets[set][i]);
            if (!longer)
                abort();
            list = longer;
        }
    return list;
}

static long or_default(long value, long usual)
{
    return value > 0 ? value : usual;
}

static void set_speed(CURL *curl, const struct http_client_options *options,
                      const struct http_client_request *request)
{
    long buffer = BUFFER;
    long stall_bytes = or_default(options->stall_bytes, STALL_BYTES);
    if (request->rate_max > 0) {
        curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)request->rate_max);
        /* It looks at its clock after a hundred buffers only. */
        if (buffer > request->rate_max / 400)
            buffer = request->rate_max > 400 * 1024 ? (long)(request->rate_max / 400) : 1024;
        if (stall_bytes > request->rate_max / 2)
            stall_bytes = (long)(request->rate_max / 2) + 1;
    }
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, buffer);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, stall_bytes);
}

static void set_limits(CURL *curl, const struct http_client_options *options,
                       const struct http_client_request *request)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
                     or_default(options->connect_seconds, CONNECT_SECONDS));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                     or_default(options->stall_seconds, STALL_SECONDS));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
    curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
}

static void set_tls(CURL *curl, const struct http_client_options *options, bool is_foreign)
{
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
        if (!is_foreign)
            curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* the system's, by default */
    }
    if (options->certificate && !is_foreign) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, options->certificate);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key ? options->key : options->certificate);
    }
    if (options->accept_any_certificate && !is_foreign) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void set_request(CURL *curl, const struct http_client_request *request)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                     (long)(request->is_http1 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    if (!strcmp(request->method, "HEAD"))
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else if (!request->body)
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    if (strcmp(request->method, "HEAD") != 0)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_callbacks(struct http_client *client, struct exchange *exchange)
{
    *client->reason = '\0';
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, client->reason);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(client->curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(client->curl, CURLOPT_OPENSOCKETDATA, exchange);
}

/* Of whom the answer is. A connection that was open already was looked at when it was opened, by a
 * request that might go elsewhere, so it is looked at again. */
static int look_at_address(struct http_client *client, struct exchange *exchange)
{
    const struct http_client_request *request = exchange->request;
    struct http_client_answer *answer = exchange->answer;
    char *address = NULL;

    if (exchange->is_proxied ||
        curl_easy_getinfo(client->curl, CURLINFO_PRIMARY_IP, &address) != CURLE_OK || !address ||
        !address_class_parse(address, &answer->class))
        return 0;
    answer->has_class = true;
    exchange->is_led_astray = request->led_by && !address_may_lead(*request->led_by, answer->class);
    return exchange->is_led_astray ? explain(client, exchange, CURLE_OK) : 0;
}

static int finish(struct http_client *client, struct exchange *exchange, CURLcode result)
{
    if (exchange->has_failed)
        return -1;
    if (result != CURLE_OK && !(exchange->is_cut && result == CURLE_WRITE_ERROR))
        return explain(client, exchange, result);
    if (look_at_address(client, exchange) < 0)
        return -1;
    if (exchange->answer->status < 200 || exchange->answer->status > 599)
        return err_set(exchange->err, ERR_UPSTREAM_CONTENT, "its answer has no status of HTTP");
    return end_sink(exchange);
}

int http_client_send(struct http_client *client, const struct http_client_request *request,
                     struct http_client_answer *answer, struct err *err)
{
    struct err own = {0};
    struct url url;
    struct exchange exchange = {.request = request, .answer = answer, .err = err ? err : &own};
    enum address_class class;

    if (!url_parse(&url, request->url))
        return err_set(err, ERR_UPSTREAM_CONTENT, "a URL that is none of http or https");
    exchange.is_proxied = proxy_is_used(&url);
    exchange.is_led_astray = request->led_by && address_class_parse(url.host, &class) &&
                             !address_may_lead(*request->led_by, class);
    if (exchange.is_led_astray)
        return explain(client, &exchange, CURLE_OK);
    curl_easy_reset(client->curl); /* its connections stay */
    set_speed(client->curl, &client->options, request);
    set_limits(client->curl, &client->options, request);
    set_tls(client->curl, &client->options, request->is_foreign);
    set_request(client->curl, request);
    set_callbacks(client, &exchange);
    if (client->options.user_agent)
        curl_easy_setopt(client->curl, CURLOPT_USERAGENT, client->options.user_agent);
    struct curl_slist *headers = header_list(request);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode result = curl_easy_perform(client->curl);
    int done = finish(client, &exchange, result);
    curl_slist_free_all(headers);
    return done;
}
