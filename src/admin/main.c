/* SPDX-License-Identifier: Apache-2.0
 * L5: berth(1): the table of subcommands and their options. */
#include "config.h"

#include "admin/admin.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define WORKERS_MAX 1024

static const struct command {
    const char *name; /* one word or two */
    const char *arguments;
    const char *options; /* letters, besides those that all take */
    int args_min, args_max;
    admin_run *run;
    const char *summary;
} commands[] = {
    {"serve", "", "lwHMKPSND", 0, 0, admin_serve,
     "serve a registry with lighttpd, on 127.0.0.1:5000 unless told otherwise"},
    {"ls", "", "", 0, 0, admin_ls, "list the repositories"},
    {"tags", "REPOSITORY", "", 1, 1, admin_tags, "list the tags of a repository"},
    {"inspect", "REPOSITORY[:TAG|@DIGEST]", "R", 1, 1, admin_inspect,
     "show a manifest and what belongs to it"},
    {"rm", "REPOSITORY:TAG|REPOSITORY@DIGEST", "n", 1, 1, admin_rm,
     "remove a tag, or a manifest with all its tags"},
    {"user add", "FILE USER", "C", 2, 2, admin_user_add, "add a user to an htpasswd file"},
    {"user passwd", "FILE USER", "C", 2, 2, admin_user_passwd, "change a user's password"},
    {"user rm", "FILE USER", "", 2, 2, admin_user_rm, "remove a user from an htpasswd file"},
    {"user ls", "FILE", "", 1, 1, admin_user_ls, "list the users of an htpasswd file"},
    {"access", "USER REPOSITORY [ACTION]", "", 2, 3, admin_access,
     "say what a user may do, by which rule; - is nobody"},
    {"config check", "", "", 0, 0, admin_config_check, "find mistakes in the configuration"},
    {"token init", "[DIR]", "a", 0, 1, admin_token_init,
     "make a key that signs tokens from now on"},
    {"token keys", "", "", 0, 0, admin_token_keys, "list the keys of tokens"},
    {"token issue", "[NAME]", "use", 0, 1, admin_token_issue, "issue a robot's token"},
    {"token ls", "", "", 0, 0, admin_token_ls, "list the robots' tokens"},
    {"token revoke", "NAME", "", 1, 1, admin_token_revoke, "end a robot's token"},
};

static const struct option long_options[] = {
    {"root", required_argument, NULL, 'r'},
    {"config", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {"raw", no_argument, NULL, 'R'},
    {"dry-run", no_argument, NULL, 'n'},
    {"listen", required_argument, NULL, 'l'},
    {"workers", required_argument, NULL, 'w'},
    {"cost", required_argument, NULL, 'C'},
    {"algorithm", required_argument, NULL, 'a'},
    {"user", required_argument, NULL, 'u'},
    {"scope", required_argument, NULL, 's'},
    {"expires", required_argument, NULL, 'e'},
    {"htpasswd", required_argument, NULL, 'H'},
    {"realm", required_argument, NULL, 'M'},
    {"tls-cert", required_argument, NULL, 'K'},
    {"tls-key", required_argument, NULL, 'P'},
    {"tls-self-signed", no_argument, NULL, 'S'},
    {"tls-name", required_argument, NULL, 'N'},
    {"tls-dir", required_argument, NULL, 'D'},
    {NULL, 0, NULL, 0},
};

/* What each option does, in the order of help. */
static const struct {
    char letter;
    const char *text;
} option_help[] = {
    {'l', "  -l, --listen ADDR:PORT  where to serve (default: 127.0.0.1:5000)\n"},
    {'w', "  -w, --workers N         processes, each for one request at a time\n"},
    {'H', "      --htpasswd FILE     let in only who is in this file, see berth user\n"},
    {'M', "      --realm TEXT        what clients are told that they log in to\n"},
    {'K', "      --tls-cert FILE     TLS with this certificate, and its chain\n"},
    {'P', "      --tls-key FILE      and with this key\n"},
    {'S', "      --tls-self-signed   TLS with a certificate of its own\n"},
    {'N', "      --tls-name NAME     host name or address that it is for too, repeatable\n"},
    {'D', "      --tls-dir DIR       where it is kept, with its CA and their keys\n"},
    {'R', "  -R, --raw               print the manifest itself, byte for byte\n"},
    {'n', "  -n, --dry-run           say what would go, and remove nothing\n"},
    {'C',
     "  -C, --cost N            of bcrypt, 4 to 17 (default: 10); one more doubles the time\n"},
    {'a', "  -a, --algorithm NAME    EdDSA or ES256 (default: EdDSA)\n"},
    {'u', "  -u, --user USER         whose rights the token has\n"},
    {'s', "  -s, --scope SCOPE       what it is for, like repository:team/*:pull,push\n"},
    {'e', "  -e, --expires TIME      until when, like 12h, 90d, 52w (default: 90d)\n"},
    {'r', "  -r, --root DIR          data directory (default: the configuration's)\n"},
    {'c',
     "  -c, --config FILE       configuration (default: $BERTH_CONF, or /etc/berth/berth.conf)\n"},
    {'j', "  -j, --json              print JSON\n"},
    {'h', "  -h, --help              show this\n"},
};

static const char common_letters[] = "rcjh";

static void print_options(const char *letters, FILE *out)
{
    for (size_t i = 0; i < sizeof option_help / sizeof *option_help; i++)
        if (strchr(letters, option_help[i].letter) || strchr(common_letters, option_help[i].letter))
            fputs(option_help[i].text, out);
}

static void print_usage(FILE *out)
{
    fputs("usage: berth COMMAND [OPTIONS] [ARGUMENTS]\n\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-12s  %s\n", commands[i].name, commands[i].summary);
    fputs("  help          show this, or `berth COMMAND --help`\n"
          "  version       show the version\n\nOptions of all commands:\n",
          out);
    print_options("", out);
    fputs("\nSee berth(1).\n", out);
}

static void print_command_usage(const struct command *command, FILE *out)
{
    fprintf(out, "usage: berth %s [OPTIONS] %s\n\n%s\n\n", command->name, command->arguments,
            command->summary);
    print_options(command->options, out);
}

/* The command that args begin with; *words: of how many. */
static const struct command *find_command(char **args, int *words)
{
    for (size_t i = 0; args[0] && i < sizeof commands / sizeof *commands; i++) {
        const char *name = commands[i].name;
        size_t first = strcspn(name, " ");
        if (strlen(args[0]) != first || strncmp(args[0], name, first) != 0)
            continue;
        *words = name[first] ? 2 : 1;
        if (!name[first] || (args[1] && !strcmp(args[1], name + first + 1)))
            return &commands[i];
    }
    return NULL;
}

/* The commands of two words that begin with this one; false: there are none. */
static bool print_family_usage(const char *word, FILE *out)
{
    bool any = false;
    size_t len = strlen(word);

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const struct command *command = &commands[i];
        if (strncmp(command->name, word, len) != 0 || command->name[len] != ' ')
            continue;
        fprintf(out, "%s berth %s [OPTIONS] %s\n", any ? "      " : "usage:", command->name,
                command->arguments);
        any = true;
    }
    return any;
}

