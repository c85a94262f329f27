/*
 * An interrupt (SIGINT) while a command waits: it is let through only in ppoll(2), so that none is
 * missed, and ends the waiting rather than the process.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* From now on, unless SIGINT is ignored (a job in the background). */
void interrupt_catch(void);

/* The signal mask for ppoll(2). */
const sigset_t *interrupt_mask(void);

bool interrupt_came(void);

#endif
