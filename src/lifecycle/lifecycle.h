/*
 * The lifecycle decides the order of things: which generation is started, which one serves, which
 * one is signalled and when. It is a state machine without a system call, a clock, an allocation
 * or a global: the supervisor tells it what happened (an event), and it appends what is to be done
 * (actions) to a list. It never acts itself, so a test can run it through millions of histories.
 *
 *     STARTING --ready--> SERVING --next ready--> RETIRING --delay over--> STOPPING
 *         |                  ^                        |                        |
 *       exited               +----the next died-------+                     exited
 *         v                                                                    v
 *       (gone)                                                               (gone)
 *
 * A generation that has gone is no longer in the table. One that fails to become ready in time goes
 * from STARTING to STOPPING, one that hangs before its predecessor was signalled from SERVING. What
 * holds after every event:
 *
 *  1. A deploy never takes the service below one ready generation: an older generation is signalled
 *     only after the new one is ready and its delay is over; if the new one dies or hangs before
 *     that, the older one is current again.
 *  2. There is at most one current generation and at most one that is starting.
 *  3. A process that has been reaped is never signalled.
 *  4. Every deploy ends in exactly one outcome: succeeded, failed, or superseded by a stop.
 *  5. After a stop nothing is spawned; the supervisor exits when the last worker is gone.
 *  6. Generation numbers only grow.
 *  7. A failed deploy leaves the set of serving generations as it was.
 *
 * Waiting is always a timer that the supervisor was asked to arm, so every state takes every event
 * at once: nothing is ever slept through.
 */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The longest pause between two starts of a server that keeps crashing, and the time that a
   generation must have served before its next crash counts as the first again. */
#define LIFECYCLE_BACKOFF_MAX_MS 30000
/* The shortest pause between two starts of a server that keeps crashing, whatever the interval. */
#define LIFECYCLE_BACKOFF_MIN_MS 100

enum generation_state {
    GENERATION_STARTING, /* spawned (or about to be), not ready yet */
    GENERATION_SERVING,  /* the current generation */
    GENERATION_RETIRING, /* replaced, not signalled yet: --kill-old-delay */
    GENERATION_STOPPING, /* signalled, not gone yet */
};

enum lifecycle_timer {
    TIMER_INTERVAL,     /* --interval since the last spawn: ready by age, and free to respawn */
    TIMER_PAUSE,        /* the growing pause of a server that keeps crashing */
    TIMER_RETIRE,       /* --kill-old-delay since the new generation became ready */
    TIMER_SETTLE,       /* the current generation has served long enough to be trusted */
    TIMER_AUTO_RESTART, /* --auto-restart-interval since the current generation became ready */
    TIMER_READY,        /* --ready-timeout since the last spawn */
    TIMER_WATCHDOG,     /* --watchdog since the current generation's last sign of life */
    TIMER_START_LIMIT,  /* the duration of --start-limit since the first of some crashes */
    TIMER_STOP,         /* --stop-timeout since the stop began */
    LIFECYCLE_TIMERS,   /* how many there are of which there is one */
    TIMER_KILL          /* --kill-timeout since a generation was told to leave: one a generation */
};

/* How a generation shows that it is ready. */
enum ready_mode {
    READY_BY_AGE,    /* it has lived for the interval */
    READY_BY_REPORT, /* it says so (or a probe does), within the timeout */
    READY_AUTO,      /* by report where the generation before it reported, by either where not */
};

enum deploy_cause { CAUSE_REQUEST, CAUSE_TIME, CAUSE_WATCHDOG, CAUSE_CHANGE, DEPLOY_CAUSES };

/* The policy that a generation was started with. Times are milliseconds. */
struct lifecycle_settings {
    int64_t interval_ms;       /* a generation is ready when it has lived this long */
    int64_t kill_old_delay_ms; /* from ready to the signal to the older generations */
    int64_t auto_restart_ms;   /* a deploy every so often; 0: none */
    unsigned deploy_attempts;  /* generations tried in one deploy; 0: without end */
    int64_t ready_timeout_ms;  /* 0: none */
    int64_t watchdog_ms;       /* 0: none */
    int64_t kill_timeout_ms;   /* from the signal to leave to SIGKILL; 0: never */
    int64_t stop_timeout_ms;   /* from a stop to SIGKILL for whoever is left; 0: never */
    int64_t start_limit_ms;    /* so many crashes in so short a time are too many */
    unsigned start_limit;      /* 0: no limit */
    unsigned max_old;          /* how many generations may linger; 0: no limit */
    enum ready_mode ready_mode;
    bool backoff;          /* pauses between crashes grow */
    bool exit_with_worker; /* when the only worker ends by itself, so does the supervisor */
    bool has_check;        /* every start that is asked for begins with ACTION_CHECK */
    bool is_read;          /* a deploy begins with it in any case: its settings are to be read */
    int retire_signal;     /* what an older generation gets (--signal-on-hup) */
};

