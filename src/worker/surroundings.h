/*
 * A worker's surroundings are what it gets besides its command, its sockets and its environment:
 * standard input, limits, priority, umask, user and groups, and limits on its privileges. The child
 * sets them itself before it executes the command. If one of them fails, the child ends.
 */
#ifndef SURROUNDINGS_H
#define SURROUNDINGS_H

#include "error.h"
#include "identity.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct surroundings_limit {
    bool is_set;
    rlim_t soft; /* RLIM_INFINITY: as much as there can be */
    rlim_t hard;
};

/* What the options ask for. All zero: everything as the supervisor has it. */
struct surroundings {
    struct identity_names identity;
    const char *stdin_path; /* NULL: the supervisor's standard input */
    struct surroundings_limit open_files;
    struct surroundings_limit core;
    bool has_umask;
    mode_t umask;
    bool has_nice;
    int nice;
    const char *oom_score_adj; /* the number, as proc(5) takes it; NULL: not set */
    bool no_new_privileges;
    int parent_death_signal; /* 0: none */
};

enum surroundings_step {
    SURROUNDINGS_STDIN,
    SURROUNDINGS_OPEN_FILES,
    SURROUNDINGS_CORE,
    SURROUNDINGS_NICE,
    SURROUNDINGS_OOM_SCORE_ADJ,
    SURROUNDINGS_GROUPS,
    SURROUNDINGS_GROUP,
    SURROUNDINGS_USER,
    SURROUNDINGS_CAPABILITIES,
    SURROUNDINGS_ROOT_REGAINED,
    SURROUNDINGS_PARENT_DEATH_SIGNAL,
    SURROUNDINGS_NO_NEW_PRIVILEGES,
};

struct surroundings_failure {
    enum surroundings_step step;
    int reason; /* errno */
};

/* In the child, which may share its parent's memory (vfork): sets them, with system calls alone.
   `supervisor` is the parent's pid. Returns 0, or -1 with the step; then the child must end,
   because some of them are set. */
int surroundings_apply(const struct surroundings *surroundings, const struct identity *identity,
                       pid_t supervisor, struct surroundings_failure *failure);

/* In the child: sets its user and groups only. */
int surroundings_become(const struct identity *identity, struct surroundings_failure *failure);

/* What failed, and why, as a sentence. */
void surroundings_describe(const struct surroundings *surroundings, const struct identity *identity,
                           const struct surroundings_failure *failure, struct error *error);

bool surroundings_are_asked_for(const struct surroundings *surroundings);

/* In a helper process, as the last step: sets them, so that a failure is known before the start.
   Returns 0, or -1 with the sentence. */
int surroundings_try(const struct surroundings *surroundings, const struct identity *identity,
                     struct error *error);

#endif
