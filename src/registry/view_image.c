/* SPDX-License-Identifier: Apache-2.0
 * L3: what is shown of an image, or another manifest. */
#include "registry/view.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

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

static void add_referrers(struct view_image *view)
{
    for (size_t i = 0; i < json_array_len(view->referrers_json); i++) {
        const struct json *json = json_array_at(view->referrers_json, i);
        const char *digest = json_text(json_get(json, "digest"));
        const char *media_type = json_text(json_get(json, "mediaType"));
        const char *type = json_text(json_get(json, "artifactType"));
        struct view_part *part = ARRAY_ADD(view->referrers, view->n_referrers);
        *part = (struct view_part){.role = "referrer",
                                   .digest = digest ? digest : "",
                                   .media_type = media_type ? media_type : "",
                                   .what = type ? type : "",
                                   .json = json};
        json_size(json_get(json, "size"), &part->size);
    }
}

static int find_referrers(const struct registry *registry, const struct name *name,
                          struct view_image *view, struct err *err)
{
    struct digest last;
    struct page page = {NULL, INT64_MAX};
    bool more = true;
    AUTO_BUF all = BUF_INIT;

    struct json_writer json = json_writer_begin(&all);
    json_writer_array(&json, NULL);
    while (more) {
        if (list_referrers(registry, name, &view->pulled.digest, NULL, page, &json, &last, &more,
                           err) < 0)
            return -1;
        page.last = last.s;
    }
    json_writer_end(&json);
    view->referrers_json = json_parse(all.s, all.len, MANIFEST_DEPTH_MAX, err);
    return view->referrers_json ? 0 : -1;
}

int view_image(const struct registry *registry, const struct name *name,
               const struct reference *reference, struct view_image *view, struct err *err)
{
    struct pulled_manifest *pulled = &view->pulled;

    *view = (struct view_image){0};
    if (pull_read(registry, name, reference, pulled, err) < 0)
        return -1;
    view->name = arena_strndup(&view->texts, name->s, strlen(name->s));
    view->digest = pulled->digest.s;
    view->media_type = pulled->manifest.media_type;
    view->size = pulled->size;
    view->subject = pulled->manifest.has_subject ? pulled->manifest.subject.s : NULL;
    if (list_tags_of(registry, name, &pulled->digest, &view->tags, err) < 0 ||
        find_referrers(registry, name, view, err) < 0) {
        view_image_free(view);
        return -1;
    }
    add_parts(view);
    add_referrers(view);
    return 0;
}

void view_image_free(struct view_image *view)
{
    pull_free(&view->pulled);
    strings_free(&view->tags);
    json_free(view->referrers_json);
    free(view->parts);
    free(view->referrers);
    arena_free(&view->texts);
    *view = (struct view_image){0};
}
