/* SPDX-License-Identifier: Apache-2.0
 * L5: mistakes in a configuration: retention. */
#include "check/check.h"

#include "base/mem.h"
#include "registry/retain.h"

#include <stdlib.h>

static void check_section(const struct retain_section *section, struct findings *findings)
{
    struct err err;

    if (retain_check(section, &err) < 0)
        findings_error(findings, &err);
    if (!section->newest && !section->tags.n && !section->younger.text && !section->pulled.text &&
        !section->untagged.text)
        findings_warn(findings, "%s:%d: retain \"%s\": has no rule, so all tags stay",
                      section->place.file, section->place.line, section->pattern);
}

void check_retain(const struct config *conf, struct findings *findings)
{
    struct check_pattern *patterns = mem_alloc(conf->live.retain.n_retains * sizeof *patterns);
    size_t errors = findings->errors;

    for (size_t i = 0; i < conf->live.retain.n_retains; i++) {
        patterns[i] = (struct check_pattern){conf->live.retain.retains[i].pattern,
                                             conf->live.retain.retains[i].place};
        check_section(&conf->live.retain.retains[i], findings);
    }
    for (size_t i = 0; findings->errors == errors && i < conf->live.retain.n_retains; i++)
        check_reach("retain", patterns, conf->live.retain.n_retains, i, findings);
    free(patterns);
}