static int parse_workers(const char *text, int *workers, struct err *err)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (*end || end == text || n < 1 || n > WORKERS_MAX)
        return err_set(err, ERR_USAGE, "--workers takes a number from 1 to %d", WORKERS_MAX);
    *workers = (int)n;
    return 0;
}

static int add_tls_name(const char *name, struct admin_options *options, struct err *err)
{
    if (options->n_tls_names == ADMIN_TLS_NAMES_MAX)
        return err_set(err, ERR_USAGE, "--tls-name can be given %d times", ADMIN_TLS_NAMES_MAX);
    options->tls_names[options->n_tls_names++] = name;
    return 0;
}

/* Those that have no letter on the command line. */
static int take_long_option(int letter, struct admin_options *options, struct err *err)
{
    switch (letter) {
    case 'H':
        options->htpasswd = optarg;
        return 0;
    case 'M':
        options->realm = optarg;
        return 0;
    case 'K':
        options->tls_cert = optarg;
        return 0;
    case 'P':
        options->tls_key = optarg;
        return 0;
    case 'S':
        options->tls_self_signed = true;
        return 0;
    case 'N':
        return add_tls_name(optarg, options, err);
    case 'D':
        options->tls_dir = optarg;
        return 0;
    default:
        return 1;
    }
}

/* Takes one option; 1 for --help. */
static int take_option(int letter, struct admin_options *options, struct err *err)
{
    switch (letter) {
    case 'r':
        options->root = optarg;
        return 0;
    case 'c':
        options->config = optarg;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'R':
        options->raw = true;
        return 0;
    case 'n':
        options->dry_run = true;
        return 0;
    case 'l':
        options->listen = optarg;
        return 0;
    case 'w':
        return parse_workers(optarg, &options->workers, err);
    case 'C':
        options->cost = optarg;
        return 0;
    case 'a':
        options->algorithm = optarg;
        return 0;
    case 'u':
        options->user = optarg;
        return 0;
    case 's':
        options->scope = optarg;
        return 0;
    case 'e':
        options->expires = optarg;
        return 0;
    default:
        return take_long_option(letter, options, err);
    }
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct admin_options options = {0};
    struct err err;
    int letter;

    argv[0] = (char[]){"berth"}; /* getopt's messages begin with it */
    while ((letter = getopt_long(argc, argv, "r:c:jhRnl:w:C:a:u:s:e:", long_options, NULL)) != -1) {
        bool allowed =
            letter != '?' && (strchr(common_letters, letter) || strchr(command->options, letter));
        int taken = allowed ? take_option(letter, &options, &err) : 1;
        if (taken < 0) {
            fprintf(stderr, "berth: %s\n", err.msg);
            return EX_USAGE;
        }
        if (taken > 0) {
            print_command_usage(command, letter == 'h' ? stdout : stderr);
            return letter == 'h' ? EX_OK : EX_USAGE;
        }
    }
    if (argc - optind < command->args_min || argc - optind > command->args_max) {
        print_command_usage(command, stderr);
        return EX_USAGE;
    }
    if (command->run(&options, argv + optind, &err) == 0)
        return EX_OK;
    /* The public text of the others sends people to the log, which here is this line. */
    if (err_http_status(err.code) < 500)
        fprintf(stderr, "berth: %s: %s\n", err_public_text(err.code), err.msg);
    else
        fprintf(stderr, "berth: %s\n", err.msg);
    return err_exit_code(err.code);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    int words;
    const struct command *command = find_command(argv + 1, &words);

    if (command)
        return run_command(command, argc - words, argv + words);
    if (!strcmp(name, "version") || !strcmp(name, "--version") || !strcmp(name, "-V")) {
        puts("berth " PACKAGE_VERSION);
        return EX_OK;
    }
    bool family_asked = argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"));
    if (print_family_usage(name, family_asked ? stdout : stderr))
        return family_asked ? EX_OK : EX_USAGE;
    bool asked = !strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h");
    if (!asked && *name)
        fprintf(stderr, "berth: there is no command \"%s\"\n", name);
    print_usage(asked ? stdout : stderr);
    return asked ? EX_OK : EX_USAGE;
}
