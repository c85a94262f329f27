/*
 * Arrays that grow by one item at a time. How much room one has follows from its count, so that
 * nobody keeps a capacity.
 */
#ifndef ARRAY_H
#define ARRAY_H

#include <stddef.h>

/* Makes room for one more item in an array that began as NULL and has only grown by this function;
   it may have lost items since. Returns the array, which may have moved; or NULL without memory,
   and then it is as it was. */
void *array_grow(void *items, size_t count, size_t item_size);

#endif
