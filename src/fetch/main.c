/* SPDX-License-Identifier: Apache-2.0
 * berth-fetch: what the cache needs of an upstream, for one request after the other of berth.fcgi.
 *
 *     berth-fetch --config FILE VERB UPSTREAM REPOSITORY REFERENCE
 *
 * No one else starts it: cache/job.h. */
#include "config.h"

#include "api/config.h"
#include "base/dir.h"
#include "base/file.h"
#include "base/log.h"
#include "cache/fill.h"
#include "cache/job.h"
#include "cache/place.h"
#include "cache/self.h"
#include "fetch/fetch.h"
#include "store/tag.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define PASSWORD_MAX 65536
#define FAILED_SECONDS 5 /* for which nobody asks again where there is something to serve */
#define ANSWER_SECONDS 25
#define SOON_SECONDS 4

typedef int verb_fn(struct fetch *fetch, struct buf *text, struct err *err);

static const struct {
    const char *name;
    verb_fn *run;
    bool is_manifest;
} verbs[] = {
    {"manifest", fetch_manifest, true},    {"confirm", fetch_confirm, false},
    {"blob", fetch_blob, false},           {"tags", fetch_tags, false},
    {"referrers", fetch_referrers, false},
};

static int read_password(const struct upstream *upstream, struct buf *password, struct err *err)
{
    struct err why;

    buf_addstr(password, upstream->password);
    if (!*upstream->password_file)
        return 0;
    if (file_read(upstream->password_file, PASSWORD_MAX, password, &why) < 0)
        return err_set(err, ERR_CONFIG, "password_file of %s: %s: %s", upstream->title,
                       upstream->password_file, why.msg);
    while (password->len && strchr("\r\n", password->s[password->len - 1]))
        password->s[--password->len] = '\0';
    return 0;
}

/* Where processes keep tokens for each other. */
static int open_state(const struct store *store, const struct upstream *upstream, int *fd,
                      struct err *err)
{
    struct place place;
    AUTO_DIRTY dirty = {0};

    place_upstream(&place, upstream, "state");
    int opened = fs_open(&store->fs, place.s, O_RDONLY | O_DIRECTORY, fd, err);
    if (opened)
        return opened < 0 ? -1 : 0;
    if (dir_make(&store->fs, place.s, &dirty, err) < 0 ||
        fs_set_mode(&store->fs, place.s, 0700, err) < 0)
        return -1;
    return fs_open(&store->fs, place.s, O_RDONLY | O_DIRECTORY, fd, err) < 0 ? -1 : 0;
}

static void say_again(void *context, const char *line)
{
    (void)context;
    log_info("%s", line);
}

static struct remote *open_remote(const struct fetch *fetch, const char *password, const char *self,
                                  int state, struct err *err)
{
    const struct upstream *upstream = fetch->origin.upstream;
    const struct remote_options options = {
        .name = upstream->title,
        .urls = (const char *const *)upstream->urls.v,
        .n_urls = upstream->urls.n,
        .user = upstream->user,
        .password = password,
        .helper = upstream->helper,
        .helper_seconds = upstream->helper_lifetime.seconds,
        .blob_rate = upstream->rate,
        .realms = (const char *const *)upstream->realms.v,
        .n_realms = upstream->realms.n,
        .ca_file = upstream->ca,
        .certificate = upstream->certificate,
        .key = upstream->key,
        .accept_any_certificate = !upstream->tls,
        .state_fd = state,
        .via = self,
        .answer_seconds = fetch->has ? SOON_SECONDS : ANSWER_SECONDS,
        .tries = fetch->has ? 1 : 2,
        .manifest_max = (size_t)fetch->registry.store->manifest_limit,
        .log = say_again,
    };

    return remote_open(&options, err);
}

/* Others leave the upstream alone for as long as it wants, or for a moment. */
static void note_failure(const struct fetch *fetch, struct err *failure)
{
    AUTO_BUF line = BUF_INIT;
    int64_t seconds;

    switch (failure->code) {
    case ERR_UPSTREAM_BUSY:
        seconds = remote_pause(fetch->remote);
        failure->retry = (int)seconds;
        break;
    case ERR_UPSTREAM_NETWORK:
    case ERR_UPSTREAM_TIMEOUT:
    case ERR_UPSTREAM_TLS:
    case ERR_UPSTREAM_FAILED:
        seconds = FAILED_SECONDS;
        break;
    default:
        return;
    }
    job_say(&line, failure);
    line.s[--line.len] = '\0';
    if (seconds > 0)
        mark_block(fetch->registry.store, fetch->origin.upstream, (int64_t)time(NULL) + seconds,
                   line.s);
}

