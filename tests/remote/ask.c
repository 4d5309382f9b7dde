/* SPDX-License-Identifier: Apache-2.0
 * Asks a registry one thing through libremote, and says as JSON what came of it.
 * tests/lib/asking.py runs it:
 *
 *     ask KEY=VALUE... -- COMMAND [ARGUMENT...]
 */
#include "base/file.h"
#include "base/json_writer.h"
#include "oci/digester.h"
#include "remote/remote.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX 16
#define TAGS_MAX 1000

static const char *const code_names[] = {
    "NONE",
#define ERR(name, status, oci, exit_code, text) #name,
#include "base/err.def"
#undef ERR
};

struct asking {
    struct remote_options options;
    const char *urls[LIST_MAX];
    const char *realms[LIST_MAX];
    struct remote *remote;
    struct name name;
    char **arguments;
    int n_arguments;
    struct json_writer json;
    struct strings log;
    int64_t begun; /* the size that the sink was told; -2: nothing */
    int64_t taken;
    int64_t take_max; /* more than that the sink does not take */
    struct digester digester;
};

static void add_line(void *context, const char *line)
{
    strings_add(&((struct asking *)context)->log, line);
}

static bool set_number(struct remote_options *options, const char *key, const char *value)
{
    const struct {
        const char *key;
        int *number;
    } numbers[] = {
        {"connect_seconds", &options->connect_seconds},
        {"stall_seconds", &options->stall_seconds},
        {"answer_seconds", &options->answer_seconds},
        {"tries", &options->tries},
        {"patience_seconds", &options->patience_seconds},
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(numbers[i].key, key)) {
            *numbers[i].number = (int)strtol(value, NULL, 10);
            return true;
        }
    return false;
}

static bool set_text(struct remote_options *options, const char *key, const char *value)
{
    const struct {
        const char *key;
        const char **text;
    } texts[] = {
        {"user", &options->user},
        {"helper", &options->helper},
        {"password", &options->password},
        {"ca", &options->ca_file},
        {"via", &options->via},
        {"agent", &options->user_agent},
        {"certificate", &options->certificate},
        {"key", &options->key},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(texts[i].key, key)) {
            *texts[i].text = value;
            return true;
        }
    return false;
}

