/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics as text: Prometheus' exposition format 0.0.4, or OpenMetrics 1.0.
 */
#ifndef BERTH_METRIC_METRIC_TEXT_H
#define BERTH_METRIC_METRIC_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct metric_text {
    struct buf *out;
    bool open_metrics;
    const char *name; /* of the family at present, and what it is */
    bool is_counter;
};

#define METRIC_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRIC_TEXT_OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* name without `_total`, which a counter gets; type "counter", "gauge", "histogram". Strings stay
 * the caller's until the next family. */
void metric_text_family(struct metric_text *text, const char *name, const char *type,
                        const char *help);
/* labels as `a="b",c="d"`; "": none. */
void metric_text_value(struct metric_text *text, const char *labels, int64_t value);
/* nanoseconds as seconds */
void metric_text_seconds(struct metric_text *text, const char *labels, int64_t nanoseconds);
/* The same of the family's name and a suffix, for histograms. */
void metric_text_part(struct metric_text *text, const char *suffix, const char *labels,
                      int64_t value);
void metric_text_part_seconds(struct metric_text *text, const char *suffix, const char *labels,
                              int64_t nanoseconds);
/* The last line. */
void metric_text_end(struct metric_text *text);

/* All that is counted: requests, storage, locks, processes. */
void metric_print(struct metric_text *text);

#endif
