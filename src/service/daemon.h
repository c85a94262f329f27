/*
 * Going into the background: fork, setsid, fork. The process that was called waits until the
 * service is up or has failed to come up, so that its exit status tells the truth.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "error.h"

/* Returns in the background process only, with standard input from /dev/null and in `report_fd` the
   descriptor for daemon_report; the foreground process exits with what is reported there, or with 1
   if nothing is. Returns -1 in the foreground when no process could be made. */
int daemon_start(int *report_fd, struct error *error);

/* Tells the waiting foreground process how the start went: its exit status, and what it is to say
   on standard error ("" for nothing). Closes *report_fd; does nothing when that is -1. */
void daemon_report(int *report_fd, int exit_status, const char *message);

#endif
