/* SPDX-License-Identifier: Apache-2.0
 * L5: writing lighttpd's configuration around etc/lighttpd-berth.conf. */
#include "admin/serve_conf.h"

#include "store/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* etc/lighttpd-berth.conf, by a rule in Makefile.am. */
static const char lighttpd_berth_conf[] =
#include "lighttpd-berth.h"
    ;

int serve_conf_listen(struct serve_conf *conf, const char *text, struct err *err)
{
    const char *colon = text ? strrchr(text, ':') : NULL;
    const char *port = !text ? "5000" : colon ? colon + 1 : text;
    const char *address = !text || !colon || colon == text ? "127.0.0.1" : text;
    size_t len = address == text ? (size_t)(colon - text) : strlen(address);
    char *end;

    if (len > 2 && address[0] == '[' && address[len - 1] == ']') {
        address++;
        len -= 2;
    }
    conf->port = (int)strtol(port, &end, 10);
    if (*port == '\0' || *end || conf->port < 1 || conf->port > 65535 ||
        len >= sizeof conf->address || strcspn(address, "\"\\") < len)
        return err_set(err, ERR_USAGE,
                       "--listen takes ADDR:PORT, like 127.0.0.1:5000 or [::1]:5000");
    memcpy(conf->address, address, len);
    conf->address[len] = '\0';
    return 0;
}

void serve_conf_host(const struct serve_conf *conf, struct buf *out)
{
    bool ipv6 = strchr(conf->address, ':') != NULL;

    buf_addf(out, "%s%s%s:%d", ipv6 ? "[" : "", conf->address, ipv6 ? "]" : "", conf->port);
}

static int add_text(struct buf *out, const char *before, const char *value, const char *after,
                    struct err *err)
{
    if (strpbrk(value, "\"\\\n"))
        return err_set(err, ERR_USAGE, "%s: lighttpd takes no path with quotes or backslashes",
                       value);
    buf_addf(out, "%s\"%s\"%s", before, value, after);
    return 0;
}

static int print_backend(const struct serve_conf *conf, struct buf *out, struct err *err)
{
    if (add_text(out, "var.berth_backend = (\n    \"socket\" => ", conf->runtime, " + \"/fcgi\",\n",
                 err) < 0 ||
        add_text(out, "    \"bin-path\" => ", conf->program, ",\n", err) < 0)
        return -1;
    buf_addf(out,
             "    \"max-procs\" => %d,\n"
             "    \"check-local\" => \"disable\",\n"
             "    \"x-sendfile\" => \"enable\",\n"
             "    \"x-sendfile-docroot\" => ( var.berth_root + \"/" LAYOUT_PREFIX "/" LAYOUT_BLOBS
             "\" ),\n"
             "    \"bin-environment\" => (\n"
             "        \"BERTH_ROOT\" => var.berth_root,\n"
             "        \"BERTH_SENDFILE\" => \"x-sendfile\",\n",
             conf->workers);
    if (conf->config && add_text(out, "        \"BERTH_CONF\" => ", conf->config, ",\n", err) < 0)
        return -1;
    buf_addstr(out, "    ),\n)\n");
    return 0;
}

int serve_conf_print(const struct serve_conf *conf, struct buf *out, struct err *err)
{
    bool ipv6 = strchr(conf->address, ':') != NULL;

    buf_addf(out,
             "# Written by `berth serve`; it goes when that ends.\n"
             "server.modules = ( \"mod_fastcgi\" )\n"
             "server.bind = \"%s%s%s\"\n"
             "server.port = %d\n"
             "server.tag = \"berth\"\n",
             ipv6 ? "[" : "", conf->address, ipv6 ? "]" : "", conf->port);
    if (add_text(out, "server.document-root = ", conf->runtime, "\n", err) < 0 ||
        add_text(out, "var.berth_root = ", conf->root, "\n", err) < 0)
        return -1;
    buf_addstr(out, "var.berth_spool = var.berth_root + \"/" LAYOUT_PREFIX "/" LAYOUT_SPOOL "\"\n");
    if (print_backend(conf, out, err) < 0)
        return -1;
    buf_addc(out, '\n');
    buf_addstr(out, lighttpd_berth_conf);
    return 0;
}
