/* SPDX-License-Identifier: Apache-2.0
 *
 * registry:2's environment: REGISTRY_A_B_C is a.b.c of its file.
 */
#ifndef BERTH_DISTRIBUTION_ENVIRONMENT_H
#define BERTH_DISTRIBUTION_ENVIRONMENT_H

#include "distribution/entries.h"

#define ENVIRONMENT_PREFIX "REGISTRY_"

/* Puts what the variables say in place of what is there. Their values are YAML, too. Variables that
 * docker and Kubernetes set for a service that is called "registry" are none of it, nor is an empty
 * one. ERR_CONFIG. */
int environment_add(struct entries *entries, const char *const *environment, struct err *err);

#endif
