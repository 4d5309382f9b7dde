/* SPDX-License-Identifier: Apache-2.0
 * L1: signals that end a subcommand. */
#include "cli/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t came;

static void remember(int number)
{
    came = number;
}

/* A second one of the same kind ends the process at once, as where a write hangs in a pipe. */
void interrupt_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    const struct sigaction action = {.sa_handler = remember, .sa_flags = SA_RESETHAND | SA_RESTART};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

int interrupt_check(struct err *err)
{
    return came ? err_set(err, ERR_IO, "interrupted") : 0;
}

void interrupt_end(void)
{
    if (came) {
        signal(came, SIG_DFL);
        raise(came);
    }
}
