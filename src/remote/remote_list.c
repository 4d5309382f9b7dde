/* SPDX-License-Identifier: Apache-2.0
 * L2: lists of another registry: GET /v2/<name>/tags/list, /v2/<name>/referrers/<digest>. */
#include "base/json.h"
#include "base/json_writer.h"
#include "remote/answer.h"
#include "remote/remote.h"
#include "remote/remote_ask.h"

#include <string.h>

#define DEPTH_MAX 32
#define PAGES_MAX 10000 /* of a list that has no end */
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"

/* What is done with a page. -1 with *err set ends it. */
typedef int page_fn(void *context, const struct json *page, struct err *err);

/* The next page, which must be of the same registry; "" at the end. */
static int turn(const struct remote *remote, const struct http_client_answer *answer,
                struct buf *path, struct err *err)
{
    const struct remote_place *place = &remote->places[remote->current];
    const char *link = http_client_header(answer, "Link", NULL);
    AUTO_BUF target = BUF_INIT, from = BUF_INIT, to = BUF_INIT;
    struct url url;

    buf_add(&from, place->text, place->text_len);
    buf_addstr(&from, path->s);
    buf_clear(path);
    buf_addstr(path, "");
    if (!link || !answer_next(link, &target))
        return 0;
    if (!url_resolve(from.s, target.len ? target.s : "", &to) || !url_parse(&url, to.s) ||
        strcmp(url.host, place->url.host) != 0)
        return err_set(err, ERR_UPSTREAM_CONTENT, "the next page of its list is elsewhere");
    /* Behind a proxy it may name itself by another scheme, port or path: what is asked for counts.
     */
    const char *v2 = strstr(url.path, "/v2/");
    if (!v2)
        return err_set(err, ERR_UPSTREAM_CONTENT, "the next page of its list is elsewhere");
    buf_addstr(path, v2);
    return strcmp(from.s + place->text_len, path->s) != 0
               ? 0
               : err_set(err, ERR_UPSTREAM_CONTENT, "the next page of its list is the same again");
}

static int visit_page(const struct http_client_answer *answer, page_fn *visit, void *context,
                      struct err *err)
{
    struct err why;
    struct json *page =
        json_parse(answer->body.s ? answer->body.s : "", answer->body.len, DEPTH_MAX, &why);

    if (!page)
        return err_set(err, ERR_UPSTREAM_CONTENT, "what it sends as a list is none: %s", why.msg);
    int visited = visit(context, page, err);
    json_free(page);
    return visited;
}

static int each_page(struct remote *remote, const struct name *name, struct buf *path,
                     page_fn *visit, void *context, struct err *err)
{
    AUTO_HTTP_ANSWER answer = {0};

    remote_ask_begin(remote);
    for (int n = 0; path->len > 0; n++) {
        const struct remote_ask asked = {.method = "GET",
                                         .path = path->s,
                                         .accept = INDEX_TYPE ", application/json",
                                         .name = name,
                                         .body_max = remote->options.manifest_max};
        int found = remote_ask(remote, &asked, &answer, err);
        if (found < 0 || (found == 0 && n == 0))
            return found;
        if (found == 0 || n == PAGES_MAX) {
            err_set(err, ERR_UPSTREAM_CONTENT, "its list has no end");
            return remote_ask_fail(remote, err);
        }
        if (visit_page(&answer, visit, context, err) < 0 || turn(remote, &answer, path, err) < 0)
            return remote_ask_fail(remote, err);
    }
    return 1;
}

struct tag_list {
    struct strings *tags;
    size_t max;
};

static int add_tags(void *context, const struct json *page, struct err *err)
{
    struct tag_list *list = context;
    const struct json *tags = json_get(page, "tags");
    struct tag tag;

    for (size_t i = 0; i < json_array_len(tags); i++) {
        const char *text = json_text(json_array_at(tags, i));
        if (!text || tag_parse(&tag, text, strlen(text), NULL) < 0)
            continue;
        if (list->tags->n >= list->max)
            return err_set(err, ERR_UPSTREAM_CONTENT, "a repository with more than %zu tags",
                           list->max);
        strings_add(list->tags, tag.s);
    }
    return 0;
}

int remote_list_tags(struct remote *remote, const struct name *name, size_t tags_max,
                     struct strings *tags, struct err *err)
{
    struct tag_list list = {.tags = tags, .max = tags_max};
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "/v2/%s/tags/list?n=1000", name->s);
    return each_page(remote, name, &path, add_tags, &list, err);
}

static int add_referrers(void *context, const struct json *page, struct err *err)
{
    struct json_writer *json = context;
    const struct json *manifests = json_get(page, "manifests");

    if (!json_is_array(manifests))
        return err_set(err, ERR_UPSTREAM_CONTENT, "what it sends as referrers is no index");
    for (size_t i = 0; i < json_array_len(manifests); i++) {
        const struct json *one = json_array_at(manifests, i);
        const char *digest = json_text(json_get(one, "digest"));
        struct digest parsed;
        if (digest && digest_parse(&parsed, digest, strlen(digest), NULL) == 0)
            json_writer_value(json, NULL, one);
        if (json->out->len > REMOTE_ASK_MANIFEST_MAX)
            return err_set(err, ERR_UPSTREAM_CONTENT, "it has too many referrers of it");
    }
    return 0;
}

/* "Referrers Tag Schema": an index under a tag that is made of the digest. */
static int each_tagged(struct remote *remote, const struct name *name, const struct digest *subject,
                       struct json_writer *json, struct err *err)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "/v2/%s/manifests/%s", name->s, subject->s);
    char *colon = strrchr(path.s, ':');
    *colon = '-';
    return each_page(remote, name, &path, add_referrers, json, err);
}

int remote_list_referrers(struct remote *remote, const struct name *name,
                          const struct digest *subject, struct buf *index, struct err *err)
{
    AUTO_BUF path = BUF_INIT, text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);

    json_writer_object(&json, NULL);
    json_writer_number(&json, "schemaVersion", 2);
    json_writer_string(&json, "mediaType", INDEX_TYPE);
    json_writer_array(&json, "manifests");
    buf_addf(&path, "/v2/%s/referrers/%s", name->s, subject->s);
    int found = each_page(remote, name, &path, add_referrers, &json, err);
    if (found == 0)
        found = each_tagged(remote, name, subject, &json, err);
    if (found < 0)
        return -1;
    json_writer_end(&json);
    json_writer_end(&json);
    buf_add(index, text.s, text.len);
    return 1;
}