/* What keeps a blob's verb from beginning: those who wait for it are told, as it would. Always -1.
 */
static int tell_early(const struct fetch *fetch, verb_fn *verb, const struct err *failure,
                      struct err *err)
{
    struct digest digest;

    if (verb == fetch_blob && fetch_digest(fetch, &digest, NULL) == 0)
        fill_tell_failure(fetch->registry.store, &digest, failure);
    return err_copy(err, failure);
}

static int run_verb(struct fetch *fetch, verb_fn *verb, struct buf *text, struct err *err)
{
    AUTO_BUF password = BUF_INIT, self = BUF_INIT;
    AUTO_FD state = -1;
    struct err failure;

    if (read_password(fetch->origin.upstream, &password, &failure) < 0 ||
        open_state(fetch->registry.store, fetch->origin.upstream, &state, &failure) < 0)
        return tell_early(fetch, verb, &failure, err);
    bool is_known = self_name(fetch->registry.store, &self);
    fetch->remote = open_remote(fetch, password.s, is_known ? self.s : NULL, state, &failure);
    if (!fetch->remote)
        return tell_early(fetch, verb, &failure, err);
    int done = verb(fetch, text, &failure);
    if (done < 0) {
        note_failure(fetch, &failure);
        err_copy(err, &failure);
    }
    remote_close(fetch->remote);
    return done;
}

static int find(const struct config *config, const char *title, struct fetch *fetch,
                struct err *err)
{
    if (upstream_find(&config->live.upstreams, &fetch->name, &fetch->origin) &&
        !strcmp(fetch->origin.upstream->title, title))
        return 0;
    return err_set(err, ERR_CONFIG, "%s is no longer cached from %s", fetch->name.s, title);
}

static int run(const struct config *config, char **argv, struct buf *text, struct err *err)
{
    struct store store = {.fs.fd = -1};
    struct fetch fetch = {.what = argv[3]};
    struct tag tag;
    struct digest digest;

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, argv[0]) != 0)
            continue;
        if (name_parse(&fetch.name, argv[2], strlen(argv[2]), err) < 0 ||
            find(config, argv[1], &fetch, err) < 0 ||
            store_open(&store, &config->frozen.store, true, err) < 0)
            return -1;
        fetch.registry = (struct registry){.store = &store, .policy = &config->live.policy};
        fetch.has = verbs[i].is_manifest && tag_parse(&tag, argv[3], strlen(argv[3]), NULL) == 0 &&
                    tag_get(&store, &fetch.name, &tag, &digest, NULL) > 0;
        mark_key(&fetch.key, argv[0], argv[2], argv[3]);
        int done = run_verb(&fetch, verbs[i].run, text, err);
        store_close(&store);
        return done;
    }
    return err_set(err, ERR_USAGE, "%s: there is no such verb", argv[0]);
}

static int say(const struct buf *line)
{
    for (size_t at = 0; at < line->len;) {
        ssize_t n = write(STDOUT_FILENO, line->s + at, line->len - at);
        if (n <= 0)
            return EX_IOERR; /* whoever asked has gone */
        at += (size_t)n;
    }
    return EX_OK;
}

int main(int argc, char **argv)
{
    struct config config = {0};
    AUTO_BUF text = BUF_INIT;
    AUTO_BUF line = BUF_INIT;
    struct err err;

    if (argc == 2 && !strcmp(argv[1], "--version")) {
        puts("berth-fetch " PACKAGE_VERSION);
        return EX_OK;
    }
    if (argc != 7 || strcmp(argv[1], "--config") != 0) {
        fputs("berth-fetch: berth.fcgi starts it, nobody else need: see berth.conf(5), upstream\n",
              stderr);
        return EX_USAGE;
    }
    buf_addstr(&text, "");
    int done = config_read(&config, *argv[2] ? argv[2] : NULL, &err);
    if (done == 0) {
        log_set_level(config.frozen.log_level);
        done = run(&config, argv + 3, &text, &err);
    }
    if (done == 0)
        job_say_ok(&line, text.s);
    else
        job_say(&line, &err);
    if (done < 0)
        log_info("%s %s@%s: %s", argv[3], argv[5], argv[6], err.msg);
    config_free(&config);
    int said = say(&line);
    return done < 0 ? err_exit_code(err.code) : said;
}
