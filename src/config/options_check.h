/*
 * Whether options make sense together, once all of them are known. It opens nothing and asks
 * nobody.
 */
#ifndef OPTIONS_CHECK_H
#define OPTIONS_CHECK_H

#include "options.h"

/* Puts the addresses into their order, and checks what depends on several options. Returns 0, or -1
   with the option and what it wants in `error`. */
int options_finish(struct options *options, struct error *error);

/* Parses a command line that stands for itself: the defaults, its arguments, options_finish.
   Strings stay the caller's and must outlive `options`, which is to be freed in any case. */
int options_parse(struct options *options, enum personality personality, int argc,
                  char *const argv[], struct error *error);

#endif
