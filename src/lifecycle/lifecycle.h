/*
 * The lifecycle decides the order of things: which generation is started, which one serves, which
 * one is signalled and when. It is a model of plain data, without a system call, a clock, an
 * allocation, a pointer or a global. The supervisor tells it what happened (an event), and what
 * time it is; it gets a list of what is to be done (actions), and when it wants to be woken.
 *
 * An event only records facts. What follows from them stands in an ordered table of named rules
 * (lifecycle_rules_*.c): the first rule that holds takes effect, again and again, until none holds.
 * `lifecycle-sim --rules` prints the table. Waiting is a time in the model, so every state takes
 * every event at once: nothing is ever slept through.
 *
 * What holds after every event, as lifecycle_check and the simulation (tests/sim) see to it:
 *
 *  1. From the first ready generation until a stop, the shares of ready generations sum to 1000 for
 *     as long as one lives; a generation that is not ready has share 0.
 *  2. A generation is told to leave only when its share is 0. If the candidate dies or hangs in its
 *     probation, the standby has its share back in the same step.
 *  3. There is at most one candidate. At most one deploy is under way, and one waits.
 *  4. No process that has been reaped is ever signalled.
 *  5. Every deploy ends in exactly one outcome: it succeeds, it fails, or a stop ends it. One that
 *     fails leaves the generations that serve as they were.
 *  6. After a stop nothing is spawned, and the supervisor ends when everybody has gone.
 *  7. Numbers only grow.
 *  8. A crash brings back the release that served, never one that no deploy has made current.
 */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How many generations may live at once: the current one and those that take long to leave. */
#define LIFECYCLE_GENERATIONS_MAX 512
/* How many workers a generation may have: each in a slot. What lingers touches all of its slots, so
   that many of them want a table of workers of their own. */
#define LIFECYCLE_WORKERS_MAX 1
/* How many it has. */
#define LIFECYCLE_WORKERS 1

/* All of the new connections: what a generation that serves alone gets. */
#define LIFECYCLE_WHOLE_SHARE 1000

/* The longest pause between two starts of a server that keeps crashing, and the time that a
   generation must have served before its next crash counts as the first again. */
#define LIFECYCLE_BACKOFF_MAX_MS 30000
/* The shortest pause between two starts of a server that keeps crashing, whatever the interval. */
#define LIFECYCLE_BACKOFF_MIN_MS 100

/* The exit status when --start-limit was reached. */
#define LIFECYCLE_EXIT_GAVE_UP 10

/* Times are milliseconds of any clock that only goes forward, above 0. Where a model keeps a time
   at which something is due, 0 means that nothing is. */
#define LIFECYCLE_NEVER INT64_MAX

/* --- the model -------------------------------------------------------------------------------- */

enum service_phase {
    SERVICE_NEW,
    SERVICE_BEGINNING, /* asked to start, nothing done yet */
    SERVICE_CHECKING,  /* the first start waits for its check */
    SERVICE_RUNNING,
    SERVICE_STOPPING, /* everybody is told to leave */
    SERVICE_KILLING,  /* that took longer than --stop-timeout */
    SERVICE_ENDED,
    SERVICE_PHASES
};

/* The deploy under way. It is over when the older generations have been told to leave; what is left
   to tell, that they have gone, is then a matter of the generation that it has made current. */
enum deploy_phase {
    DEPLOY_NONE,
    DEPLOY_CHECKING,  /* waits for the answer to ACTION_CHECK */
    DEPLOY_HELD_UP,   /* may begin, but something is starting that is not its own */
    DEPLOY_STARTING,  /* tries: a candidate is starting, or the next one waits for its pause */
    DEPLOY_PROBATION, /* the candidate is current, the one before is standby */
    DEPLOY_PHASES
};

enum generation_state {
    GENERATION_STARTING, /* the candidate: spawned (or about to be), not ready yet */
    GENERATION_SERVING,  /* the current generation */
    GENERATION_STANDBY,  /* replaced, and can take over again at once */
    GENERATION_STOPPING, /* told to leave, or about to be */
    GENERATION_STATES
};

enum worker_state {
    WORKER_WANTED,   /* its slot is empty */
    WORKER_ASKED,    /* for with ACTION_SPAWN; no answer yet */
    WORKER_BORN,     /* it has a pid, and nobody knows yet */
    WORKER_STARTING, /* not ready yet */
    WORKER_READY,
    WORKER_LEAVING, /* told to leave */
    WORKER_KILLED,  /* sent SIGKILL */
    WORKER_GONE,    /* reaped */
    WORKER_UNBORN,  /* could not be started */
    WORKER_STATES
};

/* How a generation shows that it is ready. */
enum ready_mode {
    READY_BY_AGE,    /* it has lived for the interval */
    READY_BY_REPORT, /* it says so (or a probe does), within the timeout */
    READY_AUTO,      /* by report where the generation before it reported, by either where not */
    READY_MODES
};

enum deploy_cause { CAUSE_REQUEST, CAUSE_TIME, CAUSE_WATCHDOG, CAUSE_CHANGE, DEPLOY_CAUSES };

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
    DEPLOY_FAILURES
};

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

