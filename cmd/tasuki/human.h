/*
 * Numbers as people like to read them.
 */
#ifndef HUMAN_H
#define HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define HUMAN_SIZE 32

/* How long something took: "12 ms", "0.8 s", "45 s", "3 min". */
const char *human_seconds(double seconds, char buffer[HUMAN_SIZE]);

/* How old something is: "12 s", "3 min", "5 h", "2 days". */
const char *human_age(double seconds, char buffer[HUMAN_SIZE]);

/* "812 kB", "45 MB", "1.2 GB"; in powers of 1024, as top(1) has them. */
const char *human_bytes(int64_t bytes, char buffer[HUMAN_SIZE]);

#endif
