/* SPDX-License-Identifier: Apache-2.0
 * L1: what registry:2's configuration means, as berth.conf. */
#include "distribution/distribution.h"

#include <string.h>

static void print_remarks(const struct distribution *distribution, bool missing, struct buf *out)
{
    for (size_t i = 0; i < distribution->n_remarks; i++) {
        const struct distribution_remark *one = &distribution->remarks[i];
        if (one->missing == missing)
            buf_addf(out, "# %s: %s: %s%s\n", one->where, one->path,
                     missing ? "has no equal: " : "", one->text);
    }
}

void distribution_print_remarks(const struct distribution *distribution, struct buf *out)
{
    print_remarks(distribution, true, out);
    print_remarks(distribution, false, out);
}

/* A text of libconfuse, in which "${HOME}" would be a variable. */
static int print_text(struct buf *out, const char *before, const char *text, const char *after,
                      struct err *err)
{
    buf_addf(out, "%s\"", before);
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return err_set(err, ERR_CONFIG, "there is a control character in \"%s\"", text);
        if (strchr("\"\\$", *c))
            buf_addc(out, '\\');
        buf_addc(out, *c);
    }
    buf_addf(out, "\"%s", after);
    return 0;
}

/* One that was not said is not printed. */
static int print_key(struct buf *out, const char *key, const char *value, struct err *err)
{
    if (!value)
        return 0;
    buf_addf(out, "%s = ", key);
    return print_text(out, "", value, "\n", err);
}

static int print_tokens(const struct distribution *distribution, struct buf *out, struct err *err)
{
    if (!distribution->token_issuer)
        return 0;
    if (print_key(out, "token_realm", distribution->token_realm, err) < 0 ||
        print_key(out, "token_service", distribution->token_service, err) < 0 ||
        print_text(out, "issuer ", distribution->token_issuer, " {\n", err) < 0 ||
        print_text(out, "    keys = ", distribution->token_keys, "\n", err) < 0)
        return -1;
    buf_addstr(out, "}\n");
    return 0;
}

#define HUB "registry-1.docker.io"

/* A registry:2 that caches another has all of that one's names. */
static int print_proxy(const struct distribution *distribution, struct buf *out, struct err *err)
{
    AUTO_BUF url = BUF_INIT;

    if (!distribution->proxy_url || !*distribution->proxy_url)
        return 0;
    buf_addstr(&url, distribution->proxy_url);
    while (url.len && url.s[url.len - 1] == '/')
        url.s[--url.len] = '\0';
    const char *host = strstr(url.s, "://") + 3;
    if (print_text(out, "upstream ", strcmp(host, HUB) != 0 ? host : "docker.io", " {\n", err) <
            0 ||
        print_text(out, "    url = {", url.s, "}\n    prefix = \"\"\n", err) < 0)
        return -1;
    if (distribution->proxy_user && *distribution->proxy_user &&
        (print_text(out, "    user = ", distribution->proxy_user, "\n", err) < 0 ||
         print_text(out, "    password = ",
                    distribution->proxy_password ? distribution->proxy_password : "", "\n",
                    err) < 0))
        return -1;
    buf_addstr(out, "}\n");
    return 0;
}

int distribution_print(const struct distribution *distribution, const char *base, struct buf *out,
                       struct err *err)
{
    if (!distribution->root)
        buf_addstr(out, "root = \"" DISTRIBUTION_ROOT "\"\n");
    if (!distribution->says_deletes)
        buf_addstr(out, "delete = false\n");
    if (base && print_text(out, "include(", base, ")\n", err) < 0)
        return -1;
    if (print_key(out, "root", distribution->root, err) < 0)
        return -1;
    if (distribution->says_deletes)
        buf_addf(out, "delete = %s\n", distribution->deletes ? "true" : "false");
    if (distribution->readonly)
        buf_addstr(out, "readonly = true\n");
    if (distribution->page_limit)
        buf_addf(out, "page_limit = %jd\n", (intmax_t)distribution->page_limit);
    if (print_key(out, "log_level", distribution->log_level, err) < 0 ||
        print_key(out, "htpasswd", distribution->htpasswd, err) < 0 ||
        print_key(out, "realm", distribution->realm, err) < 0)
        return -1;
    return print_tokens(distribution, out, err) < 0 ? -1 : print_proxy(distribution, out, err);
}

void distribution_print_serve(const struct distribution *distribution, struct buf *out)
{
    const char *host = distribution->addr[0] == ':' ? "*" : "";

    buf_addf(out,
             "\n# Where it listens is said to `berth serve`, or to the web server:\n"
             "#   berth serve --listen '%s%s'",
             host, distribution->addr);
    if (distribution->certificate)
        buf_addf(out, " --tls-cert '%s' --tls-key '%s'", distribution->certificate,
                 distribution->key);
    buf_addstr(out, "\n");
}