/* One process, in its slot of a generation. */
struct lifecycle_worker {
    enum worker_state state;
    pid_t pid;            /* 0 until it has been spawned */
    int status;           /* GONE: the wait status. UNBORN: the exit status that tells it */
    bool is_permanent;    /* UNBORN: the command can not be executed at all */
    int signal;           /* what it is still to be sent; 0: nothing */
    bool has_reported;    /* it said that it is ready */
    bool is_silent;       /* it gives no sign of life: a fact that nothing has followed from yet */
    bool is_hung;         /* that has been told */
    int64_t age_due;      /* --interval from its birth */
    int64_t ready_due;    /* --ready-timeout */
    int64_t watchdog_due; /* --watchdog from its last sign of life, while it serves */
    int64_t kill_due;     /* --kill-timeout from the signal to leave */
};

struct generation {
    uint64_t number;
    enum generation_state state;
    unsigned share;  /* of the new connections, in thousandths */
    uint64_t deploy; /* the deploy that succeeds when everything older has gone; 0: none */
    struct lifecycle_settings settings;
    unsigned worker_count;
    struct lifecycle_worker workers[LIFECYCLE_WORKERS_MAX]; /* by slot */
};

/* How the starts of a slot follow each other, whatever generation they are of. */
struct pacing {
    unsigned crashes;     /* in a row */
    int64_t interval_due; /* --interval since the last start: the next may be made */
    int64_t pause_due;    /* the growing pause of a server that keeps crashing */
    int64_t settle_due;   /* the current generation has served long enough to be trusted */
};

enum check_answer { ANSWER_NONE, ANSWER_YES, ANSWER_NO, ANSWERS };

/* A death that nothing has followed from yet. */
enum death {
    DEATH_NONE,
    DEATH_BEFORE_READY,
    DEATH_AFTER_READY,
    DEATH_OF_SERVICE, /* of the only worker of a service that is to end with it */
    DEATHS
};

struct lifecycle {
    enum service_phase phase;
    int stop_asked; /* by this signal, and nothing has followed yet; 0: no */
    int stop_signal;
    int exit_status; /* what the end of the stop will be */
    int64_t stop_due;

    struct deploy {
        uint64_t number; /* 0: none */
        enum deploy_phase phase;
        unsigned attempt;            /* generations that it has tried */
        enum deploy_failure failure; /* of the last attempt, and nothing has followed yet */
        int64_t probation_due;       /* --kill-old-delay, --probation */
    } deploy;
    bool is_asked; /* for a deploy, by `asked_cause`, and nothing has followed yet */
    enum deploy_cause asked_cause;
    bool is_queued;                 /* one deploy waits for the one under way */
    enum deploy_cause queued_cause; /* of who asked first */
    enum check_answer answer;       /* of the check that runs */
    enum deploy_failure refusal;    /* why it said no */

    enum death death;
    int death_status;
    struct pacing pacing[LIFECYCLE_WORKERS_MAX]; /* by slot */
    unsigned deaths;                             /* that count towards --start-limit */
    int64_t deaths_due;                          /* until they are forgotten */
    int64_t restart_due;                         /* --auto-restart-interval */
    bool restart_waits;                          /* for older generations to go */

    bool is_stale;    /* the status file does not list the generations that it should */
    bool must_report; /* the last generation that was ready had said so */
    bool has_spawned; /* a worker has been started, ever */
    bool has_served;  /* a generation has been current, ever */
    struct lifecycle_settings settings; /* of the last spawn, unless its deploy failed */
    struct lifecycle_settings in_force; /* of the last current generation */
    uint64_t last_number;
    uint64_t last_deploy;
    unsigned capacity; /* how many generations may live at once */
    unsigned count;
    struct generation generations[LIFECYCLE_GENERATIONS_MAX]; /* oldest first */
};

/* --- events and actions ----------------------------------------------------------------------- */

enum lifecycle_event_kind {
    EVENT_WAKE,         /* nothing but that time has passed */
    EVENT_START,        /* the supervisor is set up: start the first generation */
    EVENT_SPAWNED,      /* answer to ACTION_SPAWN: generation, slot, pid, settings */
    EVENT_SPAWN_FAILED, /* answer to ACTION_SPAWN: generation, slot, permanent, status, settings */
    EVENT_EXITED,       /* a worker was reaped: pid, status as from waitpid(2) */
    EVENT_CHECKED,      /* answer to ACTION_CHECK: ok, reason if not */
    EVENT_READY,        /* a worker says that it is ready */
    EVENT_EXTEND,       /* it asks for more time, ms from now, to become ready or to leave */
    EVENT_ALIVE,        /* it gives a sign of life to the watchdog */
    EVENT_HUNG,         /* it says itself that it hangs */
    EVENT_DEPLOY,       /* somebody asks for a deploy, or something changed: cause is which */
    EVENT_STOP,         /* somebody asks for the end: signal is what the workers get */
    LIFECYCLE_EVENTS
};

