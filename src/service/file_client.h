/*
 * --restart and --stop: requests to a running supervisor through its pid file and its status file,
 * as with Server::Starter. They work with either supervisor.
 */
#ifndef FILE_CLIENT_H
#define FILE_CLIENT_H

#include "error.h"

#include <sys/types.h>

/* Finds the supervisor that has `pid_file` locked and keeps `status_file`. Returns 0, or -1:
   nothing runs there, the pid file names another process than the one that holds its lock, or the
   status file lists no generation. */
int file_client_find(const char *pid_file, const char *status_file, pid_t *pid,
                     struct error *error);

/* Sends HUP to the supervisor that has `pid_file` locked, and returns when `status_file` lists one
   generation only, newer than those before. Returns 0, or -1: nothing runs there, or it ended while
   this waited. */
int file_client_restart(const char *pid_file, const char *status_file, struct error *error);

/* Sends TERM to the supervisor that has `pid_file` locked, and returns when it has ended.
   Returns 0 or -1. */
int file_client_stop(const char *pid_file, struct error *error);

#endif
