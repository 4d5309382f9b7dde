/* SPDX-License-Identifier: Apache-2.0
 * L1: names of images with a registry's host in front. */
#include "oci/image_name.h"

#include <string.h>

#define LIBRARY "library/"

/* docker's rule: the first component is a host if no repository on docker.io could be called so. */
static bool is_host(const char *s, size_t len)
{
    return memchr(s, '.', len) || memchr(s, ':', len) || (len == 9 && !memcmp(s, "localhost", 9));
}

static bool is_docker_hub(const char *s, size_t len)
{
    return (len == 9 && !memcmp(s, "docker.io", 9)) ||
           (len == 15 && !memcmp(s, "index.docker.io", 15));
}

static const char *without_host(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : 0;

    if (!slash || !is_host(text, len))
        return text;
    if (is_docker_hub(text, len) && !strncmp(slash + 1, LIBRARY, strlen(LIBRARY)))
        return slash + 1 + strlen(LIBRARY);
    return slash + 1;
}

int image_name_parse(struct image_name *image, const char *text, struct err *err)
{
    const char *s = without_host(text);
    const char *at = strchr(s, '@');
    size_t end = at ? (size_t)(at - s) : strlen(s);
    const char *colon = memchr(s, ':', end);
    size_t name_len = colon ? (size_t)(colon - s) : end;
    const char *tag = colon ? colon + 1 : "latest";

    if (name_parse(&image->name, s, name_len, err) < 0)
        return -1;
    image->has_tag = colon || !at;
    if (!image->has_tag)
        return 0;
    return tag_parse(&image->tag, tag, colon ? (size_t)(s + end - tag) : strlen(tag), err);
}