struct lifecycle_event {
    enum lifecycle_event_kind kind;
    uint64_t generation;
    unsigned slot;
    pid_t pid;
    int status; /* EXITED: the wait status. SPAWN_FAILED: the exit status that tells it */
    int signal; /* STOP */
    enum deploy_cause cause;            /* DEPLOY: CAUSE_REQUEST or CAUSE_CHANGE */
    bool permanent;                     /* SPAWN_FAILED: the command can not be executed at all */
    bool ok;                            /* CHECKED */
    enum deploy_failure reason;         /* CHECKED: why it failed */
    int64_t ms;                         /* EXTEND */
    struct lifecycle_settings settings; /* SPAWNED, SPAWN_FAILED */
};

enum lifecycle_action_kind {
    ACTION_CHECK,   /* read what deploy (0: the first start) is to be started with, if is_read, and
                       run   the check on it; answer with CHECKED at any time */
    ACTION_UNCHECK, /* the check's answer is not wanted any more: end it */
    ACTION_SPAWN,   /* start a worker for slot of generation, with what was read for deploy (0: with
                       what the last current one had); answer with SPAWNED or SPAWN_FAILED */
    ACTION_SIGNAL,  /* send signal to pid */
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
    REPORT_STOP_OVERDUE,     /* --stop-timeout passed: killing the workers still running */
};

struct lifecycle_action {
    enum lifecycle_action_kind kind;
    enum lifecycle_report report;
    enum deploy_failure reason;
    uint64_t generation;
    unsigned slot;
    uint64_t deploy;
    pid_t pid;
    int status;
    int signal;
    enum deploy_cause cause;
    bool is_read;     /* CHECK */
    const char *path; /* REPORT, by the supervisor: what changed; the lifecycle knows no paths */
    int64_t ms;
};

/* What one step has decided. A step ends early when there is no room for what the next rule may ask
   for; the next step goes on where it ended. */
#define LIFECYCLE_ACTIONS_MAX 32
#define LIFECYCLE_FIRED_MAX 64

struct lifecycle_actions {
    size_t count;
    struct lifecycle_action items[LIFECYCLE_ACTIONS_MAX];
    size_t fired_count;
    uint8_t fired[LIFECYCLE_FIRED_MAX]; /* the rules that took effect; see lifecycle_rule_name */
    bool is_unfinished;                 /* more follows: step again, with EVENT_WAKE, at once */
    bool is_overfull;                   /* a rule asked for more than it may, and that is lost */
};

/* Empties the model. `capacity` is how many generations may live at once,
   LIFECYCLE_GENERATIONS_MAX at most. */
void lifecycle_init(struct lifecycle *lifecycle, unsigned capacity,
                    const struct lifecycle_settings *settings);

/* Takes one event. Afterwards the actions are to be carried out in their order, before the next
   event. ACTION_SPAWN and ACTION_CHECK are answered by events, at once or later. Events that make
   no sense any more (an unknown pid, a check that was called off) change nothing. Returns when it
   wants to be woken, at the latest, with EVENT_WAKE; LIFECYCLE_NEVER: not at all. */
int64_t lifecycle_step(struct lifecycle *lifecycle, const struct lifecycle_event *event,
                       int64_t now, struct lifecycle_actions *actions);

/* Whether the model is one that can be. Returns 0, or -1 and what is wrong in `error`. */
int lifecycle_check(const struct lifecycle *lifecycle, struct error *error);

/* Writes the model down as text, as snprintf(3) does: returns the length that it has, or would have
   with enough room. */
size_t lifecycle_save(const struct lifecycle *lifecycle, char *text, size_t size);

/* Reads it back. Text that lifecycle_save has not written, or not for this version, is refused.
   Returns 0, or -1 and the reason in `error`; the model is then none. */
int lifecycle_load(struct lifecycle *lifecycle, const char *text, struct error *error);

/* --- questions -------------------------------------------------------------------------------- */

/* The number of the current generation, and of the one that is starting; 0: none. */
uint64_t lifecycle_current(const struct lifecycle *lifecycle);
uint64_t lifecycle_starting(const struct lifecycle *lifecycle);

bool lifecycle_is_stopping(const struct lifecycle *lifecycle);

/* The deploy that a request made now would be part of: the one under way if it can still take it
   in, or else the next. */
uint64_t lifecycle_next_deploy(const struct lifecycle *lifecycle);

/* The generation with that number, or NULL. Valid until the next step. */
const struct generation *lifecycle_find(const struct lifecycle *lifecycle, uint64_t number);

/* The process of its first worker; 0: none yet. */
pid_t generation_pid(const struct generation *generation);

/* True if all of its workers have said that they are ready. */
bool generation_has_reported(const struct generation *generation);

/* The rules in their order, from 0; NULL: there are no more. */
const char *lifecycle_rule_name(size_t index);

const char *generation_state_name(enum generation_state state);
const char *lifecycle_event_name(enum lifecycle_event_kind kind);
const char *lifecycle_action_name(enum lifecycle_action_kind kind);
const char *lifecycle_report_name(enum lifecycle_report report);
const char *deploy_cause_name(enum deploy_cause cause);

/* Why a deploy failed, as the end of a sentence. */
const char *deploy_failure_text(enum deploy_failure failure);

#endif
