/* SPDX-License-Identifier: Apache-2.0
 * L4: GET /livez and /readyz, for those who watch over this program: no login, and no secrets. */
#include "api/api.h"
#include "api/aside.h"

#include "base/clock.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "registry/ready.h"

#include <string.h>

/* Anyone may ask: for so long the last answer is given again. */
#define FRESH_MS 1000

/* Beyond enum ready. */
#define READY_SLOW (READY_NO_ROOM + 1)

/* What a child found out; it fits into a pipe at once. */
struct finding {
    int ready;
    char why[1024];
};

static const struct {
    const char *reason, *text;
} reasons[] = {
    [READY] = {NULL, NULL},
    [READY_NOT_REACHED] = {"storage-missing", "the data directory is not there"},
    [READY_NOT_WRITABLE] = {"storage-read-only", "the data directory cannot be written"},
    [READY_NO_ROOM] = {"storage-full", "the data directory has not enough room"},
    [READY_SLOW] = {"storage-slow", "the data directory does not answer within a second"},
};

/* Of this process. */
static struct finding last; /* and when it was made, as of clock_ms */
static int64_t last_at = -FRESH_MS;

static void answer(struct response *response, int status, int ready)
{
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);

    json_writer_object(&json, NULL);
    json_writer_string(&json, "status", status == 200 ? "ok" : "unavailable");
    if (reasons[ready].reason) {
        json_writer_string(&json, "reason", reasons[ready].reason);
        json_writer_string(&json, "message", reasons[ready].text);
    }
    json_writer_end(&json);
    response->status = status;
    response_header(response, "Content-Type", "application/json");
    response_header(response, "Cache-Control", "no-store");
    response_text(response, text.s, text.len);
}

int health_live(const struct api *api, struct request *request, const struct target *target,
                struct response *response, struct err *err)
{
    (void)api;
    (void)request;
    (void)target;
    (void)err;
    answer(response, 200, READY);
    return 0;
}

static void look(const void *context, void *found)
{
    struct finding *finding = found;
    struct err why = {0};

    finding->ready = (int)ready_look(context, &why);
    memcpy(finding->why, why.msg, sizeof finding->why);
}

static int ask(const struct ready_plan *plan, struct finding *finding, struct err *err)
{
    static struct aside aside;

    *finding = (struct finding){0};
    int answered = aside_ask(&aside, plan->store->fs.fd, look, plan, finding, sizeof *finding, err);
    if (answered == 0)
        *finding = (struct finding){
            .ready = READY_SLOW,
            .why =
                "the data directory does not answer within a second: does its file system hang?"};
    return answered < 0 ? -1 : 0;
}

/* Once for each change, however often it is asked. */
static void log_change(const struct finding *finding)
{
    if (finding->ready == last.ready)
        return;
    if (finding->ready == READY)
        log_warning("ready again");
    else
        log_error("not ready: %s", finding->why);
}

/* `?for=pull`, as for those who send requests elsewhere while it is not so: a pull needs neither
 * room nor the right to write. */
static bool is_enough(const struct request *request, int ready)
{
    const char *what = request_parameter(request, "for");
    bool pull = what && !strcmp(what, "pull");

    return ready == READY || (pull && (ready == READY_NOT_WRITABLE || ready == READY_NO_ROOM));
}

int health_ready(const struct api *api, struct request *request, const struct target *target,
                 struct response *response, struct err *err)
{
    const struct config_frozen *frozen = api->frozen;
    const struct ready_plan plan = {.store = api->store,
                                    .settings = &frozen->store,
                                    .write = !frozen->store.readonly &&
                                             !api->rules->live.policy.readonly,
                                    .room = frozen->api.ready_room};
    struct finding finding;

    (void)target;
    if (clock_ms() - last_at >= FRESH_MS) {
        if (ask(&plan, &finding, err) < 0)
            return -1;
        log_change(&finding);
        last = finding;
        last_at = clock_ms();
    }
    bool enough = is_enough(request, last.ready);
    answer(response, enough ? 200 : 503, enough ? READY : last.ready);
    return 0;
}
