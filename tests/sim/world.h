/*
 * The world around the lifecycle, as the simulation sees it: processes that are born, told and
 * reaped, deploys that are open, and time. It knows nothing of the rules and phases of the
 * lifecycle; it takes the actions for what they say, and notes the first that must never be. What
 * must have happened by a certain time is a deadline here, too, but never an exact one.
 */
#ifndef WORLD_H
#define WORLD_H

#include "lifecycle.h"

/* More generations than any table of the simulation has room for. */
#define WORLD_TABLE_MAX 20
/* The first moment. */
#define WORLD_BEGIN_MS 1000

/* A generation and its one worker, from ACTION_SPAWN until it has been reaped. */
struct process {
    uint64_t number;
    pid_t pid;       /* 0: not born yet */
    uint64_t deploy; /* that it was started for; 0: none */
    bool is_ready;   /* it has been, once */
    bool is_told;    /* to leave */
    bool is_killed;
    bool served_before; /* when the deploy under way began */
    bool is_hung;
    int64_t born_at;
    int64_t leave_by;    /* then it is killed; 0: never */
    int64_t ready_by;    /* then it is ready, or told to leave; 0: never */
    int64_t silent_from; /* --watchdog after it was heard last; 0: never */
    struct lifecycle_settings settings;
};

/* What has been seen, over many histories: each must have been. */
struct tally {
    uint64_t rules[256];
    uint64_t failures[DEPLOY_FAILURES];
    uint64_t causes[DEPLOY_CAUSES];
    uint64_t succeeded;
    uint64_t stopped;
    uint64_t events;
    uint64_t loads;
};

struct world {
    struct lifecycle model;
    struct lifecycle_actions actions;
    struct tally *tally;
    const char *broken; /* the first thing that must not be; NULL: nothing */
    char sentence[600];
    bool is_verbose;

    int64_t now;
    int64_t wake;
    const struct lifecycle_event *event; /* that is being taken */

    struct process processes[WORLD_TABLE_MAX]; /* oldest first */
    unsigned count;
    uint64_t current;
    uint64_t last_number;
    uint64_t last_deploy;
    uint64_t under_way; /* the deploy, until its older generations are told to leave */
    uint64_t open[WORLD_TABLE_MAX + 2]; /* deploys without an outcome */
    unsigned open_count;
    uint64_t promised; /* the number that a deploy that waits was told */
    enum deploy_cause promised_cause;
    bool is_checking;
    bool may_try; /* the deploy under way needs no check, or it said yes */
    bool is_stopping;
    bool is_overdue;
    bool has_exited;
    bool ever_spawned;
    int64_t kill_by;     /* the end of --stop-timeout; 0: none */
    int64_t older_from;  /* the end of the probation; 0: none */
    int64_t start_from;  /* the next start that nobody asks for may be made */
    int64_t pause_until; /* likewise, for what crashes have earned */
    int exit_status;     /* that the end of a stop has to have */
    unsigned starts;     /* without any time between them */
    uint64_t published;  /* the sum of what the status file lists */
    uint64_t rejected;   /* in this step: not ready in time, or hung in its probation */
    struct process left; /* in this step; number 0: nobody */
    bool is_asked_for;   /* in this step, a start */
};

void world_begin(struct world *world, unsigned capacity, const struct lifecycle_settings *settings,
                 struct tally *tally);

/* One event, and all that follows from it. */
void world_tell(struct world *world, const struct lifecycle_event *event);

/* Writes the model down, reads it back, and goes on with that. */
void world_save_and_load(struct world *world);

/* Left alone with servers that work, everything has come to rest. */
bool world_is_at_rest(const struct world *world);

void world_break(struct world *world, const char *what);

/* The one that is starting, or NULL; the one with that number, or that pid, or NULL. */
struct process *world_find_starting(struct world *world);
struct process *world_find(struct world *world, uint64_t number);
struct process *world_find_pid(struct world *world, pid_t pid);

#endif
