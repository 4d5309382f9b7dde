/* SPDX-License-Identifier: Apache-2.0
 * Fuzzes what a client reads of an answer: WWW-Authenticate, whose realm goes on to the check of
 * token servers, Link, Content-Range, Retry-After and Location. */
#include "fuzz/fuzz.h"

#include "remote/answer.h"
#include "remote/challenge.h"
#include "remote/realm.h"
#include "remote/url.h"

static void check_challenge(const struct challenge *challenge)
{
    must_hold(challenge->scheme && *challenge->scheme && !strpbrk(challenge->scheme, " \t\",="));
    must_hold(challenge->n_parameters <= CHALLENGE_PARAMETERS_MAX);
    must_hold(!challenge->token68 || challenge->n_parameters == 0);
    for (size_t i = 0; i < challenge->n_parameters; i++) {
        const struct challenge_parameter *parameter = &challenge->parameters[i];
        must_hold(*parameter->name && !strpbrk(parameter->value, "\r\n"));
        must_hold(challenge_get(challenge, parameter->name) == parameter->value); /* none twice */
    }
}

/* No password for anybody but the registry's own domain. */
static void check_realm(const char *realm)
{
    struct url registry, url;

    must_hold(url_parse(&registry, "https://registry.example.org"));
    if (realm_check(&registry, realm, NULL, 0, NULL) < 0)
        return;
    must_hold(url_parse(&url, realm) && url.is_https);
    const char *domain = strstr(url.host, "example.org");
    must_hold(domain && strlen(url.host) >= 11);
    domain = url.host + strlen(url.host) - 11;
    must_hold(!strcmp(domain, "example.org") && (domain == url.host || domain[-1] == '.'));
}

static void check_others(const char *text)
{
    int64_t first, last, size;
    AUTO_BUF target = BUF_INIT, to = BUF_INIT, shown = BUF_INIT;
    struct url url;

    if (answer_content_range(text, &first, &last, &size))
        must_hold(0 <= first && first <= last && (size < 0 || last < size));
    must_hold(answer_retry_after(text, 1700000000) >= -1);
    if (answer_next(text, &target))
        must_hold(target.len < strlen(text));
    if (url_resolve("https://a.example/v2/x?y", text, &to))
        must_hold(url_parse(&url, to.s) && !strpbrk(to.s, "# \r\n"));
    url_show(text, &shown);
    must_hold(!strchr(shown.s, '?'));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO_CHALLENGES challenges = {0};
    char *text = text_of(bytes, len);

    if (!challenge_parse(&challenges, text))
        must_hold(challenges.n == 0);
    must_hold(challenges.n <= CHALLENGES_MAX);
    for (size_t i = 0; i < challenges.n; i++)
        check_challenge(&challenges.v[i]);
    const struct challenge *bearer = challenge_find(&challenges, "Bearer");
    const char *realm = bearer ? challenge_get(bearer, "realm") : NULL;
    check_realm(realm ? realm : text);
    check_others(text);
    free(text);
    return 0;
}
