/*
 * What the rules of the lifecycle are made of: one step under way, the questions that conditions
 * ask of the model, and the moves that effects make in it. Only lifecycle*.c may see this.
 */
#ifndef LIFECYCLE_MOVES_H
#define LIFECYCLE_MOVES_H

#include "lifecycle.h"

/* No rule asks for more actions than this. */
#define RULE_ACTIONS_MAX 4

struct step {
    struct lifecycle *model;
    int64_t now;
    struct lifecycle_actions *actions;
    struct generation *generation;   /* for which the rule holds, if it is about one */
    struct lifecycle_worker *worker; /* of that generation, likewise */
};

/* A condition notes in the step whom it holds for; the effect is about those. */
struct rule {
    const char *name;
    bool (*holds)(struct step *step);
    void (*follow)(struct step *step);
};

/* The table of rules has three parts, in this order. A rule without a name ends each. */
extern const struct rule lifecycle_service_rules[];
extern const struct rule lifecycle_generation_rules[];
extern const struct rule lifecycle_deploy_rules[];

/* --- questions -------------------------------------------------------------------------------- */

/* True of a deadline that has come; one that is not set never comes. */
bool has_come(int64_t due, int64_t now);

/* True of a pause that is over; one that is not set is. */
bool is_over(int64_t due, int64_t now);

/* now + ms, within what a model can keep. */
int64_t after(int64_t now, int64_t ms);

bool is_running(const struct lifecycle *model);

/* The generation in that state of which there is one at most, or NULL. */
struct generation *find_in_state(struct lifecycle *model, enum generation_state state);

struct generation *find_numbered(struct lifecycle *model, uint64_t number);

bool has_older(const struct lifecycle *model, uint64_t number);

/* True of a process that may be signalled. */
bool is_alive(const struct lifecycle_worker *worker);

/* True if nothing of the generation is left. */
bool is_gone(const struct generation *generation);

/* A slow start is never mistaken for a good one: where the generation before said that it was
   ready, this one must say so too. */
bool is_ready_by_age(const struct lifecycle *model, const struct generation *generation);

/* True while a generation is to be started, now or when its pauses are over. */
bool is_wanted(const struct lifecycle *model);

/* Of a deploy that begins for that cause. One that hangs is replaced by what it was: nobody has
   asked for anything else. */
bool needs_check(const struct lifecycle *model, enum deploy_cause cause);

typedef bool generation_test(const struct step *step, const struct generation *generation);
typedef bool worker_test(const struct step *step, const struct generation *generation,
                         const struct lifecycle_worker *worker);

/* Whether there is a generation, or a worker, of that kind; the oldest is noted in the step. */
bool find_generation(struct step *step, generation_test *test);
bool find_worker(struct step *step, worker_test *test);

/* Likewise the one generation in that state. */
bool pick(struct step *step, enum generation_state state);

/* --- moves ------------------------------------------------------------------------------------ */

struct lifecycle_action *act(struct step *step, enum lifecycle_action_kind kind);
struct lifecycle_action *report(struct step *step, enum lifecycle_report what);
struct lifecycle_action *report_generation(struct step *step, enum lifecycle_report what,
                                           const struct generation *generation);

/* The generation that the step is about has been reaped. */
void tell_of_exit(struct step *step, enum lifecycle_report what);

void send_signal(struct step *step, struct lifecycle_worker *worker, int signal);
void kill_worker(struct step *step, struct lifecycle_worker *worker);

/* It serves no more; whoever of it lives is to be sent the signal. */
void dismiss(struct generation *generation, int signal);

void forget(struct step *step, const struct generation *generation);

/* The pauses that crashes have earned are forgotten: somebody asked for a start. */
void forgive(struct lifecycle *model);

void begin_deploy(struct step *step, enum deploy_cause cause);
void begin_check(struct step *step, enum deploy_cause cause);
void begin_attempts(struct step *step);

/* The deploy under way fails for good; with no generation left the starts go on without it. */
void fail_deploy(struct step *step, enum deploy_failure reason);

/* The deploy under way has ended: there is none. */
void leave_deploy(struct lifecycle *model);

/* What the deploy under way has tried is gone, or on its way out. */
void fail_attempt(struct step *step, enum deploy_failure reason);

void begin_stop(struct step *step, int signal);

/* Nothing is left to be done. */
void end_service(struct step *step, int status);

/* It gets all of the new connections, and its settings are in force. */
void make_current(struct step *step, struct generation *generation);

/* The candidate has failed in its probation. */
void roll_back(struct step *step, enum deploy_failure reason);

#endif
