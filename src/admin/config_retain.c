/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth config check`: retention. */
#include "admin/config_parts.h"

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

void config_retain_check(const struct config *conf, struct findings *findings)
{
    struct config_pattern *patterns = mem_alloc(conf->live.retain.n_retains * sizeof *patterns);
    size_t errors = findings->errors;

    for (size_t i = 0; i < conf->live.retain.n_retains; i++) {
        patterns[i] = (struct config_pattern){conf->live.retain.retains[i].pattern,
                                              conf->live.retain.retains[i].place};
        check_section(&conf->live.retain.retains[i], findings);
    }
    for (size_t i = 0; findings->errors == errors && i < conf->live.retain.n_retains; i++)
        config_reach_check("retain", patterns, conf->live.retain.n_retains, i, findings);
    free(patterns);
}
