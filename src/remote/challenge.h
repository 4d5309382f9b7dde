/* SPDX-License-Identifier: Apache-2.0
 *
 * How a server wants to be convinced: WWW-Authenticate (RFC 9110, section 11), several challenges
 * in one header, each with parameters or a token68, quoted or not.
 */
#ifndef BERTH_REMOTE_CHALLENGE_H
#define BERTH_REMOTE_CHALLENGE_H

#include <stdbool.h>
#include <stddef.h>

#define CHALLENGES_MAX 16
#define CHALLENGE_PARAMETERS_MAX 32
#define CHALLENGE_LEN_MAX 8192 /* of the header */

struct challenge {
    char *scheme;
    char *token68; /* NULL: it has parameters instead, or nothing */
    struct challenge_parameter {
        char *name, *value;
    } * parameters;
    size_t n_parameters;
};

struct challenges {
    struct challenge *v;
    size_t n;
};
#define AUTO_CHALLENGES __attribute__((cleanup(challenge_free))) struct challenges

/* Adds those of one header to what is there ({0} at first). False: it is malformed, has a parameter
 * twice, or is beyond the limits; nothing was added then. */
bool challenge_parse(struct challenges *challenges, const char *value);
void challenge_free(struct challenges *challenges);

/* The first of that scheme, whatever its case; NULL: there is none. */
const struct challenge *challenge_find(const struct challenges *challenges, const char *scheme);
/* NULL: it has no such parameter. */
const char *challenge_get(const struct challenge *challenge, const char *name);

#endif
