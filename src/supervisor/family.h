/*
 * A family is one worker and its helper processes. It receives what the worker reports
 * (NOTIFY_SOCKET, a descriptor), runs the readiness probe, and keeps what the log and the status
 * show about the worker. It posts events for the lifecycle and decides nothing.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include "capture.h"
#include "companion.h"
#include "environment.h"
#include "helper.h"
#include "lifecycle.h"
#include "notify.h"
#include "options.h"
#include "plan.h"
#include "release.h"
#include "worker.h"

#include <ev.h>
#include <sys/types.h>

struct family;

/* The callbacks to the supervisor, and their context. */
struct family_listener {
    void (*on_event)(void *context, const struct lifecycle_event *event);
    void (*on_status)(void *context, uint64_t generation, const char *text);
    void (*on_fact)(void *context, struct family *family, const struct fact *fact);
    void *context;
    struct capture **captures; /* the supervisor's list: a capture may outlive its family */
};

struct family {
    struct family *next; /* the supervisor's list */
    const struct family_listener *listener;
    struct configuration *configuration; /* held for `options` */
    struct release *release;             /* held while the worker lives; NULL: it has ended */
    const struct options *options;
    struct ev_loop *loop;
    uint64_t generation;
    pid_t pid;
    ev_tstamp started;  /* by the wall clock */
    double ready_after; /* seconds; negative: not ready yet */
    struct last_words_mark
        last_words; /* where the worker's words begin in a log that can be read back */
    char status[NOTIFY_STATUS_SIZE];

    struct notify_socket notify; /* until the companion has it */
    struct companion companion;
    bool has_told_of_strangers; /* anybody can send to an abstract address: told once */
    ev_io facts_io;
    ev_timer facts_pause; /* until a companion that has much to say is listened to again */
    unsigned *adopted; /* what the worker does with each listener (adopter.c); owned; NULL: it has
                          no filter */
    int ready_fd[2];   /* pipe of --ready=fd:N: ours, and the worker's until it is spawned */
    ev_io ready_io;
    bool has_written; /* the newline has come */
    struct helper probe;
    double probe_delay; /* before its next run, in seconds, unless --ready-interval is shorter */
    ev_timer probe_pause;
    ev_timer probe_timeout;
    bool is_probe_killed;
    struct capture *output; /* NULL: standard output is not captured */
    struct capture *errors;
};

/* Opens what a worker of this generation will talk to, and adds it to the plan's environment.
   Returns the family, or NULL with the reason in `error` and in errno. */
struct family *family_new(struct ev_loop *loop, struct release *release,
                          const struct family_listener *listener, uint64_t generation,
                          struct plan *plan, struct error *error);

/* Adds the worker's descriptors and surroundings to the command. */
void family_equip(const struct family *family, struct worker_command *command);

/* The worker runs: listens to it from now on. `filter_fd`, where its filter reports (-1: it has
   none), is taken over; `asked` is as for the companion. Returns 0; or -1, and the worker is not
   there any more. */
int family_begin(struct family *family, pid_t pid, int filter_fd,
                 const enum adoption_blocking *asked, struct error *error);

/* The worker is ready or stopping: ends the readiness probe. */
void family_stop_probing(struct family *family);

/* A process has ended and is not reaped yet: if it is the probe, kills what is left of its group.
 */
void family_on_ended(const struct family *family, pid_t pid);

/* Handles a reaped process if it is the probe or the companion. Returns true if it was. */
bool family_reap(struct family *family, pid_t pid, int status);

/* Copies the worker's last output into `buffer`, with a NUL. Returns false if none can be read
   back. */
bool family_last_words(struct family *family, char *buffer, size_t size);

/* The worker has been reaped: closes the connections to it and to its companion, and drops the
   release. */
void family_drop_release(struct family *family);

/* The worker has been reaped: posts no more events. */
void family_end(struct family *family);

/* Frees everything, and ends a running probe. */
void family_free(struct family *family);

#endif
