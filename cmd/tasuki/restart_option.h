/*
 * --restart: a deploy by the supervisor of a pid file.
 */
#ifndef RESTART_OPTION_H
#define RESTART_OPTION_H

#include "options.h"

/* Returns 0 when only the new generation is left; or -1, with the reason in `error`, or with "" in
   it where the reason has been printed. */
int restart_by_files(const struct options *options, struct error *error);

#endif
