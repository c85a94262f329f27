/*
 * Users and groups, by name or number, as the system's databases have them. For a process aside:
 * what the databases load or open stays, and they may not answer.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "error.h"

#include <sys/types.h>

/* Finds a user or a group. A number is taken as it is, whether somebody has it or not. Returns 0,
   or -1 with the name and the reason in `error`. */
int account_find_user(const char *text, uid_t *user, struct error *error);
int account_find_group(const char *text, gid_t *group, struct error *error);

#endif
