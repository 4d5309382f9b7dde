/* SPDX-License-Identifier: Apache-2.0
 * L2: an account of which a program knows the password. Owns account-* in the state directory. */
#include "remote/helper.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/fs_lock.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "remote/remote_state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 65536
#define DEPTH_MAX 4

static void wipe(struct buf *buf)
{
    if (buf->s)
        explicit_bzero(buf->s, buf->cap);
    buf_free(buf);
}

void helper_forget(struct helper_account *account)
{
    wipe(&account->user);
    wipe(&account->password);
}

/* An answer, or what is noted of one: 0 if there is no account in it. */
static int take(const struct buf *text, int64_t *until, struct helper_account *account)
{
    struct json *json = text->len ? json_parse(text->s, text->len, DEPTH_MAX, NULL) : NULL;
    const char *user = json_text(json_get(json, "Username"));
    const char *password = json_text(json_get(json, "Secret"));
    int found = user && password && *user && !strpbrk(user, ":\r\n");

    if (!json_size(json_get(json, "until"), until))
        *until = 0;
    if (found) {
        helper_forget(account);
        buf_addstr(&account->user, user);
        buf_addstr(&account->password, password);
    }
    json_free(json);
    return found;
}

static void save(int fd, const struct helper_account *account, int64_t until)
{
    AUTO_BUF text = BUF_INIT;
    struct json_writer json = json_writer_begin(&text);

    json_writer_object(&json, NULL);
    json_writer_string(&json, "Username", account->user.s);
    json_writer_string(&json, "Secret", account->password.s);
    json_writer_number(&json, "until", until);
    json_writer_end(&json);
    if (ftruncate(fd, 0) == 0)
        file_pwrite_all(fd, text.s, text.len, 0, NULL);
    wipe(&text);
}

/* In the child: nothing but what exec needs. Of ours it has nothing: what it leaves behind would
 * hold our locks. */
static void become(const struct helper *helper, int in, int out)
{
    char *const arguments[] = {(char *)helper->program, (char *)"get", NULL};

    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
        file_close_from(STDERR_FILENO + 1);
        execvp(helper->program, arguments);
    }
    _exit(127);
}

static int start(const struct helper *helper, pid_t *pid, int *out, struct err *err)
{
    int question[2] = {-1, -1}, answer[2] = {-1, -1};

    if (pipe2(question, O_CLOEXEC) < 0 || pipe2(answer, O_CLOEXEC) < 0 || (*pid = fork()) < 0) {
        err_sys(err, errno, "start %s", helper->program);
        file_close(&question[0]);
        file_close(&question[1]);
        file_close(&answer[0]);
        return -1;
    }
    if (*pid == 0)
        become(helper, question[0], answer[1]);
    file_close(&question[0]);
    file_close(&answer[1]);
    /* A pipe takes that much without a reader. Whoever does not read it gets no signal to us. */
    void (*old)(int) = signal(SIGPIPE, SIG_IGN);
    ssize_t written = write(question[1], helper->url, strlen(helper->url));
    signal(SIGPIPE, old);
    (void)written; /* it need not read that */
    file_close(&question[1]);
    *out = answer[0];
    return 0;
}

/* All that it says until it ends or has said too much. 0: not in time. */
static int hear(int out, int64_t deadline, struct buf *text)
{
    while (text->len < ANSWER_MAX) {
        struct pollfd ready = {.fd = out, .events = POLLIN};
        int64_t rest = deadline - clock_ms();
        if (rest <= 0 || poll(&ready, 1, (int)rest) == 0)
            return 0;
        ssize_t n = read(out, buf_reserve(text, 4096), 4096);
        if (n == 0)
            return 1;
        if (n > 0)
            text->len += (size_t)n;
        else if (errno != EINTR)
            return 1;
    }
    return 1;
}

static int run(const struct helper *helper, struct helper_account *account, struct err *err)
{
    AUTO_FD out = -1;
    struct buf text = BUF_INIT;
    int64_t until;
    int status = 0;
    pid_t pid;

    if (start(helper, &pid, &out, err) < 0)
        return -1;
    int heard = hear(out, clock_ms() + helper->timeout_ms, &text);
    file_close(&out); /* who says more dies of it */
    if (!heard)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    int found = heard && status == 0 ? take(&text, &until, account) : 0;
    wipe(&text);
    if (found)
        return 0;
    if (!heard)
        return err_set(err, ERR_UPSTREAM_TIMEOUT, "%s get did not answer in time", helper->program);
    return WIFEXITED(status) && WEXITSTATUS(status) == 127
               ? err_set(err, ERR_CONFIG, "%s cannot be started", helper->program)
               : err_set(err, ERR_CONFIG,
                         "%s get knows no account of %s: run it by hand, as the same user, with "
                         "that on its standard input",
                         helper->program, helper->url);
}

/* Whether the noted account holds, and is not the one that was no good. */
static int take_noted(const struct helper *helper, int fd, bool is_anew,
                      struct helper_account *account)
{
    struct helper_account noted = {.user = BUF_INIT};
    struct buf text = BUF_INIT;
    int64_t until, now = time(NULL);

    int is_good =
        file_read_open(fd, ANSWER_MAX, &text, NULL) == 0 && take(&text, &until, &noted) &&
        until > now && until <= now + helper->lifetime &&
        !(is_anew && account->password.s && !strcmp(noted.password.s, account->password.s));
    wipe(&text);
    if (is_good) {
        helper_forget(account);
        *account = noted;
        return 1;
    }
    helper_forget(&noted);
    return 0;
}

int helper_ask(const struct helper *helper, bool is_anew, struct helper_account *account,
               struct err *err)
{
    AUTO_LOCKED_FD fd = -1;
    AUTO_BUF key_of = BUF_INIT;
    char key[REMOTE_STATE_KEY_SIZE];

    if (helper->state_fd < 0)
        return run(helper, account, err);
    buf_addf(&key_of, "%s\n%s", helper->program, helper->url);
    remote_state_key(key, key_of.s, key_of.len);
    if (remote_state_file(helper->state_fd, "account", key, false, helper->timeout_ms, &fd, err) <
        0)
        return -1;
    if (take_noted(helper, fd, is_anew, account))
        return 0;
    if (run(helper, account, err) < 0)
        return -1;
    save(fd, account, time(NULL) + helper->lifetime);
    return 0;
}
