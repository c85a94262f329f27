/*
 * Signals by name, as people write them: TERM, SIGTERM, term, or the number.
 */
#ifndef SIGNAL_NAME_H
#define SIGNAL_NAME_H

#include "error.h"

/* Returns the signal's number, or -1 with what was expected in `error`. RTMIN, RTMIN+n, RTMAX and
   RTMAX-n name the real-time signals as in signal(7). */
int signal_parse(const char *text, struct error *error);

/* The name without SIG; "signal" for a number that has none. Never NULL. */
const char *signal_name(int signal);

#endif
