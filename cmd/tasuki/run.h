/*
 * Running a service: everything is set up and checked before the first worker is started, in an
 * order in which a failure leaves nothing, and taken down in the reverse order.
 */
#ifndef RUN_H
#define RUN_H

#include "configuration.h"

/* Runs the service that the configuration asks for. Returns the exit status; failures have been
   printed to standard error. */
int run_service(struct configuration *configuration);

#endif
