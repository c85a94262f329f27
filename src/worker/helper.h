/*
 * A helper is a command of the operator that the supervisor runs (--check, the probe of
 * --ready=exec:, --on-event). /bin/sh runs it in its own process group. Its output goes to a memory
 * file, so it never blocks on a full pipe. The whole group is killed together. It is never mistaken
 * for a worker.
 */
#ifndef HELPER_H
#define HELPER_H

#include "error.h"
#include "surroundings.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* At least this many bytes from the end of the output are kept. */
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

/* Kills the whole group, except processes that left it (setsid). The helper still has to be reaped.
 */
void helper_kill(const struct helper *helper);

/* Call it a few times a second while a helper with captured output runs: it frees all but the last
   HELPER_OUTPUT_KEPT bytes, so that endless output cannot fill the memory. */
void helper_trim(const struct helper *helper);

/* Copies the last `size` - 1 bytes of its output (HELPER_OUTPUT_KEPT at most), with a NUL at the
   end; returns their number. NULs among them become spaces; the rest is unchanged and need not be
   UTF-8. Works until helper_forget. */
size_t helper_output(const struct helper *helper, char *buffer, size_t size);

/* Frees the output after the helper has been reaped, when another process may have its pid. Kill
   its group before (helper_kill). */
void helper_forget(struct helper *helper);

/* Kills the group and frees the output of a helper that is not reaped yet. */
void helper_finish(struct helper *helper);

#endif
