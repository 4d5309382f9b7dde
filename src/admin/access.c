/* SPDX-License-Identifier: Apache-2.0
 * L6: `berth access`: what a user may do, and by which rule. */
#include "admin/command.h"
#include "admin/open.h"
#include "auth/policy.h"
#include "auth/scope.h"
#include "cli/output.h"

#include <string.h>

static const struct {
    const char *word;
    enum action action;
} actions[] = {
    {"pull", ACTION_PULL},
    {"push", ACTION_PUSH},
    {"delete", ACTION_DELETE},
    {"admin", ACTION_ADMIN},
};

struct question {
    const struct config *conf;
    const struct policy *policy;
    struct identity who;
    struct name name;
    int asked; /* a set of actions */
};

static bool permits(const struct question *question, enum action action)
{
    return policy_permits(question->policy, &question->who, &question->name, action);
}

static void print_rule(const struct question *question, const struct verdict *verdict,
                       struct buf *out)
{
    const struct policy_rule *rule = verdict->rule;

    if (rule)
        buf_addf(out, "%s:%d: repository \"%s\"\n", rule->place.file, rule->place.line,
                 rule->pattern);
    else if (question->conf->live.policy.n_repositories)
        buf_addstr(out, "no rule matches: nobody may do anything\n");
    else if (*question->who.user || verdict->actions)
        buf_addstr(out, "no access rules: everyone who is let in may do everything\n");
    else
        buf_addstr(out, "no access rules: everyone who logged in may do everything\n");
    if (verdict->readonly)
        buf_addstr(out, "readonly: for now nobody may change anything\n");
    if (!question->conf->live.policy.deletes)
        buf_addstr(out, "delete = false: clients can delete nothing\n");
    for (size_t i = 0; rule && i < rule->immutable.n; i++)
        buf_addf(out, "immutable tags: %s%s\n", rule->immutable.v[i],
                 verdict->actions & ACTION_ADMIN ? " (but not for admin)" : "");
}

static void print_text(const struct question *question, const struct verdict *verdict,
                       struct buf *out)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (question->asked & (int)actions[i].action)
            buf_addf(out, "%-6s  %s\n", actions[i].word,
                     permits(question, actions[i].action) ? "yes" : "no");
    print_rule(question, verdict, out);
}

/* The rule that gave the verdict, and what goes for it. */
static void write_rule(const struct question *question, const struct verdict *verdict,
                       struct json_writer *json)
{
    const struct policy_rule *rule = verdict->rule;

    if (rule) {
        json_writer_object(json, "rule");
        json_writer_string(json, "file", rule->place.file);
        json_writer_number(json, "line", rule->place.line);
        json_writer_string(json, "repository", rule->pattern);
        json_writer_end(json);
    } else {
        json_writer_null(json, "rule");
    }
    json_writer_number(json, "rules", (int64_t)question->conf->live.policy.n_repositories);
    json_writer_bool(json, "readonly", verdict->readonly);
    json_writer_array(json, "immutable");
    for (size_t i = 0; rule && i < rule->immutable.n; i++)
        json_writer_string(json, NULL, rule->immutable.v[i]);
    json_writer_end(json);
}

static void print_json(const struct question *question, const struct verdict *verdict,
                       struct json_writer *json)
{
    json_writer_string(json, "user", question->who.user);
    json_writer_string(json, "repository", question->name.s);
    json_writer_object(json, "actions");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (question->asked & (int)actions[i].action)
            json_writer_bool(json, actions[i].word, permits(question, actions[i].action));
    json_writer_end(json);
    write_rule(question, verdict, json);
}

static int answer(const struct question *question, bool json, const char *action, struct err *err)
{
    struct verdict verdict = policy_verdict(question->policy, &question->who, &question->name);
    AUTO_OUTPUT out = OUTPUT_INIT;

    output_begin(&out, json);
    if (json)
        print_json(question, &verdict, out.json);
    else
        print_text(question, &verdict, &out.text);
    if (output_end(&out, err) < 0)
        return -1;
    if (action && !permits(question, (enum action)question->asked))
        return err_set(err, ERR_DENIED, "%s of %s", action, question->name.s);
    return 0;
}

static int run(const void *said, char **args, struct err *err)
{
    const struct options_common *options = said;
    struct config conf;
    struct question question = {.conf = &conf, .asked = ACTION_ALL};

    question.who.user = strcmp(args[0], "-") ? args[0] : "";
    if (name_parse(&question.name, args[1], strlen(args[1]), err) < 0)
        return -1;
    if (args[2]) {
        question.asked = scope_actions(args[2], strlen(args[2]));
        if (strpbrk(args[2], ",*") || !question.asked)
            return err_set(err, ERR_USAGE, "\"%s\": must be pull, push, delete or admin", args[2]);
    }
    if (open_config(options, &conf, err) < 0)
        return -1;
    struct policy *policy = policy_new(&conf.live.policy, config_checks_logins(&conf.live), err);
    question.policy = policy;
    int result = policy ? answer(&question, options->json, args[2], err) : -1;
    policy_free(policy);
    config_free(&conf);
    return result;
}

const struct command access_command = {
    .name = "access",
    .arguments = "USER REPOSITORY [pull|push|delete|admin]",
    .summary = "say what a user may do, by which rule; - is nobody",
    .args_min = 2,
    .args_max = 3,
    .size = sizeof(struct options_common),
    .run = run,
};
