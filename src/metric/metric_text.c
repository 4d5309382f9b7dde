/* SPDX-License-Identifier: Apache-2.0
 * L2: metrics as text. */
#include "metric/metric_text.h"

#include <string.h>

void metric_text_family(struct metric_text *text, const char *name, const char *type,
                        const char *help)
{
    const char *suffix;

    text->name = name;
    text->is_counter = !strcmp(type, "counter");
    suffix = text->is_counter && !text->open_metrics ? "_total" : "";
    buf_addf(text->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type);
}

static void begin(struct metric_text *text, const char *suffix, const char *labels)
{
    buf_addf(text->out, "%s%s%s%s%s ", text->name, suffix, *labels ? "{" : "", labels,
             *labels ? "}" : "");
}

void metric_text_part(struct metric_text *text, const char *suffix, const char *labels,
                      int64_t value)
{
    begin(text, suffix, labels);
    buf_addf(text->out, "%jd\n", (intmax_t)value);
}

void metric_text_part_seconds(struct metric_text *text, const char *suffix, const char *labels,
                              int64_t nanoseconds)
{
    int64_t second = 1000000000;

    begin(text, suffix, labels);
    buf_addf(text->out, "%jd.%09jd\n", (intmax_t)(nanoseconds / second),
             (intmax_t)(nanoseconds % second));
}

static const char *suffix_of(const struct metric_text *text)
{
    return text->is_counter ? "_total" : "";
}

void metric_text_value(struct metric_text *text, const char *labels, int64_t value)
{
    metric_text_part(text, suffix_of(text), labels, value);
}

void metric_text_seconds(struct metric_text *text, const char *labels, int64_t nanoseconds)
{
    metric_text_part_seconds(text, suffix_of(text), labels, nanoseconds);
}

void metric_text_end(struct metric_text *text)
{
    if (text->open_metrics)
        buf_addstr(text->out, "# EOF\n");
}
