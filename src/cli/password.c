/* SPDX-License-Identifier: Apache-2.0
 * L1: reading a new password. */
#include "cli/password.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

void password_wipe(struct password *password)
{
    explicit_bzero(password, sizeof *password);
}

/* Not with stdio, whose buffer would keep it. */
static int read_line(struct password *password, struct err *err)
{
    size_t len = 0;
    ssize_t got;

    while ((got = read(STDIN_FILENO, password->s + len, 1)) == 1 && password->s[len] != '\n')
        if (password->s[len] == '\0' || ++len == sizeof password->s)
            return err_set(err, ERR_USAGE, "the password is too long, or holds a NUL");
    if (got < 0)
        return err_sys(err, errno, "read the password");
    password->s[len] = '\0';
    if (len > 0 && password->s[len - 1] == '\r')
        password->s[len - 1] = '\0';
    return 0;
}

/* False: one of the signals came. */
static bool wait_for_line(int signals)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = signals, .events = POLLIN}};

    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    return fds[1].revents == 0;
}

/* Signals that would end the program wait until the terminal echoes again. */
static int prompt(struct password *password, const char *question, const char *user,
                  struct err *err)
{
    struct termios normal, silent;
    sigset_t deadly, before;
    int result;

    if (tcgetattr(STDIN_FILENO, &normal) < 0)
        return err_sys(err, errno, "terminal");
    sigemptyset(&deadly);
    sigaddset(&deadly, SIGINT);
    sigaddset(&deadly, SIGQUIT);
    sigaddset(&deadly, SIGTERM);
    sigaddset(&deadly, SIGHUP);
    int signals = signalfd(-1, &deadly, SFD_CLOEXEC);
    if (signals < 0)
        return err_sys(err, errno, "signalfd");
    sigprocmask(SIG_BLOCK, &deadly, &before);
    silent = normal;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    silent.c_lflag |= ICANON;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fprintf(stderr, "%s for %s: ", question, user);
    if (wait_for_line(signals))
        result = read_line(password, err);
    else
        result = err_set(err, ERR_USAGE, "no password was given");
    fputc('\n', stderr);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &normal);
    close(signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

int password_ask(struct password *password, const char *user, struct err *err)
{
    AUTO_PASSWORD again;

    if (!isatty(STDIN_FILENO))
        return read_line(password, err);
    if (prompt(password, "Password", user, err) < 0 ||
        prompt(&again, "The same again", user, err) < 0)
        return -1;
    if (strcmp(password->s, again.s) != 0)
        return err_set(err, ERR_USAGE, "the two passwords differ");
    return 0;
}
