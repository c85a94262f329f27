/* The values of one measure, and the line that is printed about them. */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>

struct samples {
    double *values;
    size_t count;
    size_t capacity;
};

/* Room for so many values; ends the benchmark if there is none. */
void samples_init(struct samples *samples, size_t capacity);
void samples_add(struct samples *samples, double value);
void samples_free(struct samples *samples);

/* Prints, tab-separated: measure, listeners, program, median, 10th and 90th percentile, number of
   values. Prints nothing if there are no values. */
void samples_print(struct samples *samples, const char *measure, int listeners,
                   const char *program);

#endif
