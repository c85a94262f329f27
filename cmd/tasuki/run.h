/*
 * Running a service: everything is set up and checked before the first worker is started, in an
 * order in which a failure leaves nothing behind, and taken down in the reverse order.
 */
#ifndef RUN_H
#define RUN_H

#include "options.h"

/* Runs the service that the options ask for. Returns the exit status; failures have been printed to
   standard error. */
int run_service(const struct options *options);

#endif
