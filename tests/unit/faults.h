/*
 * System calls and allocations that fail on demand: what a part of the shell makes of a machine
 * that has no descriptor, no memory or no process left. A test that is named *_faults_test.c is
 * linked so that the calls below go through faults.c (ld's --wrap, tests/CMakeLists.txt); those of
 * the C library itself do not, nor does a call that cannot fail for want of anything. Children
 * count too, also those of fork(2).
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "error.h"

#include "scratch.h"

/* Does something and undoes it. Returns 0, or -1 with the reason in `error`. */
typedef int faults_trial(void *context, struct error *error);

/*
 * Runs `trial` as often as it makes calls, each time with another one of them failing as it does on
 * a machine that is short of something, and asserts each time that
 *  - it fails with a sentence that gives the reason, unless the call is one of `tolerated`, names
 * with blanks between them;
 *  - it leaves no descriptor and no child behind;
 *  - it succeeds right afterwards, when nothing fails.
 * Returns how many calls that were.
 */
unsigned faults_sweep(faults_trial *trial, void *context, const char *tolerated);

/* Makes the `nth` call of this name from now on fail once with `reason`; `name` may be "any". */
void faults_arm(const char *name, unsigned nth, int reason);

/* The same for every call of this name. */
void faults_arm_lasting(const char *name, int reason);

/* Nothing fails any more. Returns the name of the call that failed, NULL if none did. */
const char *faults_disarm(void);

/* From now on nothing fails in children, whose calls come in no order beside the parent's; or it
   does again. */
void faults_spare_children(bool are_spared);

/* Between these two nothing fails, and no call counts: for what a trial asserts or prepares. */
void faults_pause(void);
void faults_resume(void);

#endif