struct generation {
    uint64_t number;
    enum generation_state state;
    pid_t pid;         /* 0 until it has been spawned */
    uint64_t deploy;   /* the deploy that is over when everything older is gone; 0: none */
    bool has_reported; /* it said that it is ready */
    bool is_hung;      /* it fell silent */
    bool is_killed;    /* it was sent SIGKILL */
    bool kill_armed;   /* its TIMER_KILL is armed */
    struct lifecycle_settings settings;
};

enum deploy_failure {
    FAILURE_NONE,
    FAILURE_NOT_EXECUTABLE, /* the command can not be executed at all */
    FAILURE_NOT_SPAWNED,    /* no process could be made */
    FAILURE_CHECK,          /* the check said no */
    FAILURE_CONFIGURATION,  /* what it is to be started with makes no sense */
    FAILURE_LISTENERS,      /* a listener that it is to have could not be opened */
    FAILURE_DIED,           /* it died before it was ready, in each attempt */
    FAILURE_NOT_READY,      /* it was not ready in time, in each attempt */
    FAILURE_DIED_EARLY,     /* it died after it was ready, before the older ones were signalled */
    FAILURE_HUNG,           /* it fell silent before the older ones were signalled */
    FAILURE_DIED_LATE,      /* it died when the older ones had been told to leave */
    FAILURE_TABLE_FULL,     /* too many older generations are still running */
};

enum lifecycle_event_kind {
    EVENT_START,        /* the supervisor is set up: start the first generation */
    EVENT_SPAWNED,      /* answer to ACTION_SPAWN: generation, pid, settings */
    EVENT_SPAWN_FAILED, /* answer to ACTION_SPAWN: generation, permanent, status, settings */
    EVENT_EXITED,       /* a worker was reaped: pid, status as from waitpid(2) */
    EVENT_TIMER,        /* an armed timer fired: timer */
    EVENT_CHECKED,      /* answer to ACTION_CHECK: ok, reason if not */
    EVENT_READY,        /* generation says that it is ready */
    EVENT_EXTEND, /* generation asks for more time, ms from now, to become ready or to leave */
    EVENT_ALIVE,  /* generation gives a sign of life to the watchdog */
    EVENT_HUNG,   /* generation says itself that it hangs */
    EVENT_DEPLOY, /* somebody asks for a deploy, or something changed: cause is which of them */
    EVENT_STOP,   /* somebody asks for the end: signal is what the workers get */
};

struct lifecycle_event {
    enum lifecycle_event_kind kind;
    uint64_t generation;
    pid_t pid;
    int status; /* EXITED: the wait status. SPAWN_FAILED: the exit status that tells it */
    int signal; /* STOP */
    enum deploy_cause cause;    /* DEPLOY: CAUSE_REQUEST or CAUSE_CHANGE */
    bool permanent;             /* SPAWN_FAILED: the command can not be executed at all */
    bool ok;                    /* CHECKED */
    enum deploy_failure reason; /* CHECKED: why it failed */
    int64_t ms;                 /* EXTEND */
    enum lifecycle_timer timer;
    struct lifecycle_settings settings; /* SPAWNED, SPAWN_FAILED */
};

enum lifecycle_action_kind {
    ACTION_CHECK,   /* read what deploy (0: the first start) is to be started with, if cause has
                       it read, and run the check on it; answer with CHECKED at any time */
    ACTION_UNCHECK, /* the check's answer is not wanted any more: end it */
    ACTION_SPAWN,   /* start a worker for generation, with what was read for deploy (0: with what
                       the last current one had); answer with SPAWNED or SPAWN_FAILED */
    ACTION_SIGNAL,  /* send signal to pid */
    ACTION_ARM,     /* arm (or arm anew) timer to fire after ms; TIMER_KILL: that of generation */
    ACTION_DISARM,  /* the timer must not fire any more; TIMER_KILL: ends with its generation */
    ACTION_PUBLISH, /* the generations that the status file lists have changed */
    ACTION_REPORT,  /* tell people: report and the fields that it names */
    ACTION_EXIT,    /* end the supervisor with status */
};

/* What there is to tell, and which fields of the action tell it. */
enum lifecycle_report {
    REPORT_SPAWNED,          /* generation, pid */
    REPORT_READY,            /* generation, pid */
    REPORT_START_FAILED,     /* generation, pid, status: it died before it was ready */
    REPORT_NOT_READY,        /* generation, pid: it took longer than --ready-timeout */
    REPORT_CRASHED,          /* generation, pid, status: the current one died */
    REPORT_HUNG,             /* generation, pid: it gave no sign of life for --watchdog */
    REPORT_LEFT,             /* generation, pid, status: an older one is gone */
    REPORT_ROLLED_BACK,      /* generation, pid: current again, since the newer one died or hangs */
    REPORT_PAUSED,           /* ms: the next start waits at least so long */
    REPORT_RETIRING,         /* generation: the new one; ms: until the older ones are signalled */
    REPORT_SIGNALLED,        /* generation, pid, signal */
    REPORT_DEPLOY_STARTED,   /* deploy, cause */
    REPORT_DEPLOY_QUEUED,    /* deploy: it follows the one under way */
    REPORT_CHECK_STARTED,    /* deploy */
    REPORT_DEPLOY_SUCCEEDED, /* deploy, generation */
    REPORT_DEPLOY_FAILED,    /* deploy, reason */
    REPORT_DEPLOY_STOPPED,   /* deploy: superseded by a stop */
    REPORT_GAVE_UP,          /* too many crashes for --start-limit */
    REPORT_ENDING,           /* status: the only worker ended, and the supervisor does with it */
    REPORT_STOPPING,         /* signal */
    REPORT_STOP_OVERDUE,     /* it took longer than --stop-timeout: who is left is killed */
};

