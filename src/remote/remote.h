/* SPDX-License-Identifier: Apache-2.0
 *
 * A client of another registry (OCI Distribution Specification 1.1, "Pull", "Content Discovery";
 * Docker Registry's token authentication): what a cache, a mirror or a copy asks of it.
 *
 * One registry may have several URLs, which are tried in turn. What fails for a moment is tried
 * again with growing pauses; what is refused is not. Names of repositories are those of the
 * registry itself.
 *
 * All processes that are given the same directory share what is in it: tokens (files that only
 * their owner may read), of which one process fetches each while the others wait, and until when
 * the registry asked to be left alone. Losing one costs a request: nothing is synced.
 *
 * Secrets go to the registry that they are for: a password to its URLs and to a token server of the
 * same registrable domain or one that `realms` names, by https unless the registry itself is asked
 * by http; no secret follows a redirection to another host. None is in a message or a log line.
 *
 * Returns as in base/err.h. Errors of all functions, by which a caller chooses what to do:
 *     UPSTREAM_BUSY      429: it asked to be left alone for remote_pause seconds
 *     UPSTREAM_REFUSED   401 or 403: the account, or a token server that is not to be trusted
 *     UPSTREAM_NETWORK   no such name, no connection, broken off
 *     UPSTREAM_TIMEOUT   too slow
 *     UPSTREAM_TLS       its certificate, or ours
 *     UPSTREAM_FAILED    5xx
 *     UPSTREAM_REDIRECT  it led in circles, too far, or where nobody may be led to
 *     UPSTREAM_CONTENT   it sent what it should not: another digest, size, range, media type, or a
 *                        status that makes no sense there
 * and those of the state directory and of callbacks. Messages begin with the registry's name.
 */
#ifndef BERTH_REMOTE_REMOTE_H
#define BERTH_REMOTE_REMOTE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"
#include "oci/digest.h"
#include "oci/name.h"
#include "oci/reference.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REMOTE_MEDIA_TYPE_MAX 255

/* All strings are the caller's until remote_close. {0} but for name and urls will do. */
struct remote_options {
    const char *name;        /* for messages, as "docker.io" */
    const char *const *urls; /* "https://registry-1.docker.io", perhaps with a path; n_urls > 0 */
    size_t n_urls;
    const char *user; /* NULL or "": nobody */
    const char *password;
    const char *helper;        /* a program that knows both, see helper.h; NULL or "": none */
    int64_t helper_seconds;    /* for which its answer holds; 0: an hour */
    const char *const *realms; /* hosts of token servers to be trusted beyond the same domain */
    size_t n_realms;
    const char *ca_file, *certificate, *key; /* PEM; NULL or "": as in http_client.h */
    bool accept_any_certificate;
    int state_fd; /* a directory for what processes share, 0700; -1: they share nothing */

    const char *user_agent; /* NULL: berth/<version> */
    /* How this berth is known in `Via`, so that one that asks itself sees it (http/via.h). NULL:
     * not sent. */
    const char *via;

    int connect_seconds;  /* 0: 15 */
    int stall_seconds;    /* 0: 30 */
    int64_t stall_bytes;  /* a second; slower for stall_seconds is a time-out; 0: 1024 */
    int answer_seconds;   /* for all but blobs, with tokens and tries; 0: 30 */
    int tries;            /* rounds over all URLs; 0: 3 */
    int patience_seconds; /* how long to wait by itself where it asked to be left alone; 0: not */
    size_t manifest_max;  /* bytes, also of lists; 0: 4 MiB */
    int64_t blob_rate;    /* bytes a second of each blob at most; 0: as fast as it comes */
    int64_t blob_max;     /* bytes of one whose size the caller does not know; 0: 1 TiB */

    void (*log)(void *context, const char *line); /* what was tried again, and why; NULL: nobody */
    void *log_context;
};

struct remote;
/* Asks nothing yet. CONFIG: a URL or file is wrong. After fork, and for one thread. */
struct remote *remote_open(const struct remote_options *options, struct err *err);
void remote_close(struct remote *remote);

/* Seconds for which it asked to be left alone, as of now; 0: it did not. Asks nobody: a look into
 * the state directory. With several URLs that of the first to be free again. */
int64_t remote_pause(struct remote *remote);

struct remote_manifest {
    char media_type[REMOTE_MEDIA_TYPE_MAX + 1]; /* "": it does not say */
    bool has_digest; /* after remote_manifest_get always; a HEAD of some registries has none */
    struct digest digest;
    int64_t size; /* -1: it does not say */
};

/* 0: it has none. HEAD counts for nothing at registries that limit pulls. */
int remote_manifest_head(struct remote *remote, const struct name *name,
                         const struct reference *reference, struct remote_manifest *manifest,
                         struct err *err);
/* Appends its bytes to body, which are what their digest says (that of the reference, or of its
 * Docker-Content-Digest, else sha256), and a manifest of the media type that it was sent as. */
int remote_manifest_get(struct remote *remote, const struct name *name,
                        const struct reference *reference, struct remote_manifest *manifest,
                        struct buf *body, struct err *err);

/* Where the bytes of a blob go, in their order and each once, whatever was tried again. -1 with
 * *err set ends it. */
struct remote_sink {
    /* Once, before the first byte: the size of the whole blob; -1: it does not say. NULL will do.
     */
    int (*begin)(void *context, int64_t size, struct err *err);
    int (*write)(void *context, const void *bytes, size_t len, struct err *err);
    void *context;
};

/* What is asked for of a blob. */
struct remote_part {
    int64_t first;
    int64_t last; /* inclusive; -1: to the end */
    int64_t size; /* of the whole blob, where the caller knows it: more or less is UPSTREAM_CONTENT;
                     else -1 */
};
#define REMOTE_WHOLE ((struct remote_part){0, -1, -1})

/* 0: it has none. *size as in the answer; -1: it does not say. */
int remote_blob_head(struct remote *remote, const struct name *name, const struct digest *digest,
                     int64_t *size, struct err *err);
/* 0: it has none. There is no limit of time as long as it moves; what breaks off is resumed. The
 * digest is the caller's to check, who may have the bytes before `first`. */
int remote_blob_get(struct remote *remote, const struct name *name, const struct digest *digest,
                    const struct remote_part *part, const struct remote_sink *sink,
                    struct err *err);

/* Adds all tags, page by page, as they are listed; what is no tag is left out. 0: no such
 * repository. UPSTREAM_CONTENT: more than tags_max of them. */
int remote_list_tags(struct remote *remote, const struct name *name, size_t tags_max,
                     struct strings *tags, struct err *err);
/* Appends the referrers of a digest as one index ("Listing Referrers"), of all pages and
 * unfiltered, by the referrers tag schema where the registry has no such endpoint: without any, an
 * empty one. */
int remote_list_referrers(struct remote *remote, const struct name *name,
                          const struct digest *subject, struct buf *index, struct err *err);

#endif
