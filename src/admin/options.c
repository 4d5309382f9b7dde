/* SPDX-License-Identifier: Apache-2.0
 * L5: options of the subcommands. */
#include "admin/options.h"

#include "base/codec.h"

#include <getopt.h>
#include <string.h>

#define COUNT_MAX 1024

enum kind {
    FLAG,
    TEXT,
    COUNT, /* from 1 to COUNT_MAX */
    AGE,   /* seconds, given like 12h */
    LIST,  /* may be given several times */
};

struct row {
    char id;     /* in a subcommand's options */
    char letter; /* the short option, 0: there is none */
    enum kind kind;
    const char *name;
    const char *value; /* what help calls the value */
    size_t offset;
    const char *text;
};

#define AT(member) offsetof(struct admin_options, member)

/* In the order of help. */
static const struct row rows[] = {
    {'l', 'l', TEXT, "listen", "ADDR:PORT", AT(listen), "where to serve (default: 127.0.0.1:5000)"},
    {'w', 'w', COUNT, "workers", "N", AT(workers), "processes, each for one request at a time"},
    {'H', 0, TEXT, "htpasswd", "FILE", AT(htpasswd),
     "let in only who is in this file, see berth user"},
    {'M', 0, TEXT, "realm", "TEXT", AT(realm), "what clients are told that they log in to"},
    {'K', 0, TEXT, "tls-cert", "FILE", AT(tls_cert), "TLS with this certificate, and its chain"},
    {'P', 0, TEXT, "tls-key", "FILE", AT(tls_key), "and with this key"},
    {'S', 0, FLAG, "tls-self-signed", NULL, AT(tls_self_signed),
     "TLS with a certificate of its own"},
    {'N', 0, LIST, "tls-name", "NAME", AT(tls_names),
     "host name or address that it is for too, repeatable"},
    {'D', 0, TEXT, "tls-dir", "DIR", AT(tls_dir), "where it is kept, with its CA and their keys"},
    {'R', 'R', FLAG, "raw", NULL, AT(raw), "print the manifest itself, byte for byte"},
    {'G', 0, FLAG, "digests", NULL, AT(digests),
     "list the digests of all blobs and manifests, for export --have"},
    {'Y', 'r', FLAG, "recursive", NULL, AT(recursive), "remove the whole repository"},
    {'n', 'n', FLAG, "dry-run", NULL, AT(dry_run), "say what would go, and remove nothing"},
    {'g', 'g', AGE, "grace", "AGE", AT(grace),
     "leave alone what is younger, like 30m, 24h, 7d (default: grace of berth.conf)"},
    {'f', 0, FLAG, "fast", NULL, AT(fast), "do not read the blobs through to hash them"},
    {'x', 0, FLAG, "repair", NULL, AT(repair), "mend what can be mended"},
    {'F', 0, TEXT, "state", "FILE", AT(state),
     "go on where the run stopped that wrote this file, and write it"},
    {'z', 0, TEXT, "compress", "NAME", AT(compress),
     "store layers as gzip, zstd or none (default: gzip)"},
    {'J', 0, COUNT, "jobs", "N", AT(jobs), "so many at once (default: one a processor)"},
    {'A', 0, TEXT, "as", "REPO[:TAG]", AT(as), "under this name, not under its own"},
    {'o', 'o', TEXT, "output", "FILE|DIR", AT(output), "where to write; - is standard output"},
    {'E', 0, FLAG, "all", NULL, AT(all), "all platforms; without a reference the whole store"},
    {'p', 0, TEXT, "platform", "OS/ARCH", AT(platform),
     "this platform of an image with several (default: this machine's)"},
    {'V', 0, TEXT, "have", "FILE", AT(have),
     "leave out the digests in this file, see berth ls --digests"},
    {'X', 0, FLAG, "no-referrers", NULL, AT(no_referrers),
     "without signatures, SBOMs and what else refers to it"},
    {'C', 'C', TEXT, "cost", "N", AT(cost),
     "of bcrypt, 4 to 17 (default: 10); one more doubles the time"},
    {'a', 'a', TEXT, "algorithm", "NAME", AT(algorithm), "EdDSA or ES256 (default: EdDSA)"},
    {'u', 'u', TEXT, "user", "USER", AT(user), "whose rights the token has"},
    {'s', 's', TEXT, "scope", "SCOPE", AT(scope),
     "what it is for, like repository:team/*:pull,push"},
    {'e', 'e', TEXT, "expires", "TIME", AT(expires),
     "until when, like 12h, 90d, 52w (default: 90d)"},
    {'v', 'v', FLAG, "verbose", NULL, AT(verbose), "name each thing that is done"},
    {'q', 'q', FLAG, "quiet", NULL, AT(quiet), "show no progress"},
    {'r', 0, TEXT, "root", "DIR", AT(root), "data directory (default: the configuration's)"},
    {'c', 'c', TEXT, "config", "FILE", AT(config),
     "configuration (default: $BERTH_CONF, or /etc/berth/berth.conf)"},
    {'j', 'j', FLAG, "json", NULL, AT(json), "print JSON"},
    {'h', 'h', FLAG, "help", NULL, AT(help), "show this"},
};

