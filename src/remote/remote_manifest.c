/* SPDX-License-Identifier: Apache-2.0
 * L2: manifests of another registry: GET and HEAD /v2/<name>/manifests/<reference>. */
#include "base/mem.h"
#include "http/header.h"
#include "oci/digester.h"
#include "oci/manifest.h"
#include "remote/remote.h"
#include "remote/remote_ask.h"

#include <string.h>
#include <strings.h>

#define ACCEPT                                                                                     \
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "        \
    "application/vnd.docker.distribution.manifest.list.v2+json, "                                  \
    "application/vnd.docker.distribution.manifest.v2+json, */*"

static struct remote_ask question(const char *method, const struct name *name, const char *path,
                                  const struct remote *remote)
{
    return (struct remote_ask){.method = method,
                               .path = path,
                               .accept = ACCEPT,
                               .name = name,
                               .body_max = remote->options.manifest_max};
}

/* What its headers say. A digest that is none is as good as no header. */
static void describe(const struct http_client_answer *answer, struct remote_manifest *manifest)
{
    const char *type = http_client_header(answer, "Content-Type", NULL);
    const char *digest = http_client_header(answer, "Docker-Content-Digest", NULL);

    *manifest = (struct remote_manifest){.size = http_client_length(answer)};
    if (type)
        header_media_type(type, manifest->media_type, sizeof manifest->media_type);
    manifest->has_digest =
        digest && digest_parse(&manifest->digest, digest, strlen(digest), NULL) == 0;
}

static bool is_plain(const struct http_client_answer *answer)
{
    const char *coding = http_client_header(answer, "Content-Encoding", NULL);

    return !coding || !strcasecmp(coding, "identity");
}

/* The digest that was asked for is the one that counts. */
static int check_named(const struct reference *reference, struct remote_manifest *manifest,
                       struct err *err)
{
    if (!reference->is_digest)
        return 0;
    if (manifest->has_digest && manifest->digest.algorithm == reference->digest.algorithm &&
        !digest_equal(&manifest->digest, &reference->digest))
        return err_set(err, ERR_UPSTREAM_CONTENT, "asked for %s it speaks of %s",
                       reference->digest.s, manifest->digest.s);
    manifest->digest = reference->digest;
    manifest->has_digest = true;
    return 0;
}

static int ask(struct remote *remote, const char *method, const struct name *name,
               const struct reference *reference, struct http_client_answer *answer,
               struct err *err)
{
    AUTO_BUF path = BUF_INIT;

    buf_addf(&path, "/v2/%s/manifests/%s", name->s, reference_text(reference));
    const struct remote_ask asked = question(method, name, path.s, remote);
    remote_ask_begin(remote);
    return remote_ask(remote, &asked, answer, err);
}

int remote_manifest_head(struct remote *remote, const struct name *name,
                         const struct reference *reference, struct remote_manifest *manifest,
                         struct err *err)
{
    AUTO_HTTP_ANSWER answer = {0};

    int found = ask(remote, "HEAD", name, reference, &answer, err);
    if (found <= 0)
        return found;
    describe(&answer, manifest);
    return check_named(reference, manifest, err) < 0 ? remote_ask_fail(remote, err) : 1;
}

static int check_digest(const struct buf *body, const struct reference *reference,
                        struct remote_manifest *manifest, struct err *err)
{
    struct digest is;

    if (check_named(reference, manifest, err) < 0)
        return -1;
    digester_of(&is, manifest->has_digest ? manifest->digest.algorithm : DIGEST_SHA256, body->s,
                body->len);
    if (manifest->has_digest && !digest_equal(&is, &manifest->digest))
        return err_set(err, ERR_UPSTREAM_CONTENT, "the manifest that it sends as %s is %s",
                       manifest->digest.s, is.s);
    manifest->digest = is;
    manifest->has_digest = true;
    return 0;
}

/* A page that says "please log in" with 200 is not to be taken for a manifest. */
static int check_type(const struct buf *body, struct remote_manifest *described, struct err *err)
{
    struct manifest manifest;
    struct err why;

    if (manifest_parse_stored(&manifest, body->s ? body->s : "", body->len, &why) < 0)
        return err_set(err, ERR_UPSTREAM_CONTENT, "what it sends as a manifest (%s) is none: %s",
                       *described->media_type ? described->media_type : "without a type", why.msg);
    int fits = manifest_check_type(&manifest, described->media_type, &why);
    manifest_free(&manifest);
    return fits == 0
               ? 0
               : err_set(err, ERR_UPSTREAM_CONTENT, "the manifest that it sends: %s", why.msg);
}

int remote_manifest_get(struct remote *remote, const struct name *name,
                        const struct reference *reference, struct remote_manifest *manifest,
                        struct buf *body, struct err *err)
{
    AUTO_HTTP_ANSWER answer = {0};
    struct err own = {0};

    err = err ? err : &own;
    int found = ask(remote, "GET", name, reference, &answer, err);
    if (found <= 0)
        return found;
    describe(&answer, manifest);
    if (!is_plain(&answer)) {
        err_set(err, ERR_UPSTREAM_CONTENT,
                "it sends a manifest compressed, which nobody asked for");
        return remote_ask_fail(remote, err);
    }
    if (check_digest(&answer.body, reference, manifest, err) < 0 ||
        check_type(&answer.body, manifest, err) < 0)
        return remote_ask_fail(remote, err);
    manifest->size = (int64_t)answer.body.len;
    buf_add(body, answer.body.s, answer.body.len);
    return 1;
}
