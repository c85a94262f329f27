/*
 * The crew is the running workers: it starts them, owns their families, passes each death to the
 * right family, sends signals, and reads back the last output of a failed worker. It decides
 * nothing.
 */
#ifndef CREW_H
#define CREW_H

#include "adopter.h"
#include "family.h"

/* All of it outlives the crew. */
struct crew_setup {
    struct ev_loop *loop;
    const struct lifecycle *lifecycle;
    struct release *const *release; /* what is in force */
    enum personality personality;
    struct capture **captures;   /* the log's; they may outlive their workers */
    void (*reap)(void *context); /* takes in who has died, before a worker's word counts */
    void (*on_event)(void *context, const struct lifecycle_event *event);
    void (*on_status)(void *context, uint64_t generation, const char *text);
    /* How a start went: the pid; or -1, and the reason is in `failure`. `settings` are those of
       that generation. */
    void (*on_started)(void *context, uint64_t generation, pid_t pid,
                       const struct lifecycle_settings *settings,
                       const struct worker_failure *failure);
    /* A worker has failed: what it said last (NULL: that cannot be read), and where its output is.
     */
    void (*on_last_words)(void *context, const char *words, const char *output);
    void *context;
};

struct crew {
    struct crew_setup setup;
    struct family_listener family_listener;
    struct adopter *adopter; /* owned */
    struct family *families; /* one for each worker; owned */
    struct launch *launches; /* starts under way; owned */
    struct family *departed; /* those of workers that have been reaped; owned */
    ev_prepare before_wait;
    bool hint_is_given; /* the one about an address in use */
};

/* Returns 0, or -1 with the reason in `error`. The crew must not move afterwards. */
int crew_open(struct crew *crew, const struct crew_setup *setup, struct error *error);
void crew_close(struct crew *crew);

/* Starts the worker of a generation from this release; on_started tells how that went, now or
   later: to execute a command may take long. */
void crew_start(struct crew *crew, struct release *release, uint64_t generation,
                const struct lifecycle_settings *settings_before);

/* The family of this generation's worker, or NULL. */
struct family *crew_find(const struct crew *crew, uint64_t generation);

/* Sends a signal to a generation's worker: no error is fatal. With --kill-mode=group SIGKILL goes
   to everything that the worker has started. */
void crew_signal(const struct crew *crew, uint64_t generation, pid_t pid, int signal);

/* Forwards a signal to the current worker; without one, as during a stop, to all workers. */
void crew_forward(const struct crew *crew, int signal);

/* A process has ended and is not reaped yet: kills the rest of its process group, if it is a probe
   or a worker with --kill-mode=group. */
void crew_on_ended(struct crew *crew, pid_t pid);

/* Handles a reaped process if it is a readiness probe or a companion. Returns true if it was. */
bool crew_reap_probe(struct crew *crew, pid_t pid, int status);

/* Handles a reaped process. For a worker it posts EVENT_EXITED while the family still exists, and
   then retires the family. */
void crew_on_reaped(struct crew *crew, pid_t pid, int status);

/* Handles a report; `context` is the crew. */
void crew_on_report(void *context, const struct lifecycle_action *report);

/* True if the current generation adopts its listeners, but not this one. */
bool crew_is_left_over(const struct crew *crew, const struct listener *listener);

#endif
