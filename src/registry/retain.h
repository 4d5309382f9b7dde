/* SPDX-License-Identifier: Apache-2.0
 *
 * Retention, berth.conf(5): which tags of a repository stay, and how long manifests without a tag
 * do. The section `retain` of the most specific glob applies alone, of two equally specific ones
 * the first in the file.
 *
 * A tag stays if any rule of the section keeps it, or if the section has no rule for tags. What a
 * tag reaches stays: the children of an index, and what names one of these manifests as its
 * subject. A manifest without a tag, to which nothing of this applies, stays for `untagged`
 * since it was pushed or lost its last tag, and one that loses it in a run at least to the next.
 * The tags that belong to a manifest (oci/attached.h), such as those of its signatures, are there
 * for as long as it is.
 *
 * What is here decides and touches nothing; retain_run.h reads and removes. Times are nanoseconds
 * since 1970.
 */
#ifndef BERTH_REGISTRY_RETAIN_H
#define BERTH_REGISTRY_RETAIN_H

#include "base/settings.h"
#include "oci/digest.h"
#include "oci/name.h"
#include "oci/tag.h"

#include <stdbool.h>
#include <stdint.h>

/* retain "GLOB" { ... } */
struct retain_section {
    char *pattern;
    struct settings_place place;
    int64_t newest;      /* 0: not said */
    struct strings tags; /* globs */
    struct settings_age younger, pulled;
    struct settings_age untagged; /* may be forever */
};

/* Read again when the configuration changes. */
struct retain_settings {
    struct retain_section *retains; /* in the order of the file */
    size_t n_retains;
};
extern const struct settings_table retain_table;

/* The section that applies; NULL: none does. */
const struct retain_section *retain_section(const struct retain_settings *settings,
                                            const struct name *name);
/* The seconds for which the repository's manifests without a tag stay, -1: forever. grace is for
 * repositories of which the configuration does not say it; and never less than half of it, since
 * what is younger is not renewed when somebody comes to rely on it (freshen.h). */
int64_t retain_untagged(const struct retain_settings *settings, const struct name *name,
                        int64_t grace);
/* ERR_CONFIG with file and line: this section has a pattern that can match nothing. */
int retain_check(const struct retain_section *section, struct err *err);

/* Why something stays or goes. */
enum retain_reason {
    RETAIN_UNDECIDED,
    RETAIN_CHANGED, /* stays: it was changed while it was to be removed */
    /* Tags that stay. */
    RETAIN_IMMUTABLE,
    RETAIN_NO_RULES,   /* the section has none for tags */
    RETAIN_TAGS,       /* its name matches */
    RETAIN_NEWEST,     /* one of the newest */
    RETAIN_YOUNGER,    /* set not long ago */
    RETAIN_PULLED,     /* pulled not long ago */
    RETAIN_SUBJECT,    /* a signature's, whose manifest stays */
    RETAIN_NO_SUBJECT, /* a signature's, whose manifest is not here */
    /* Manifests that stay. */
    RETAIN_TAGGED,
    RETAIN_BELONGS,  /* to a manifest that stays */
    RETAIN_LOST_TAG, /* it loses its last tag only now */
    RETAIN_UNTAGGED, /* not long enough without a tag */
    /* Tags and manifests that go. */
    RETAIN_NOTHING,      /* no rule keeps it; it was too long without a tag */
    RETAIN_SUBJECT_GOES, /* with the manifest to which it belongs */
};

#define RETAIN_NONE UINT32_MAX

struct retain_tag {
    const char *name; /* in the history's names */
    struct digest digest;
    uint32_t manifest; /* its number */
    int64_t set;
    int64_t pulled; /* -1: that is not known */
    bool immutable;
    bool is_signature;
    uint32_t subject; /* of a signature; RETAIN_NONE: not in this repository */

    bool stays, gone; /* gone: it was removed */
    enum retain_reason reason;
    const char *pattern; /* RETAIN_TAGS: which */
};

struct retain_manifest {
    struct digest digest;
    int64_t since;   /* it was pushed, or lost a tag */
    bool is_owned;   /* by a subject in this repository */
    uint32_t tagged; /* how many tags it has */

    bool stays, gone;
    enum retain_reason reason;
    uint32_t owner; /* RETAIN_BELONGS, RETAIN_SUBJECT_GOES: to which */
    uint32_t rank;  /* of those that go, lower ones go first */
};

/* The owned one is there at least as long as its owner. */
struct retain_edge {
    uint32_t owner, owned;
};

/* What is known of a repository; what belongs together by numbers in the two lists. */
struct retain_history {
    int64_t now;      /* before anything was read */
    int64_t since;    /* when recording of pulls began; -1: it did not */
    int64_t untagged; /* of retain_untagged */
    struct strings names;
    struct retain_tag *tags;
    size_t n_tags;
    struct retain_manifest *manifests;
    size_t n_manifests;
    struct retain_edge *edges;
    size_t n_edges;
};
#define AUTO_HISTORY __attribute__((cleanup(retain_history_free))) struct retain_history
void retain_history_free(struct retain_history *history);
/* The name of a tag, which was parsed when it was read: there may be very many, and most are short.
 */
struct tag retain_tag_name(const struct retain_tag *tag);
/* Each returns the new entry, valid until the next; the caller fills in the rest. */
struct retain_tag *retain_add_tag(struct retain_history *history);
struct retain_manifest *retain_add_manifest(struct retain_history *history);
void retain_add_edge(struct retain_history *history, uint32_t owner, uint32_t owned);

/* Sets `stays`, `reason` and what belongs to them of every tag and manifest. Sorts the edges. */
void retain_decide(const struct retain_section *section, struct retain_history *history);

/* The last sign of use: a pull, or that it was set; for a tag whose pulls are not known also that
 * recording began. */
int64_t retain_last_use(const struct retain_history *history, const struct retain_tag *tag);

#endif