static void set(struct asking *asking, const char *key, const char *value)
{
    struct remote_options *options = &asking->options;

    if (set_number(options, key, value) || set_text(options, key, value))
        return;
    if (!strcmp(key, "url") && options->n_urls < LIST_MAX)
        asking->urls[options->n_urls++] = value;
    else if (!strcmp(key, "realm") && options->n_realms < LIST_MAX)
        asking->realms[options->n_realms++] = value;
    else if (!strcmp(key, "state"))
        options->state_fd = open(value, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    else if (!strcmp(key, "stall_bytes"))
        options->stall_bytes = strtoll(value, NULL, 10);
    else if (!strcmp(key, "helper_seconds"))
        options->helper_seconds = strtoll(value, NULL, 10);
    else if (!strcmp(key, "blob_rate"))
        options->blob_rate = strtoll(value, NULL, 10);
    else if (!strcmp(key, "manifest_max"))
        options->manifest_max = strtoul(value, NULL, 10);
    else if (!strcmp(key, "blob_max"))
        options->blob_max = strtoll(value, NULL, 10);
    else if (!strcmp(key, "take_max"))
        asking->take_max = strtoll(value, NULL, 10);
    else if (!strcmp(key, "unverified"))
        options->accept_any_certificate = true;
    else
        abort();
}

static const char *argument(const struct asking *asking, int i)
{
    return i < asking->n_arguments ? asking->arguments[i] : "";
}

static int parse_reference(const struct asking *asking, struct reference *reference,
                           struct err *err)
{
    const char *text = argument(asking, 1);

    return reference_parse(reference, text, strlen(text), err);
}

static void describe(struct asking *asking, const struct remote_manifest *manifest)
{
    json_writer_string(&asking->json, "media_type", manifest->media_type);
    json_writer_string(&asking->json, "digest", manifest->has_digest ? manifest->digest.s : NULL);
    json_writer_number(&asking->json, "size", manifest->size);
}

static int head_manifest(struct asking *asking, struct err *err)
{
    struct reference reference;
    struct remote_manifest manifest;

    if (parse_reference(asking, &reference, err) < 0)
        return -1;
    int found = remote_manifest_head(asking->remote, &asking->name, &reference, &manifest, err);
    if (found > 0)
        describe(asking, &manifest);
    return found;
}

static int get_manifest(struct asking *asking, struct err *err)
{
    struct reference reference;
    struct remote_manifest manifest;
    AUTO_BUF body = BUF_INIT;

    if (parse_reference(asking, &reference, err) < 0)
        return -1;
    int found =
        remote_manifest_get(asking->remote, &asking->name, &reference, &manifest, &body, err);
    if (found > 0) {
        describe(asking, &manifest);
        json_writer_string(&asking->json, "body", body.s);
    }
    return found;
}

static int head_blob(struct asking *asking, struct err *err)
{
    struct digest digest;
    int64_t size = 0;
    const char *text = argument(asking, 1);

    if (digest_parse(&digest, text, strlen(text), err) < 0)
        return -1;
    int found = remote_blob_head(asking->remote, &asking->name, &digest, &size, err);
    if (found > 0)
        json_writer_number(&asking->json, "size", size);
    return found;
}

static int begin(void *context, int64_t size, struct err *err)
{
    struct asking *asking = context;

    (void)err;
    asking->begun = size;
    return 0;
}

static int take(void *context, const void *bytes, size_t len, struct err *err)
{
    struct asking *asking = context;

    asking->taken += (int64_t)len;
    if (asking->take_max > 0 && asking->taken > asking->take_max)
        return err_set(err, ERR_NO_SPACE, "the disk is full");
    digester_update(&asking->digester, bytes, len);
    return 0;
}

static int64_t number(const struct asking *asking, int i, int64_t otherwise)
{
    return i < asking->n_arguments ? strtoll(asking->arguments[i], NULL, 10) : otherwise;
}

static int get_blob(struct asking *asking, struct err *err)
{
    const struct remote_sink sink = {.begin = begin, .write = take, .context = asking};
    struct digest digest, is;
    const char *text = argument(asking, 1);
    const struct remote_part part = {number(asking, 2, 0), number(asking, 3, -1),
                                     number(asking, 4, -1)};

    if (digest_parse(&digest, text, strlen(text), err) < 0)
        return -1;
    asking->begun = -2;
    digester_init(&asking->digester, DIGEST_SHA256);
    int found = remote_blob_get(asking->remote, &asking->name, &digest, &part, &sink, err);
    digester_final(&asking->digester, &is);
    digester_free(&asking->digester);
    json_writer_number(&asking->json, "begun", asking->begun);
    json_writer_number(&asking->json, "taken", asking->taken);
    json_writer_string(&asking->json, "digest", is.s);
    return found;
}

static int list_tags(struct asking *asking, struct err *err)
{
    AUTO_STRINGS tags = {0};

    int found = remote_list_tags(asking->remote, &asking->name, TAGS_MAX, &tags, err);
    json_writer_array(&asking->json, "tags");
    for (size_t i = 0; i < tags.n; i++)
        json_writer_string(&asking->json, NULL, tags.v[i]);
    json_writer_end(&asking->json);
    return found;
}

static int list_referrers(struct asking *asking, struct err *err)
{
    AUTO_BUF index = BUF_INIT;
    struct digest digest;
    const char *text = argument(asking, 1);

    if (digest_parse(&digest, text, strlen(text), err) < 0)
        return -1;
    int found = remote_list_referrers(asking->remote, &asking->name, &digest, &index, err);
    if (found > 0)
        json_writer_raw(&asking->json, "index", index.s, index.len);
    return found;
}

static int tell_pause(struct asking *asking, struct err *err)
{
    (void)asking;
    (void)err;
    return 0; /* main says it anyhow */
}

static int run(struct asking *asking, const char *command, struct err *err)
{
    static const struct {
        const char *name;
        int (*run)(struct asking *asking, struct err *err);
    } commands[] = {
        {"manifest-head", head_manifest},
        {"manifest", get_manifest},
        {"blob-head", head_blob},
        {"blob", get_blob},
        {"tags", list_tags},
        {"referrers", list_referrers},
        {"pause", tell_pause},
    };
    const char *name = argument(asking, 0);

    if (*name && name_parse(&asking->name, name, strlen(name), err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(commands[i].name, command))
            return commands[i].run(asking, err);
    abort();
}

static void report(struct asking *asking, int result, const struct err *err)
{
    json_writer_number(&asking->json, "result", result);
    json_writer_string(&asking->json, "error", result < 0 ? code_names[err->code] : NULL);
    json_writer_string(&asking->json, "message", result < 0 ? err->msg : NULL);
    json_writer_number(&asking->json, "pause", asking->remote ? remote_pause(asking->remote) : 0);
    json_writer_array(&asking->json, "log");
    for (size_t i = 0; i < asking->log.n; i++)
        json_writer_string(&asking->json, NULL, asking->log.v[i]);
    json_writer_end(&asking->json);
}

/* Several commands, each behind a `--`, are asked by the same client; the last one is told of. */
int main(int argc, char **argv)
{
    struct asking asking = {.options = {.name = "upstream", .state_fd = -1}};
    AUTO_BUF out = BUF_INIT;
    struct err err = {0};
    int result = 0, i = 1;

    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals)
            abort();
        *equals = '\0';
        set(&asking, argv[i], equals + 1);
    }
    asking.options.urls = asking.urls;
    asking.options.realms = asking.realms;
    asking.options.log = add_line;
    asking.options.log_context = &asking;
    asking.remote = remote_open(&asking.options, &err);
    result = asking.remote ? 0 : -1;
    while (result >= 0 && i + 1 < argc) {
        int first = ++i;
        while (i < argc && strcmp(argv[i], "--") != 0)
            i++;
        asking.arguments = argv + first + 1;
        asking.n_arguments = i - first - 1;
        asking.taken = 0;
        buf_clear(&out);
        asking.json = json_writer_begin(&out);
        json_writer_object(&asking.json, NULL);
        result = run(&asking, argv[first], &err);
        report(&asking, result, &err);
        json_writer_end(&asking.json);
    }
    if (!asking.remote) {
        asking.json = json_writer_begin(&out);
        json_writer_object(&asking.json, NULL);
        report(&asking, result, &err);
        json_writer_end(&asking.json);
    }
    puts(out.s);
    remote_close(asking.remote);
    strings_free(&asking.log);
    return 0;
}
