/* SPDX-License-Identifier: Apache-2.0
 * L2: what is counted, as text. */
#include "config.h"

#include "metric/metric_shared.h"
#include "metric/metric_text.h"

#include <stdio.h>
#include <string.h>

struct labels {
    char s[160];
};

static int64_t get(const metric_number *number)
{
    return atomic_load_explicit((metric_number *)number, memory_order_relaxed);
}

/* A histogram to which nothing was added is left out. */
static void print_histogram(struct metric_text *text, const struct metric_histogram *histogram,
                            const struct metric_bounds *bounds, const char *labels)
{
    int64_t counts[METRIC_BUCKETS], count = 0;
    struct labels with;

    for (int i = 0; i <= bounds->n; i++)
        count += counts[i] = get(&histogram->buckets[i]);
    if (count == 0)
        return;
    count = 0;
    for (int i = 0; i <= bounds->n; i++) {
        count += counts[i];
        snprintf(with.s, sizeof with.s, "%s%sle=\"%s\"", labels, *labels ? "," : "",
                 i < bounds->n ? bounds->texts[i] : "+Inf");
        metric_text_part(text, "_bucket", with.s, count);
    }
    if (bounds == &metric_times)
        metric_text_part_seconds(text, "_sum", labels, get(&histogram->sum));
    else
        metric_text_part(text, "_sum", labels, get(&histogram->sum));
    metric_text_part(text, "_count", labels, count);
}

static void print_requests(struct metric_text *text, const struct metric_shared *from)
{
    struct labels labels;

    metric_text_family(text, "registry_http_requests", "counter",
                       "Total number of HTTP requests made.");
    for (int h = 0; h < METRIC_HANDLERS; h++)
        for (int m = 0; m < METRIC_METHODS; m++)
            for (int s = 0; s < METRIC_STATUSES; s++) {
                int64_t n = get(&from->requests[h][m][s]);
                snprintf(labels.s, sizeof labels.s, "code=\"%d\",handler=\"%s\",method=\"%s\"",
                         metric_statuses[s], metric_handlers[h], metric_methods[m]);
                if (n)
                    metric_text_value(text, labels.s, n);
            }
    metric_text_family(
        text, "registry_http_request_duration_seconds", "histogram",
        "The HTTP request latencies in seconds, until the web server has the answer.");
    for (int h = 0; h < METRIC_HANDLERS; h++)
        for (int m = 0; m < METRIC_METHODS; m++) {
            snprintf(labels.s, sizeof labels.s, "handler=\"%s\",method=\"%s\"", metric_handlers[h],
                     metric_methods[m]);
            print_histogram(text, &from->durations[h][m], &metric_times, labels.s);
        }
}

static void print_by(struct metric_text *text, const char *label, const char *const *names, int n,
                     const struct metric_histogram *histograms, const struct metric_bounds *bounds)
{
    struct labels labels;

    for (int i = 0; i < n; i++) {
        snprintf(labels.s, sizeof labels.s, "%s=\"%s\"", label, names[i]);
        print_histogram(text, &histograms[i], bounds, labels.s);
    }
}

static void print_sizes(struct metric_text *text, const struct metric_shared *from)
{
    metric_text_family(text, "registry_http_request_size_bytes", "histogram",
                       "The HTTP request sizes in bytes: of bodies, as far as they were taken.");
    print_by(text, "handler", metric_handlers, METRIC_HANDLERS, from->taken, &metric_sizes);
    metric_text_family(
        text, "registry_http_response_size_bytes", "histogram",
        "The HTTP response sizes in bytes: of bodies. What the web server sends itself "
        "(X-Sendfile, X-Accel-Redirect) counts as the length that was announced.");
    print_by(text, "handler", metric_handlers, METRIC_HANDLERS, from->sent, &metric_sizes);
}

static void print_storage(struct metric_text *text, const struct metric_shared *from)
{
    metric_text_family(text, "registry_storage_action_seconds", "histogram",
                       "The number of seconds that the storage action takes");
    print_by(text, "driver=\"filesystem\",action", metric_actions, METRIC_ACTIONS, from->actions,
             &metric_times);
    metric_text_family(text, "berth_sync_seconds", "histogram",
                       "How long fsync took, and the like.");
    print_histogram(text, &from->syncs, &metric_times, "");
    metric_text_family(text, "berth_lock_wait_seconds", "histogram",
                       "How long a lock was waited for, by its kind.");
    print_by(text, "lock", metric_locks, METRIC_LOCKS, from->locks, &metric_times);
}

static void print_processes(struct metric_text *text)
{
    struct metric_busyness busyness;
    struct labels labels;

    metric_look(&busyness);
    metric_text_family(text, "registry_http_in_flight_requests", "gauge",
                       "The in-flight HTTP requests");
    for (int h = 0; h < METRIC_HANDLERS; h++) {
        snprintf(labels.s, sizeof labels.s, "handler=\"%s\"", metric_handlers[h]);
        metric_text_value(text, labels.s, busyness.handling[h]);
    }
    metric_text_family(
        text, "berth_workers", "gauge",
        "Processes that answer requests, one at a time, by what they do; cgi: its only "
        "request.");
    metric_text_value(text, "state=\"busy\"", busyness.busy);
    metric_text_value(text, "state=\"idle\"", busyness.idle);
    metric_text_value(text, "state=\"cgi\"", busyness.once);
}

/* What the last run found is not known before the first. */
static bool is_known(const struct metric_shared *from, int i)
{
    if (i >= METRIC_GC_AT && i <= METRIC_GARBAGE_BYTES)
        return get(&from->counters[METRIC_GC_AT]) != 0;
    if (i >= METRIC_FSCK_AT && i <= METRIC_FSCK_FAULTS)
        return get(&from->counters[METRIC_FSCK_AT]) != 0;
    return true;
}

static void print_counters(struct metric_text *text, const struct metric_shared *from)
{
    static const struct {
        const char *name, *labels, *type, *help;
    } counters[] = {
#define COUNTER(id, name, labels, type, help) {name, labels, type, help},
#include "metric/metric.def"
#undef COUNTER
    };

    for (int i = 0; i < METRIC_COUNTERS; i++) {
        bool in_seconds = !strcmp(counters[i].type, "seconds");
        if (!is_known(from, i))
            continue;
        if (i == 0 || strcmp(counters[i].name, counters[i - 1].name) != 0)
            metric_text_family(text, counters[i].name, in_seconds ? "gauge" : counters[i].type,
                               counters[i].help);
        if (in_seconds)
            metric_text_seconds(text, counters[i].labels, get(&from->counters[i]));
        else
            metric_text_value(text, counters[i].labels, get(&from->counters[i]));
    }
}

void metric_print(struct metric_text *text)
{
    const struct metric_shared *from = metric_now();

    print_requests(text, from);
    print_sizes(text, from);
    print_processes(text);
    print_storage(text, from);
    print_counters(text, from);
    metric_text_family(text, "berth_metrics_since_timestamp_seconds", "gauge",
                       "When the counters of this host began.");
    metric_text_value(text, "", from->head.since);
    metric_text_family(text, "berth_metrics_shared", "gauge",
                       "Whether all processes of this host count together.");
    metric_text_value(text, "", metric_is_shared());
    metric_text_family(text, "berth_build_info", "gauge", "The version that answers.");
    metric_text_value(text, "version=\"" PACKAGE_VERSION "\"", 1);
}
