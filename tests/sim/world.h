/*
 * A model of the world around the lifecycle: which workers live, which timers are armed, whether a
 * check runs, which deploys are open. It hands events to the machine, carries out the actions that
 * come back, and checks after every event that what was done is what may be done. What it knows it
 * has learnt from events and actions alone; it looks into the machine only to compare.
 *
 * It never chooses an event: a history comes from history.c.
 */
#ifndef WORLD_H
#define WORLD_H

#include "lifecycle.h"

#include <stdio.h>

#define WORLD_TABLE_MAX 64
/* Every living generation can have a deploy open, and one more is under way. */
#define WORLD_OPEN_MAX (WORLD_TABLE_MAX + 2)

struct worker {
    uint64_t number;
    pid_t pid;             /* 0: the spawn has not been answered */
    uint64_t deploy;       /* the deploy that it was started in; 0: none */
    bool ready;            /* it has been, and so it may serve */
    bool reported;         /* it has said so, and it counts */
    bool told;             /* it has been told to leave, by a deploy or since it was never ready */
    bool told_to_stop;     /* it has the signal of a stop */
    bool served_before;    /* it served when the deploy under way began */
    bool hung;             /* it fell silent, and has not spoken since */
    bool kill_expected;    /* it has been told to leave, and not without end */
    bool kill_armed;       /* its TIMER_KILL */
    bool killed;           /* it has SIGKILL */
    int64_t kill_due;      /* by the world's clock */
    int64_t current_since; /* by the world's clock */
    struct lifecycle_settings settings;
};

/* What happened in all histories, to see that they went everywhere. */
struct tally {
    uint64_t sequences;
    uint64_t events;
    uint64_t deploys;
    uint64_t causes[DEPLOY_CAUSES]; /* deploys, by cause */
    uint64_t succeeded;
    uint64_t failed[FAILURE_TABLE_FULL + 1]; /* by reason */
    uint64_t stopped;
    uint64_t rollbacks;
    uint64_t crashes;
    uint64_t never_executed;   /* ends with the exit status of a first start that cannot be */
    uint64_t never_checked;    /* ends since the first check failed */
    uint64_t stops_in_spawn;   /* stops between a spawn and its answer */
    uint64_t stops_in_check;   /* stops while a check runs */
    uint64_t ready_by_report;  /* generations that said that they are ready */
    uint64_t ready_by_age;     /* and those that did not */
    uint64_t late_reports;     /* by the current one, while the next was already starting */
    uint64_t replaced_unheard; /* replacements that were started while a check ran */
    uint64_t held_up;          /* and the check said yes before they were ready */
    uint64_t checked_again;    /* deploys that were asked for again between two attempts */
    uint64_t killed_late;      /* workers that outlived their --kill-timeout */
    uint64_t killed_for_room;  /* workers that were too many for --max-old */
    uint64_t gave_up;
    uint64_t ended_with_worker;
    uint64_t overdue;         /* stops that took longer than --stop-timeout */
    uint64_t waited_for_room; /* starts that found the table full of those that do not leave */
};

/* What one event has caused so far, and what it has to cause. */
struct step {
    const struct lifecycle_event *event;
    bool must_be_ignored;
    bool has_left;
    struct worker left;        /* EXITED: who it was */
    uint64_t current_before;   /* its number; 0: none */
    uint64_t starting_before;  /* its number; 0: none */
    uint64_t under_way_before; /* deploy */
    int64_t calm_ms;           /* since a worker last died unasked, before this event */
    uint64_t heir;             /* the current one died: who is to be current again; 0: nobody */
    bool retiring_left;        /* the predecessor went before it was signalled */
    bool attempt_ended;        /* an attempt of attempt_deploy came to nothing */
    uint64_t attempt_deploy;   /* 0: it was no deploy's */
    bool attempt_was_last;
    enum deploy_failure attempt_failure;
    bool auto_restart_waited; /* it has waited for older generations for one interval already */
    uint64_t not_ready;       /* it has had its time to become ready */
    uint64_t has_to_be_ready; /* it has said that it is */
    uint64_t hung;            /* the current one fell silent */
    uint64_t rejected;        /* it did so before its predecessor, the heir, was signalled */
    uint64_t kill_fired;      /* it has had its time to leave */
    bool said_yes;            /* the check */
    bool said_no;
    enum deploy_failure refusal; /* what it said */
    uint64_t checked_deploy;     /* that of the check; 0: the first start's */
    bool is_death_counted;       /* towards --start-limit, unless a request wipes it out */
    uint64_t promised;           /* DEPLOY: the number that was foretold */

