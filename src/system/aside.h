/*
 * Something done aside: a function run in a process of its own, which is gone when this returns.
 * For what would leave something behind in the supervisor (the libraries of the user database,
 * changed rights), or might never come back. It owns no state.
 */
#ifndef ASIDE_H
#define ASIDE_H

#include "error.h"

#include <stddef.h>

/* Memory, all zero, that the function and its caller share. NULL if there is none. Pages that
   nobody touches cost nothing. */
void *aside_memory(size_t size);
void aside_free(void *memory, size_t size);

/* Runs `function` on memory of aside_memory in a child, which has default signals. It is killed
   after 10 seconds. Returns 0 when the function has returned; else -1 with the reason in `error`,
   and what is in the memory means nothing. */
int aside_run(void (*function)(void *memory), void *memory, struct error *error);

#endif
