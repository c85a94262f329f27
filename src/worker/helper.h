/*
 * A helper is a command of the operator's that the supervisor runs on the side (--check, the probe
 * of --ready=exec:, --on-event): by /bin/sh, in a process group of its own, with its output in a
 * memory file, so that nothing has to be read while it runs and it can never block on a full pipe.
 * It is killed group and all. It is never mistaken for a worker.
 */
#ifndef HELPER_H
#define HELPER_H

#include "error.h"
#include "surroundings.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* So much of the end of the output is kept at least. */
#define HELPER_OUTPUT_KEPT 65536

struct helper {
    pid_t pid;     /* also its process group; 0: not running */
    int output_fd; /* memfd_create(2); owned; -1: none */
};

struct helper_command {
    const char *text;                        /* for sh -c */
    const char *directory;                   /* NULL: the supervisor's */
    char *const *environment;                /* NULL-ended */
    const struct surroundings *surroundings; /* NULL: as the supervisor's, and so is the identity */
    const struct identity *identity;
    bool capture; /* what it writes: into the memory file, or to the supervisor's standard error */
};

/* Starts it. Standard input is /dev/null. Default signals, empty mask, no other descriptor. Returns
   0; or -1 with the reason in `error`, and then there is nothing to kill or to finish. */
int helper_start(struct helper *helper, const struct helper_command *command, struct error *error);

/* Kills the whole group, what has left it excepted (setsid). The helper still has to be reaped by
   whoever reaps. */
void helper_kill(const struct helper *helper);

/* To be called a few times a second while a helper with captured output runs: gives back the memory
   of all but the last HELPER_OUTPUT_KEPT bytes, so that one that prints without end cannot fill it.
 */
void helper_trim(const struct helper *helper);

/* The last `size` - 1 bytes at most (and HELPER_OUTPUT_KEPT) of what it wrote, with a NUL at the
   end; returns their number. NULs among them become spaces; else they are as it wrote them, so they
   need not be UTF-8. Works until helper_forget. */
size_t helper_output(const struct helper *helper, char *buffer, size_t size);

/* It has been reaped, and its number may be somebody else's: frees the output. What is left of its
   group is to be killed before (helper_kill). */
void helper_forget(struct helper *helper);

/* Both of these, for one that is not reaped yet. */
void helper_finish(struct helper *helper);

#endif