    uint64_t spawned;
    uint64_t became_ready;
    uint64_t rolled_back;
    uint64_t started; /* deploy */
    uint64_t failed;  /* deploy */
    uint64_t settled; /* the deploy that had its outcome last */
    bool is_promise_settled;
    int64_t paused_ms;
    int64_t armed_ms[LIFECYCLE_TIMERS]; /* the last time; 0: not armed */
    unsigned exit_reports;
    bool published;
    bool checked;                               /* a check has been begun */
    bool unchecked;                             /* a check has been called off */
    bool extended;                              /* somebody has got the time that he asked for */
    bool must_end;                              /* the only worker ended, and all with it */
    bool stops;                                 /* it is the first stop */
    bool gives_up;                              /* that stop is the lifecycle's own */
    size_t signalled;                           /* workers, by a deploy */
    bool told_unready;                          /* the one that was not ready in time is reported */
    bool told_hung;                             /* the one that fell silent is reported */
    const struct lifecycle_action *last_action; /* the one just before */
};

struct world {
    struct lifecycle machine;
    size_t capacity;
    struct tally *tally;
    FILE *trace;           /* NULL: none */
    const char *violation; /* what does not hold, in words; NULL: all is well */

    size_t worker_count;
    uint64_t in_flight; /* the generation whose spawn is to be answered; 0: none */
    uint64_t current;
    uint64_t last_number;
    bool ever_spawned;
    bool must_report; /* who became ready last had said so */
    bool has_served;
    struct lifecycle_settings settings; /* of the last spawn, unless its deploy failed */
    struct lifecycle_settings in_force; /* of the last current generation */

    bool timer_armed[LIFECYCLE_TIMERS];
    int64_t timer_due[LIFECYCLE_TIMERS];
    int64_t now;
    bool is_in_order;     /* timers fire in the order in which they are due */
    int64_t last_trouble; /* when a worker died that was not told to, or could not be started */

    size_t open_count;
    uint64_t last_deploy;
    uint64_t promised;  /* the number of the deploy that is queued */
    uint64_t under_way; /* the deploy whose generation has not taken over yet; 0: none */
    unsigned attempts;  /* of the one under way */
    unsigned signals;   /* since it began */
    bool is_queued;
    enum deploy_cause queued_cause;
    bool is_checking;
    bool is_held_up;  /* the check said yes, but something older is starting */
    bool needs_check; /* the one under way may not be tried before its check said yes */
    bool auto_restart_waits;
    unsigned spawns_in_a_row; /* without a timer, a report or a request in between */
    unsigned deaths;          /* that count towards --start-limit */

    uint64_t published; /* what the status file says, as a sum */
    bool is_stopped;
    bool is_overdue; /* --stop-timeout has passed */
    int stop_signal;
    int64_t stop_timeout_ms; /* of the stop; 0: none */
    int stop_status;         /* what the stop is to end with */
    bool has_exited;
    int exit_status;

    struct step step;

    /* At the end, and cleared no further than they are used: most histories are small. */
    uint64_t open_deploys[WORLD_OPEN_MAX];
    struct worker workers[WORLD_TABLE_MAX]; /* living or being born, oldest first */
};

/* An empty world with room for so many generations, at most WORLD_TABLE_MAX. */
void world_create(struct world *world, size_t capacity, const struct lifecycle_settings *settings,
                  struct tally *tally, FILE *trace);

/* Lets the event happen, carries out what follows from it, and checks. An event that cannot
   happen in this world (a timer that is not armed, a stranger's pid) must be ignored by the
   machine, and that is checked as well. */
void world_step(struct world *world, const struct lifecycle_event *event);

/* Left alone, with servers that work, everything has come to rest: is it as it should be? */
void world_check_at_rest(struct world *world);

/* After a stop and the death of all: is everything over? */
void world_check_ended(struct world *world);

struct worker *world_find(struct world *world, uint64_t number);
struct worker *world_find_pid(struct world *world, pid_t pid);
/* The worker that is starting: not ready yet, and not told to leave. Or NULL. */
struct worker *world_find_starting(struct world *world);
/* The newest worker that has been ready and has not been told to leave, or NULL. */
const struct worker *world_find_serving(const struct world *world);
bool world_has_older(const struct world *world, uint64_t number);
/* True if it becomes ready by living on. */
bool world_is_by_age(const struct world *world, const struct worker *worker);
/* How long the worker has to leave once it is told to; 0: for ever. */
int64_t world_kill_timeout(const struct worker *worker);

#endif
