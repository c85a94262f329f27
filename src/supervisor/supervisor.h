/*
 * The supervisor is the thin shell around the lifecycle, and the only file that knows libev: it
 * turns signals, deaths and timers into events, and carries out the actions that follow. It holds
 * no policy. After the first worker has started, no error ends it: it logs the error and continues.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include "log_file.h"
#include "options.h"
#include "release.h"
#include "service_manager.h"
#include "status_file.h"

/* Everything that the supervisor needs; the caller owns it. */
struct supervisor_setup {
    const struct options *options;
    const struct configuration *configuration; /* of `options`, which are the supervisor's own */
    struct release **release;                  /* in force; a deploy puts another one there */
    struct status_file *status_file;
    struct log_file *log_file;
    struct service_manager *manager;
    int *report_fd;        /* see daemon_report: told when the first worker has been started */
    struct error *failure; /* filled when the first worker cannot be started */
};

/* Runs the service until it is stopped. The caller has blocked its signals (signals_block). Returns
   the exit status: 0 after a stop; 126 or 127 if the first worker could not be executed; 1 if the
   supervisor could not be set up. */
int supervisor_run(const struct supervisor_setup *setup);

#endif
