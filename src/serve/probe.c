/* SPDX-License-Identifier: Apache-2.0
 * L5: whether a registry is well, as it says itself. */
#include "serve/probe.h"

#include "base/json.h"
#include "base/text.h"
#include "distribution/distribution.h"
#include "serve/ask.h"

#include <string.h>
#include <unistd.h>

/* Where it serves, if nobody says. */
struct address {
    struct buf text, host;
    const char *port; /* in text */
    bool tls;
};

static void free_address(struct address *address)
{
    buf_free(&address->text);
    buf_free(&address->host);
}

/* What `berth registry` reads says where that one listens. */
static int find_address(const struct probe *probe, struct address *address, struct err *err)
{
    AUTO_DISTRIBUTION distribution = {0};

    address->tls = probe->tls;
    if (probe->address) {
        buf_addstr(&address->text, probe->address);
        return 0;
    }
    if (distribution_read(&distribution, distribution_file(), (const char *const *)environ, err) <
        0)
        return -1;
    buf_addstr(&address->text, distribution.addr);
    address->tls |= distribution.certificate != NULL;
    return 0;
}

/* "HOST:PORT", "[IPV6]:PORT", ":PORT", "PORT". Who listens everywhere does so on this machine. */
static int split_address(struct address *address, struct err *err)
{
    char *colon = strrchr(address->text.s, ':');
    const char *host = address->text.s;
    size_t len = colon ? (size_t)(colon - host) : 0;

    address->port = colon ? colon + 1 : address->text.s;
    if (!*address->port || address->port[strspn(address->port, "0123456789")])
        return err_set(err, ERR_USAGE, "%s: must be ADDR:PORT, as 127.0.0.1:5000", host);
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    buf_add(&address->host, host, len);
    if (len == 0 || !strcmp(address->host.s, "*") || !strcmp(address->host.s, "0.0.0.0")) {
        buf_clear(&address->host);
        buf_addstr(&address->host, "127.0.0.1");
    } else if (!strcmp(address->host.s, "::")) {
        buf_clear(&address->host);
        buf_addstr(&address->host, "::1");
    }
    return 0;
}

/* What the answer says of it, or else nothing. */
static void explain(const struct buf *body, struct buf *out)
{
    struct json *json = json_parse(body->s, body->len, 4, NULL);
    const char *message = json ? json_text(json_get(json, "message")) : NULL;

    if (message) {
        buf_addstr(out, ": ");
        text_add_escaped(out, message);
    }
    json_free(json);
}

static int judge(const struct ask *ask, int status, const struct buf *body, struct err *err)
{
    AUTO_BUF why = BUF_INIT;

    if (status == 200)
        return 0;
    buf_addstr(&why, "");
    explain(body, &why);
    if (status == 404)
        buf_addstr(&why, ": is it berth, and does the web server pass this path on?");
    return err_set(err, ERR_NOT_WELL, "%s port %s answers %s with %d%s", ask->host, ask->port,
                   ask->path, status, why.s);
}

int probe_ask(const struct probe *probe, struct buf *where, struct err *err)
{
    __attribute__((cleanup(free_address))) struct address address = {0};
    AUTO_BUF body = BUF_INIT;
    int status;

    if (find_address(probe, &address, err) < 0 || split_address(&address, err) < 0)
        return -1;
    const struct ask ask = {.host = address.host.s,
                            .port = address.port,
                            .tls = address.tls,
                            .path = probe->live ? "/livez" : "/readyz",
                            .seconds = probe->seconds};
    buf_addf(where, "%s port %s", ask.host, ask.port);
    if (ask_get(&ask, &status, &body, err) < 0)
        return err_recode(err, ERR_NOT_WELL);
    return judge(&ask, status, &body, err);
}
