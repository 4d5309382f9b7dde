/* SPDX-License-Identifier: Apache-2.0
 * L6: berth(1): the table of subcommands. */
#include "config.h"

#include "admin/command.h"
#include "base/mem.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* In the order of help. */
static const struct command *const commands[] = {
    &serve_command,
    &registry_command,
    &health_command,
    &status_command,
    &ls_command,
    &tags_command,
    &inspect_command,
    &gc_command,
    &expire_command,
    &retain_command,
    &rm_command,
    &tag_command,
    &cp_command,
    &du_command,
    &fsck_command,
    &check_storage_command,
    &export_command,
    &import_command,
    &user_add_command,
    &user_passwd_command,
    &user_rm_command,
    &user_ls_command,
    &access_command,
    &cache_check_command,
    &config_check_command,
    &config_import_command,
    &token_init_command,
    &token_keys_command,
    &token_robot_issue_command,
    &token_robot_ls_command,
    &token_robot_revoke_command,
};

#define N_COMMANDS (sizeof commands / sizeof *commands)

static void print_summary(FILE *out, int width, const char *name, const char *summary)
{
    fprintf(out, "  %-*s  %s\n", width, name, summary);
}

static void print_usage(FILE *out)
{
    int width = 0;

    for (size_t i = 0; i < N_COMMANDS; i++)
        if ((int)strlen(commands[i]->name) > width)
            width = (int)strlen(commands[i]->name);
    fputs("usage: berth COMMAND [OPTIONS] [ARGUMENTS]\n\n", out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        print_summary(out, width, commands[i]->name, commands[i]->summary);
    print_summary(out, width, "help",
                  "show this, or what a command takes, as `berth COMMAND --help` does");
    print_summary(out, width, "version", "show the version");
    fputs("\nOptions of all commands:\n", out);
    options_print(NULL, out);
    fputs("\nSee berth(1).\n", out);
}

static void print_command_usage(const struct command *command, FILE *out)
{
    fprintf(out, "usage: berth %s [OPTIONS] %s\n\n%s\n\n", command->name, command->arguments,
            command->summary);
    options_print(command->rows, out);
}

/* The command that args begin with; *words: of how many. */
static const struct command *find_command(char **args, int *words)
{
    for (size_t i = 0; args[0] && i < N_COMMANDS; i++) {
        const char *name = commands[i]->name;
        size_t first = strcspn(name, " ");
        if (strlen(args[0]) != first || strncmp(args[0], name, first) != 0)
            continue;
        *words = name[first] ? 2 : 1;
        if (!name[first] || (args[1] && !strcmp(args[1], name + first + 1)))
            return commands[i];
    }
    return NULL;
}

/* The commands of two words that begin with this one; false: there are none. */
static bool print_family_usage(const char *word, FILE *out)
{
    bool any = false;
    size_t len = strlen(word);

    for (size_t i = 0; i < N_COMMANDS; i++) {
        const struct command *command = commands[i];
        if (strncmp(command->name, word, len) != 0 || command->name[len] != ' ')
            continue;
        fprintf(out, "%s berth %s [OPTIONS] %s\n", any ? "      " : "usage:", command->name,
                command->arguments);
        any = true;
    }
    return any;
}

/* false, and said: there are too few or too many. */
static bool check_arguments(const struct command *command, int n, char **args)
{
    const char *missing = command->arguments;

    if (n >= command->args_min && n <= command->args_max)
        return true;
    if (n > command->args_max)
        fprintf(stderr, "berth: %s: \"%s\" is one argument too many\n", command->name,
                args[command->args_max]);
    else {
        for (int i = 0; i < n; i++)
            missing += strcspn(missing, " ") + 1;
        fprintf(stderr, "berth: %s: %.*s is missing\n", command->name, (int)strcspn(missing, " "),
                missing);
    }
    print_command_usage(command, stderr);
    return false;
}

static int report(const struct err *err)
{
    /* The public text of the others sends people to the log, which here is this line; and what is
     * read-only need not be the store, but may be a directory of keys. */
    if (err_http_status(err->code) < 500 && err->code != ERR_READ_ONLY)
        fprintf(stderr, "berth: %s: %s\n", err_public_text(err->code), err->msg);
    else
        fprintf(stderr, "berth: %s\n", err->msg);
    return err_exit_code(err->code);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct options_common *options = mem_alloc(command->size);
    struct err err;
    int code = EX_USAGE;

    argv[0] = (char[]){"berth"}; /* getopt's messages begin with it */
    int parsed = options_parse(command->rows, argc, argv, options);
    if (parsed == OPTIONS_HELP || parsed == OPTIONS_UNKNOWN)
        print_command_usage(command, parsed == OPTIONS_HELP ? stdout : stderr);
    if (parsed == OPTIONS_HELP)
        code = EX_OK;
    else if (parsed == 0 && check_arguments(command, argc - optind, argv + optind))
        code = command->run(options, argv + optind, &err) == 0 ? EX_OK : report(&err);
    free(options);
    return code;
}

static bool asks_for_help(const char *word)
{
    return word && (!strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h"));
}

/* `berth help [COMMAND]`, `berth user --help`, and what is no command. */
static int help(char **args, bool asked)
{
    int words;
    const struct command *command = asked ? find_command(args, &words) : NULL;
    FILE *out = asked ? stdout : stderr;

    if (command)
        print_command_usage(command, out);
    else if (!args[0])
        print_usage(out);
    else if (!print_family_usage(args[0], out)) {
        fprintf(stderr, "berth: there is no command \"%s\"\n", args[0]);
        print_usage(stderr);
        return EX_USAGE;
    }
    return asked ? EX_OK : EX_USAGE;
}

int main(int argc, char **argv)
{
    int words;
    const struct command *command = find_command(argv + 1, &words);

    if (command)
        return run_command(command, argc - words, argv + words);
    if (argc > 1 &&
        (!strcmp(argv[1], "version") || !strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))) {
        puts("berth " PACKAGE_VERSION);
        return EX_OK;
    }
    bool asked = argc > 1 && asks_for_help(argv[1]);
    return help(argv + 1 + asked, asked || (argc > 2 && asks_for_help(argv[2])));
}
