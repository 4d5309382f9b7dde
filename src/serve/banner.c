/* SPDX-License-Identifier: Apache-2.0
 * L5: what `berth serve` says once it serves. */
#include "serve/banner.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static void print_note(const struct banner *front)
{
    if (front->listener->loopback || (front->login->any && front->tls->on))
        return;
    if (front->login->any)
        puts("Note: passwords and images cross the network unencrypted: see --tls-self-signed and "
             "--tls-cert.\n");
    else if (front->tls->on)
        puts("Note: everybody who reaches this port may pull, push and delete: see --htpasswd.\n");
    else
        puts("Note: everybody who reaches this port may pull, push and delete, without TLS: see "
             "--htpasswd and --tls-self-signed.\n");
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
