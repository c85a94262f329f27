/*
 * What must hold: the rules that the world checks before it carries out an action (rules.c) and
 * after each event (rules_after.c). A number at the start of a rule's text is that of the invariant
 * in lifecycle.h. The rules change nothing in the world but its violation.
 */
#ifndef RULES_H
#define RULES_H

#include "world.h"

/* Keeps the first rule that does not hold. */
void world_require(struct world *world, bool holds, const char *rule);
/* The deploy under way is no longer, if its generation has taken over from all older ones. */
void world_settle_takeover(struct world *world);

bool rules_is_timer_event(const struct world *world, enum lifecycle_timer timer);
bool rules_is_open(const struct world *world, uint64_t deploy);

/* True if a deploy of that cause has to be checked. */
bool rules_needs_check(const struct world *world, enum deploy_cause cause);

void rules_before_check(struct world *world, const struct lifecycle_action *action);
void rules_before_spawn(struct world *world, const struct lifecycle_action *action);
void rules_before_signal(struct world *world, const struct lifecycle_action *action);
void rules_before_arm(struct world *world, const struct lifecycle_action *action);
void rules_before_disarm(struct world *world, const struct lifecycle_action *action);
void rules_before_exit(struct world *world, const struct lifecycle_action *action);
void rules_before_deploy(struct world *world, const struct lifecycle_action *action);
void rules_before_success(struct world *world, const struct lifecycle_action *action);
void rules_before_failure(struct world *world, const struct lifecycle_action *action);
void rules_before_giving_up(struct world *world);
void rules_on_pause(struct world *world, const struct lifecycle_action *action);
/* worker: the living one that the report names, or NULL. */
void rules_on_generation_report(struct world *world, const struct lifecycle_action *action,
                                const struct worker *worker);

void rules_after_step(struct world *world);

#endif
