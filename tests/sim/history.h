/*
 * A random history: chooses what happens next in a world, among the things that can happen. Every
 * history has a temperament of its own (how often workers die, what the operator has set, how
 * patient he is, how large the table is), and its own seed, so that each can be replayed.
 *
 * Half of the histories are left alone at their end with servers that work, and must come to one
 * serving generation; all are stopped at last, some in the middle of everything.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "world.h"

/* splitmix64: the next number of the dice. */
uint64_t history_roll(uint64_t *dice);

/* Runs the history of that seed. Returns the rule that was broken, or NULL. */
const char *history_run(uint64_t seed, uint64_t events, struct tally *tally, FILE *trace);

#endif
