/* SPDX-License-Identifier: Apache-2.0
 * L2: whom a password is shown to. The only user of libpsl.h. */
#include "remote/realm.h"

#include "remote/address.h"

#include <libpsl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool have_same_domain(const char *a, const char *b)
{
    enum address_class class;

    if (!strcmp(a, b))
        return true;
    if (address_class_parse(a, &class) || address_class_parse(b, &class))
        return false;
    const psl_ctx_t *list = psl_builtin();
    const char *domain_a = list ? psl_registrable_domain(list, a) : NULL;
    const char *domain_b = list ? psl_registrable_domain(list, b) : NULL;
    return domain_a && domain_b && !strcmp(domain_a, domain_b);
}

static bool is_named(const struct url *url, const char *const *named, size_t n_named)
{
    char with_port[URL_HOST_MAX + 16];

    snprintf(with_port, sizeof with_port, strchr(url->host, ':') ? "[%s]:%d" : "%s:%d", url->host,
             url->port);
    for (size_t i = 0; i < n_named; i++)
        if (!strcasecmp(named[i], url->host) || !strcasecmp(named[i], with_port))
            return true;
    return false;
}

int realm_check(const struct url *registry, const char *realm, const char *const *named,
                size_t n_named, struct err *err)
{
    struct url url;

    if (!url_parse(&url, realm))
        return err_set(err, ERR_UPSTREAM_REFUSED, "it names no token server that can be asked");
    if (registry->is_https && !url.is_https)
        return err_set(err, ERR_UPSTREAM_REFUSED,
                       "its token server %s would be asked without TLS, which the registry has",
                       url.host);
    if (have_same_domain(registry->host, url.host) || is_named(&url, named, n_named))
        return 0;
    return err_set(err, ERR_UPSTREAM_REFUSED,
                   "its token server %s is of another domain than %s: if it is the right one, name "
                   "it in `realms`",
                   url.host, registry->host);
}