#define N_ROWS (sizeof rows / sizeof *rows)

static const char common_ids[] = "rcjh";

static bool has_row(const char *ids, const struct row *row)
{
    return strchr(ids, row->id) || strchr(common_ids, row->id);
}

void options_print(const char *ids, FILE *out)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *row = &rows[i];
        char usage[40];
        if (!has_row(ids, row))
            continue;
        int len = snprintf(usage, sizeof usage, "%c%c%c --%s %s", row->letter ? '-' : ' ',
                           row->letter ? row->letter : ' ', row->letter ? ',' : ' ', row->name,
                           row->value ? row->value : "");
        fprintf(out, "  %-*s  %s\n", len > 24 ? len : 24, usage, row->text);
    }
}

static int parse_count(const struct row *row, const char *text, int *count)
{
    int64_t n;

    if (!decimal_parse(text, strlen(text), &n) || n < 1 || n > COUNT_MAX) {
        fprintf(stderr, "berth: --%s takes a number from 1 to %d\n", row->name, COUNT_MAX);
        return OPTIONS_INVALID;
    }
    *count = (int)n;
    return 0;
}

static int parse_age(const struct row *row, const char *text, int64_t *seconds)
{
    if (!duration_parse(text, seconds)) {
        fprintf(stderr,
                "berth: --%s \"%s\": must be a number with s, m, h, d or w behind it, like 12h, "
                "90d\n",
                row->name, text);
        return OPTIONS_INVALID;
    }
    return 0;
}

static int add_text(const struct row *row, const char *text, struct admin_list *list)
{
    if (list->n == ADMIN_LIST_MAX) {
        fprintf(stderr, "berth: --%s can be given %d times\n", row->name, ADMIN_LIST_MAX);
        return OPTIONS_INVALID;
    }
    list->v[list->n++] = text;
    return 0;
}

static int take(const struct row *row, const char *text, struct admin_options *options)
{
    void *member = (char *)options + row->offset;

    switch (row->kind) {
    case FLAG:
        *(bool *)member = true;
        return 0;
    case TEXT:
        *(const char **)member = text;
        return 0;
    case COUNT:
        return parse_count(row, text, member);
    case AGE:
        return parse_age(row, text, member);
    case LIST:
        return add_text(row, text, member);
    }
    return OPTIONS_UNKNOWN;
}

int options_parse(const char *ids, int argc, char **argv, struct admin_options *options)
{
    struct option longs[N_ROWS + 1] = {0};
    char shorts[2 * N_ROWS + 1] = "";
    size_t n = 0;
    int found;

    *options = (struct admin_options){.grace = -1};
    for (size_t i = 0; i < N_ROWS; i++) {
        if (!has_row(ids, &rows[i]))
            continue;
        int argument = rows[i].kind == FLAG ? no_argument : required_argument;
        longs[n++] = (struct option){rows[i].name, argument, NULL, rows[i].id};
        if (rows[i].letter)
            snprintf(shorts + strlen(shorts), sizeof shorts - strlen(shorts), "%c%s",
                     rows[i].letter, argument ? ":" : "");
    }
    int index = -1;
    while ((found = getopt_long(argc, argv, shorts, longs, &index)) != -1) {
        const struct row *row = NULL;
        for (size_t i = 0; i < N_ROWS && !row; i++)
            if (has_row(ids, &rows[i]) && found == (index >= 0 ? rows[i].id : rows[i].letter))
                row = &rows[i];
        index = -1;
        int failed = found == '?' || !row ? OPTIONS_UNKNOWN : take(row, optarg, options);
        if (failed)
            return failed;
    }
    return options->help ? OPTIONS_HELP : 0;
}
