/*
 * Signals in a child before it becomes another program, or does an hook in this one's memory:
 * none of the supervisor's handlers may run there, and none of its masks is inherited.
 */
#ifndef CHILD_SIGNALS_H
#define CHILD_SIGNALS_H

/* Gives every signal its default action, and lets all of them come. System calls alone, so that it
   may run after vfork(2). */
void child_signals_reset(void);

#endif
