/* SPDX-License-Identifier: Apache-2.0
 * L5: what `berth serve` says once it serves. */
#include "serve/banner.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

/* What is named is what says it: options, or with what registry:2 is told. */
static void print_note(const struct banner *front)
{
    bool as_registry_2 = front->options->listen_by;
    const char *login = as_registry_2 ? "REGISTRY_AUTH" : "--htpasswd";
    const char *tls =
        as_registry_2 ? "REGISTRY_HTTP_TLS_CERTIFICATE" : "--tls-self-signed and --tls-cert";

    if (front->listener->loopback || (front->login->any && front->tls->on))
        return;
    if (front->login->any)
        printf("Note: passwords and images cross the network unencrypted: see %s.\n\n", tls);
    else if (front->tls->on)
        printf("Note: everybody who reaches this port may pull, push and delete: see %s.\n\n",
               login);
    else
        printf(
            "Note: everybody who reaches this port may pull, push and delete, without TLS: see %s, "
            "%s.\n\n",
            login, tls);
}

static void print_workers(const struct serve_options *options)
{
    if (options->workers_max > options->workers)
        printf("%d to ", options->workers);
    printf("%d worker%s\n", options->workers_max, options->workers_max == 1 ? "" : "s");
}

/* Files that passwords and keys are in have to be readable for this one. */
static void print_user(void)
{
    const struct passwd *user = getpwuid(geteuid());

    printf("Running   as user %s (%ld), to whom that belongs\n", user ? user->pw_name : "-",
           (long)geteuid());
}

void banner_print(const void *context)
{
    const struct banner *front = context;
    const struct listener *listener = front->listener;
    const char *host = listener->any ? "localhost" : listener->host;

    printf("Serving   http%s://%s:%d/v2/ with ", front->tls->on ? "s" : "", listener->host,
           listener->port);
    print_workers(front->options);
    printf("Storing   %s\n", front->conf->frozen.store.root);
    if (front->became_owner)
        print_user();
    tls_print_trust(front->tls, front->options, listener);
    printf("%sTry it with an image that you have, here called IMAGE:\n",
           front->tls->dir.len ? "" : "\n");
    if (front->login->any)
        printf("  docker login %s:%d\n", host, listener->port);
    printf("  docker tag IMAGE %s:%d/my-image\n"
           "  docker push %s:%d/my-image\n"
           "  docker pull %s:%d/my-image\n"
           "\n",
           host, listener->port, host, listener->port, host, listener->port);
    print_note(front);
    printf("Ctrl-C stops it.\n");
    fflush(stdout);
}
