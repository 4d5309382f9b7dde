/* SPDX-License-Identifier: Apache-2.0
 * L1: platforms of images. */
#include "oci/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the kernel, Debian and others call architectures, and Go and the specification. */
static const struct {
    const char *alias;
    const char *architecture;
    const char *variant;
} aliases[] = {
    {"x86_64", "amd64", ""},    {"x86-64", "amd64", ""},
    {"i386", "386", ""},        {"i486", "386", ""},
    {"i586", "386", ""},        {"i686", "386", ""},
    {"aarch64", "arm64", ""},   {"armv8l", "arm", "v7"},
    {"armv7l", "arm", "v7"},    {"armhf", "arm", "v7"},
    {"armv6l", "arm", "v6"},    {"armel", "arm", "v6"},
    {"armv5tel", "arm", "v5"},  {"armv5tejl", "arm", "v5"},
    {"ppc64el", "ppc64le", ""}, {"loongarch64", "loong64", ""},
};

/* What an architecture is without a variant. */
static const struct {
    const char *architecture;
    const char *variant;
} defaults[] = {{"amd64", "v1"}, {"arm64", "v8"}, {"arm", "v7"}};

static void set_architecture(struct platform *platform, const char *name)
{
    const char *variant = "";

    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (strcmp(name, aliases[i].alias) != 0)
            continue;
        name = aliases[i].architecture;
        variant = aliases[i].variant;
        break;
    }
    snprintf(platform->architecture, sizeof platform->architecture, "%s", name);
    if (!platform->variant[0])
        snprintf(platform->variant, sizeof platform->variant, "%s", variant);
}

static bool take(char part[PLATFORM_PART_SIZE], const char *s, size_t len)
{
    if (len == 0 || len >= PLATFORM_PART_SIZE)
        return false;
    memcpy(part, s, len);
    part[len] = '\0';
    return true;
}

int platform_parse(struct platform *platform, const char *s, struct err *err)
{
    char architecture[PLATFORM_PART_SIZE];
    const char *end = s + strcspn(s, ":");
    const char *first = memchr(s, '/', (size_t)(end - s));
    const char *second = first ? memchr(first + 1, '/', (size_t)(end - first - 1)) : NULL;

    *platform = (struct platform){0};
    bool good = first && take(platform->os, s, (size_t)(first - s)) &&
                take(architecture, first + 1, (size_t)((second ? second : end) - first - 1)) &&
                (!second || take(platform->variant, second + 1, (size_t)(end - second - 1))) &&
                !strchr(platform->variant, '/') &&
                (!*end || take(platform->os_version, end + 1, strlen(end + 1)));
    if (!good)
        return err_set(err, ERR_USAGE,
                       "%s is no platform: write OS/ARCH, OS/ARCH/VARIANT or OS/ARCH:OS.VERSION, "
                       "like linux/arm64",
                       s);
    set_architecture(platform, architecture);
    return 0;
}

void platform_of_machine(struct platform *platform, const char *machine)
{
    *platform = (struct platform){.os = "linux"};
    set_architecture(platform, machine);
}

/* BuildKit lists what it attests beside the images, as unknown/unknown. */
bool platform_from_json(struct platform *platform, const struct json *json)
{
    const char *os = json_text(json_get(json, "os"));
    const char *architecture = json_text(json_get(json, "architecture"));
    const char *variant = json_text(json_get(json, "variant"));
    const char *version = json_text(json_get(json, "os.version"));

    *platform = (struct platform){0};
    return os && architecture && strcmp(os, "unknown") != 0 && take(platform->os, os, strlen(os)) &&
           take(platform->architecture, architecture, strlen(architecture)) &&
           (!variant || !*variant || take(platform->variant, variant, strlen(variant))) &&
           (!version || !*version || take(platform->os_version, version, strlen(version)));
}

void platform_text(char out[PLATFORM_TEXT_SIZE], const struct platform *platform)
{
    snprintf(out, PLATFORM_TEXT_SIZE, "%s/%s%s%s%s%s", platform->os, platform->architecture,
             platform->variant[0] ? "/" : "", platform->variant, platform->os_version[0] ? ":" : "",
             platform->os_version);
}

static const char *variant_of(const struct platform *platform)
{
    for (size_t i = 0; !platform->variant[0] && i < sizeof defaults / sizeof *defaults; i++)
        if (!strcmp(platform->architecture, defaults[i].architecture))
            return defaults[i].variant;
    return platform->variant;
}

/* The number in "v7"; 0: it is none. */
static int level(const char *variant)
{
    long n = variant[0] == 'v' ? strtol(variant + 1, NULL, 10) : 0;

    return n > 0 && n < 1000 ? (int)n : 0;
}

static bool version_fits(const char *wanted, const char *there)
{
    size_t len = strlen(wanted);

    return len == 0 || (!strncmp(wanted, there, len) && (there[len] == '.' || !there[len]));
}

int platform_fits(const struct platform *wanted, const struct platform *there)
{
    const char *left = variant_of(wanted), *right = variant_of(there);

    if (strcmp(wanted->os, there->os) != 0 ||
        strcmp(wanted->architecture, there->architecture) != 0 ||
        !version_fits(wanted->os_version, there->os_version))
        return 0;
    if (!strcmp(left, right))
        return 1000;
    return level(right) < level(left) ? level(right) : 0;
}
