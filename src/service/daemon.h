/*
 * Going into the background: fork, setsid, fork. The foreground process waits until the service has
 * started or failed, so that its exit status is the result.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "error.h"

/* Returns in the background process only, with standard input from /dev/null and in `report_fd` the
   descriptor for daemon_report; the foreground process exits with what is reported there, or with 1
   if nothing is. Returns -1 in the foreground when no process could be made. */
int daemon_start(int *report_fd, struct error *error);

/* Reports the result of the start to the foreground process: its exit status, and its text for
   standard error ("" for none). Closes *report_fd; does nothing if that is -1. */
void daemon_report(int *report_fd, int exit_status, const char *message);

#endif
