/*
 * The known word that somebody most likely meant who wrote an unknown one: that with the fewest
 * letters to add, drop, change or swap. Pure.
 */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

/* Longer words than this have no neighbours. */
#define NEAREST_WORD_MAX 63

/* How many single edits lead from one word to the other, swapping two neighbours being one. Words
   that are too long are `NEAREST_WORD_MAX + 1` apart. */
unsigned nearest_distance(const char *one, const char *other);

/* A search under way: offer it one candidate after the other. */
struct nearest {
    const char *word;
    const char *found; /* NULL: nothing is near enough */
    unsigned distance;
};

struct nearest nearest_begin(const char *word);
void nearest_offer(struct nearest *nearest, const char *candidate);

#endif
