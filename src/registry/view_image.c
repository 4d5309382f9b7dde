/* SPDX-License-Identifier: Apache-2.0
 * L3: what is shown of an image, or another manifest. */
#include "registry/view.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

#define WHAT_MAX 255 /* bytes of a text in a descriptor that are shown */

/* "linux/arm64/v8" or "windows/amd64:10.0.20348.2113" of an index' entry, or "": as oci/platform.h
 * has them, but as the entry says it, which may be anything. */
static const char *platform_of(const struct descriptor *descriptor, struct arena *texts)
{
    static const char *const keys[] = {"os", "architecture", "variant"};
    const struct json *platform = json_get(descriptor->json, "platform");
    const char *text = "";

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = json_text(json_get(platform, keys[i]));
        if (value)
            text = arena_printf(texts, "%s%s%s", text, *text ? "/" : "", value);
    }
    const char *version = json_text(json_get(platform, "os.version"));
    return *text && version && *version ? arena_printf(texts, "%s:%s", text, version) : text;
}

static void add_parts(struct view_image *view)
{
    static const char *const roles[] = {
        [DESCRIPTOR_CONFIG] = "config",
        [DESCRIPTOR_LAYER] = "layer",
        [DESCRIPTOR_CHILD] = "manifest",
    };
    const struct manifest *manifest = &view->pulled.manifest;

    view->total_size = view->size;
    for (size_t i = 0; i < manifest->n_references; i++) {
        const struct descriptor *descriptor = &manifest->references[i];
        *ARRAY_ADD(view->parts, view->n_parts) = (struct view_part){
            .role = roles[descriptor->role],
            .digest = descriptor->digest.s,
            .size = descriptor->size,
            .media_type = descriptor->media_type,
            .what = platform_of(descriptor, &view->texts),
            .json = descriptor->json,
        };
        view->total_size += descriptor->size;
    }
}

static const char *short_text(const struct json *json, const char *key, struct arena *texts)
{
    const char *text = json_text(json_get(json, key));

    return text ? arena_strndup(texts, text, strnlen(text, WHAT_MAX)) : "";
}

static int add_referrer(void *context, const struct json *json, struct err *err)
{
    struct view_image *view = context;
    struct view_part *part = ARRAY_ADD(view->referrers, view->n_referrers);

    (void)err;
    *part = (struct view_part){.role = "referrer",
                               .digest = short_text(json, "digest", &view->texts),
                               .media_type = short_text(json, "mediaType", &view->texts),
                               .what = short_text(json, "artifactType", &view->texts)};
    json_size(json_get(json, "size"), &part->size);
    return 0;
}

/* The image may take as much memory as one of its referrers: it is read when they have been. */
static int find_referrers(const struct registry *registry, const struct name *name,
                          const struct reference *reference, struct view_image *view,
                          struct err *err)
{
    struct reference found = {.is_digest = true};

    if (pull_read(registry, name, reference, &view->pulled, err) < 0)
        return -1;
    found.digest = view->pulled.digest;
    pull_free(&view->pulled);
    if (list_referrers_each(registry, name, &found.digest, add_referrer, view, err) < 0)
        return -1;
    return pull_read(registry, name, &found, &view->pulled, err);
}

static void describe(struct view_image *view, const struct name *name)
{
    const struct pulled_manifest *pulled = &view->pulled;

    view->name = arena_strndup(&view->texts, name->s, strlen(name->s));
    view->digest = pulled->digest.s;
    view->media_type = pulled->manifest.media_type;
    view->size = pulled->size;
    view->subject = pulled->manifest.has_subject ? pulled->manifest.subject.s : NULL;
    add_parts(view);
}

int view_image(const struct registry *registry, const struct name *name,
               const struct reference *reference, struct view_image *view, struct err *err)
{
    *view = (struct view_image){0};
    if (find_referrers(registry, name, reference, view, err) < 0 ||
        list_tags_of(registry, name, &view->pulled.digest, &view->tags, err) < 0) {
        view_image_free(view);
        return -1;
    }
    describe(view, name);
    return 0;
}

void view_image_free(struct view_image *view)
{
    pull_free(&view->pulled);
    strings_free(&view->tags);
    free(view->parts);
    free(view->referrers);
    arena_free(&view->texts);
    *view = (struct view_image){0};
}
