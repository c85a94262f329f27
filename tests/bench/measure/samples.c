#include "samples.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

void samples_init(struct samples *samples, size_t capacity)
{
    *samples = (struct samples){.capacity = capacity};
    samples->values = calloc(capacity, sizeof *samples->values);
    if (samples->values == NULL) {
        err(1, "no memory");
    }
}

void samples_add(struct samples *samples, double value)
{
    if (samples->count < samples->capacity) {
        samples->values[samples->count++] = value;
    }
}

void samples_free(struct samples *samples)
{
    free(samples->values);
    *samples = (struct samples){.count = 0};
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

void samples_print(struct samples *samples, const char *measure, int listeners, const char *program)
{
    const double *values = samples->values;
    size_t count = samples->count;
    if (count == 0) {
        return;
    }
    qsort(samples->values, count, sizeof *values, compare);
    printf("%s\t%d\t%s\t%.6g\t%.6g\t%.6g\t%zu\n", measure, listeners, program, values[count / 2],
           values[count / 10], values[count - 1 - count / 10], count);
    fflush(stdout);
}
