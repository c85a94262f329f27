/*
 * What the fuzz targets share: an input as a C string, and a claim that ends the run when it does
 * not hold (assert(3) would be silent in a build with NDEBUG).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(condition) claim((condition), #condition, __FILE__, __LINE__)

static inline void claim(bool holds, const char *text, const char *file, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, text);
        abort();
    }
}

/* The bytes with a NUL behind them, in memory of exactly that size, so that AddressSanitizer sees
   each step beyond; free(3) it. */
static inline char *to_string(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    CLAIM(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    return text;
}

/* An error that is reported says something, and is a string. */
static inline void claim_said(const struct error *error)
{
    CLAIM(error->text[0] != '\0');
    CLAIM(memchr(error->text, '\0', sizeof error->text) != NULL);
}

#endif
