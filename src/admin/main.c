/* SPDX-License-Identifier: Apache-2.0
 * L5: berth(1): the table of subcommands. Their options are in options.c. */
#include "config.h"

#include "admin/admin.h"
#include "admin/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const struct command {
    const char *name; /* one word or two */
    const char *arguments;
    const char *options; /* ids of options.c, besides those that all take */
    int args_min, args_max;
    admin_run *run;
    const char *summary;
} commands[] = {
    {"serve", "", "lwHMKPSND", 0, 0, admin_serve,
     "serve a registry with lighttpd, on 127.0.0.1:5000 unless told otherwise"},
    {"ls", "", "G", 0, 0, admin_ls, "list the repositories, or the digests of all that they have"},
    {"tags", "REPOSITORY", "", 1, 1, admin_tags, "list the tags of a repository"},
    {"inspect", "REPOSITORY[:TAG|@DIGEST]", "R", 1, 1, admin_inspect,
     "show a manifest and what belongs to it"},
    {"gc", "", "ngvq", 0, 0, admin_gc, "remove what nobody can reach any more, and stale uploads"},
    {"expire", "", "ngvq", 0, 0, admin_expire,
     "remove uploads to which nothing came for the grace"},
    {"retain", "[REPOSITORY...]", "nvq", 0, INT_MAX, admin_retain,
     "remove tags and manifests that no rule of the configuration keeps"},
    {"rm", "REPOSITORY[:TAG|@DIGEST]", "Ynq", 1, 1, admin_rm,
     "remove a tag, a manifest with all its tags, or a repository"},
    {"tag", "REPOSITORY[:TAG|@DIGEST] TAG|REPOSITORY:TAG", "Xvq", 2, 2, admin_tag,
     "give a manifest another tag"},
    {"cp", "REPOSITORY[:TAG|@DIGEST] REPOSITORY[:TAG]", "Xvq", 2, 2, admin_cp,
     "copy a manifest into another repository, by links"},
    {"du", "[REPOSITORY...]", "q", 0, INT_MAX, admin_du, "show what takes the room"},
    {"fsck", "", "fxFJgq", 0, 0, admin_fsck, "check the whole store, and mend it with --repair"},
    {"export", "[REPOSITORY[:TAG|@DIGEST]...]", "oEpVXq", 0, INT_MAX, admin_export,
     "write images, or the whole store, to a tar or an OCI layout"},
    {"import", "FILE|DIR...", "zJAq", 1, 1024, admin_import,
     "store images of docker save, podman save, skopeo, OCI layouts; - is standard input"},
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

static void print_usage(FILE *out)
{
    fputs("usage: berth COMMAND [OPTIONS] [ARGUMENTS]\n\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(out, "  %-12s  %s\n", commands[i].name, commands[i].summary);
    fputs("  help          show this, or `berth COMMAND --help`\n"
          "  version       show the version\n\nOptions of all commands:\n",
          out);
    options_print("", out);
    fputs("\nSee berth(1).\n", out);
}

static void print_command_usage(const struct command *command, FILE *out)
{
    fprintf(out, "usage: berth %s [OPTIONS] %s\n\n%s\n\n", command->name, command->arguments,
            command->summary);
    options_print(command->options, out);
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

static int run_command(const struct command *command, int argc, char **argv)
{
    struct admin_options options = {0};
    struct err err;

    argv[0] = (char[]){"berth"}; /* getopt's messages begin with it */
    int parsed = options_parse(command->options, argc, argv, &options);
    if (parsed) {
        if (parsed == OPTIONS_HELP || parsed == OPTIONS_UNKNOWN)
            print_command_usage(command, parsed == OPTIONS_HELP ? stdout : stderr);
        return parsed == OPTIONS_HELP ? EX_OK : EX_USAGE;
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