struct lifecycle_action {
    enum lifecycle_action_kind kind;
    enum lifecycle_timer timer;
    enum lifecycle_report report;
    enum deploy_failure reason;
    uint64_t generation;
    uint64_t deploy;
    pid_t pid;
    int status;
    int signal;
    enum deploy_cause cause;
    const char *path; /* REPORT, by the supervisor: what changed; the lifecycle knows no paths */
    bool at_least;    /* ARM: a timer that would fire later than this stays as it is */
    int64_t ms;
};

struct lifecycle {
    struct generation *generations; /* oldest first; the caller's memory */
    size_t count;
    size_t capacity;
    struct lifecycle_action *actions; /* of the last event; the caller's memory */
    size_t action_count;
    size_t action_capacity;

    uint64_t last_number;
    uint64_t current;  /* number of the current generation; 0: none */
    uint64_t starting; /* number of the starting generation; 0: none */

    uint64_t last_deploy;
    uint64_t deploy;  /* the deploy under way, until the older ones are signalled; 0: none */
    unsigned attempt; /* generations that the deploy under way has tried */
    bool deploy_queued;
    enum deploy_cause queued_cause; /* of who asked first */

    bool spawn_wanted; /* a generation is to be started as soon as the timers allow */
    bool interval_over;
    bool pause_over;
    unsigned crashes;         /* in a row */
    unsigned limited_crashes; /* while TIMER_START_LIMIT runs */
    bool auto_restart_due;
    bool is_checking; /* the deploy under way waits for its check */
    bool is_held_up;  /* it waits for one to become ready or fail that was started before that */
    bool must_report; /* the last generation that was ready had said so */
    bool has_spawned; /* a worker has been started, ever */
    bool armed[LIFECYCLE_TIMERS]; /* a timer that is not armed can fire no more */

    bool stopping;
    bool stop_overdue; /* --stop-timeout has passed */
    int stop_signal;
    int exit_status;                    /* what the end of the stop will be */
    bool has_served;                    /* a generation has been current, ever */
    struct lifecycle_settings settings; /* of the last spawn, unless its deploy failed */
    struct lifecycle_settings in_force; /* of the last current generation */
};

/* The exit status when --start-limit was reached. */
#define LIFECYCLE_EXIT_GAVE_UP 10

/* How many actions one event can cause with so many generations. A stop signals every generation,
   reports each signal, arms its kill timer and ends its deploy; a takeover may kill it too; a fixed
   handful disarms the timers, publishes and exits. */
#define LIFECYCLE_ACTIONS_MAX(generations)                                                         \
    (6 * (size_t)(generations) + 4 * (size_t)LIFECYCLE_TIMERS + 16)

/* Empties the machine. `generations` is room for `capacity` generations, `actions` for
   LIFECYCLE_ACTIONS_MAX(capacity) actions; both stay the caller's and must outlive it. */
void lifecycle_init(struct lifecycle *lifecycle, struct generation *generations, size_t capacity,
                    struct lifecycle_action *actions, const struct lifecycle_settings *settings);

/* Takes one event. Afterwards actions[0 … action_count) are to be carried out in their order,
   before the next event; an ACTION_SPAWN is answered by an event once the list is done, and so may
   an ACTION_CHECK be: a list has one of both at most. Events that make no sense any more (an
   unknown pid, a timer that was disarmed) change nothing. */
void lifecycle_step(struct lifecycle *lifecycle, const struct lifecycle_event *event);

/* The deploy that a request made now would be part of: the one under way if it can still take it
   in, or else the next. */
uint64_t lifecycle_next_deploy(const struct lifecycle *lifecycle);

/* The generation with that number or that worker, or NULL. Valid until the next step. */
const struct generation *lifecycle_find(const struct lifecycle *lifecycle, uint64_t number);
const struct generation *lifecycle_find_pid(const struct lifecycle *lifecycle, pid_t pid);

const char *generation_state_name(enum generation_state state);
const char *lifecycle_event_name(enum lifecycle_event_kind kind);
const char *lifecycle_action_name(enum lifecycle_action_kind kind);
const char *lifecycle_timer_name(enum lifecycle_timer timer);
const char *lifecycle_report_name(enum lifecycle_report report);
const char *deploy_cause_name(enum deploy_cause cause);

/* Why a deploy failed, as the end of a sentence. */
const char *deploy_failure_text(enum deploy_failure failure);

#endif
