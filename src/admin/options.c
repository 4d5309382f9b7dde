/* SPDX-License-Identifier: Apache-2.0
 * L5: the options of all subcommands, once. */
#include "admin/admin.h"

#include "base/codec.h"

#include <getopt.h>
#include <string.h>

#define WORKERS_MAX 1024

struct option_info {
    unsigned option;
    const char *name;
    const char *argument; /* NULL: it takes none */
    const char *help;
};

static const struct option_info options[] = {
    {OPTION_LISTEN, "listen", "ADDR:PORT", "where to serve (default: 127.0.0.1:5000)"},
    {OPTION_WORKERS, "workers", "N", "requests worked on at a time (default: two for each core)"},
    {OPTION_JSON, "json", NULL, "print JSON, see berth(1)"},
    {OPTION_RAW, "raw", NULL, "print the manifest's bytes and nothing else"},
    {OPTION_DRY_RUN, "dry-run", NULL, "show what would be removed, and remove nothing"},
    {OPTION_ROOT, "root", "DIR", "the data directory (default: as configured)"},
    {OPTION_CONFIG, "config", "FILE",
     "configuration (default: $BERTH_CONF, else /etc/berth/berth.conf if it exists)"},
};
#define N_OPTIONS (sizeof options / sizeof *options)

void options_help(const struct command *command, FILE *out)
{
    fprintf(out, "usage: berth %s [OPTION...]%s%s\n\n%c%s.\n", command->name,
            command->argument ? " " : "", command->argument ? command->argument : "",
            command->summary[0] - 'a' + 'A', command->summary + 1);
    if (command->help)
        fprintf(out, "%s\n", command->help);
    fputc('\n', out);
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (command->options & options[i].option)
            fprintf(out, "  --%s%s%-*s %s\n", options[i].name, options[i].argument ? " " : "",
                    options[i].argument ? 16 - (int)strlen(options[i].name)
                                        : 17 - (int)strlen(options[i].name),
                    options[i].argument ? options[i].argument : "", options[i].help);
    fprintf(out, "  %-19s %s\n", "--help", "show this");
}

static int apply(struct admin *admin, unsigned option, const char *value, struct err *err)
{
    int64_t n;

    switch (option) {
    case OPTION_ROOT:
        admin->root = value;
        break;
    case OPTION_CONFIG:
        admin->config = value;
        break;
    case OPTION_JSON:
        admin->json = true;
        break;
    case OPTION_DRY_RUN:
        admin->dry_run = true;
        break;
    case OPTION_RAW:
        admin->raw = true;
        break;
    case OPTION_LISTEN:
        admin->listen = value;
        break;
    case OPTION_WORKERS:
        if (!decimal_parse(value, strlen(value), &n) || n < 1 || n > WORKERS_MAX)
            return err_set(err, ERR_USAGE, "--workers takes a number from 1 to %d", WORKERS_MAX);
        admin->workers = (int)n;
        break;
    }
    return 0;
}

static int take_argument(struct admin *admin, const struct command *command, int n, char **v,
                         struct err *err)
{
    int wanted = command->argument != NULL;

    if (n > wanted)
        return err_set(err, ERR_USAGE, "what is \"%.100s\" for?", v[wanted]);
    if (n < wanted)
        return err_set(err, ERR_USAGE, "%s is missing", command->argument);
    admin->argument = wanted ? v[0] : NULL;
    return 0;
}

int options_parse(struct admin *admin, const struct command *command, int argc, char **argv,
                  struct err *err)
{
    struct option known[N_OPTIONS + 2] = {{"help", no_argument, NULL, 'h'}};
    size_t n = 1;
    int index, found;

    for (size_t i = 0; i < N_OPTIONS; i++)
        if (command->options & options[i].option)
            known[n++] = (struct option){options[i].name,
                                         options[i].argument ? required_argument : no_argument,
                                         NULL, (int)options[i].option << 8};
    opterr = 0;
    while ((found = getopt_long(argc, argv, ":h", known, &index)) != -1) {
        if (found == 'h')
            return 1;
        if (found == ':')
            return err_set(err, ERR_USAGE, "%.100s needs a value", argv[optind - 1]);
        if (found == '?')
            return err_set(err, ERR_USAGE, "there is no option %.100s", argv[optind - 1]);
        if (apply(admin, (unsigned)found >> 8, optarg, err) < 0)
            return -1;
    }
    return take_argument(admin, command, argc - optind, argv + optind, err);
}
