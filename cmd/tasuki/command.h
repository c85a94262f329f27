/*
 * What a client command is asked to do, its exit statuses, and how it says that something is wrong.
 * One file each carries a command out; commands.c has the table of them.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "client.h"

#include <stdbool.h>
#include <stdint.h>

enum command_status {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1,      /* restart: the deploy failed; others: the supervisor said no */
    COMMAND_BAD_USAGE = 2,   /* options and words */
    COMMAND_NOT_RUNNING = 3, /* no such supervisor */
    COMMAND_TIMED_OUT = 4,   /* --timeout passed */
    COMMAND_OVERTAKEN = 5,   /* restart: cancelled by a stop */
    COMMAND_INTERRUPTED = 130,
};

struct command_request {
    const char *name;    /* of the service; NULL: the only one */
    const char *control; /* --control; NULL: by name */
    const char *config;  /* --config: the file of the service; NULL: by name */
    const char *signal;  /* what `signal` is to send, checked */
    bool json;
    bool help;
    int64_t timeout_ms; /* negative: none */
};

/* Prints one line, after the program's name, to standard error; returns `status`. */
int command_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same where the supervisor of this service gave no reply, or one that is no success. */
int command_fail_without_reply(const char *service, enum client_outcome outcome);
int command_fail_by_reply(const char *service, const json_t *reply);

int restart_command(const struct command_request *request);
int status_command(const struct command_request *request);
int stop_command(const struct command_request *request);
int reopen_command(const struct command_request *request);
int signal_command(const struct command_request *request);
int events_command(const struct command_request *request);

#endif
