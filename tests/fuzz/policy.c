/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes group files and globs: the first line is a pattern of the one rule there is, the rest the
 * group file. It is read or refused; only members of the rule's group may pull. */
#include "fuzz/fuzz.h"

#include "auth/policy.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void check(const struct policy *policy, const char *groups)
{
    static const char *const users[] = {"", "alice", "@dev", "*", "users", "dev"};
    static const char *const names[] = {"a", "team/app", "team/a/b", "x0--y/z"};
    struct err err;

    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            struct identity who = {.user = users[i]};
            struct name name;
            must_hold(name_parse(&name, names[k], strlen(names[k]), &err) == 0);
            if (policy_permits(policy, &who, &name, ACTION_PULL))
                must_hold(*users[i] && strstr(groups, "dev") && strstr(groups, users[i]));
            must_hold(!policy_permits(policy, &who, &name, ACTION_PUSH));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char path[64], group[] = "@dev", *members[] = {group}, conf_path[] = "berth.conf";
    struct policy_rule rule = {.place = {conf_path, 1}, .pull = {members, 1}};
    struct err err = {0};

    char *text = text_of(bytes, len);
    size_t first = strcspn(text, "\n");
    char *groups = text[first] ? text + first + 1 : text + first;
    text[first] = '\0';
    int fd = memfd_create("groups", MFD_CLOEXEC);
    size_t groups_len = strlen(groups);
    must_hold(fd >= 0 && write(fd, groups, groups_len) == (ssize_t)groups_len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    rule.pattern = text;
    struct policy_settings settings = {
        .groups_file = path, .repositories = &rule, .n_repositories = 1};
    struct policy *policy = policy_new(&settings, false, &err);
    must_hold(policy || (err.code == ERR_CONFIG && strchr(err.msg, ':')));
    if (policy)
        check(policy, groups);
    policy_free(policy);
    close(fd);
    free(text);
    return 0;
}
