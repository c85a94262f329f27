/*
 * A part of a text that nothing terminates: parsers cut a text into spans and copy none of it.
 * Pure, ASCII, whatever the locale.
 */
#ifndef SPAN_H
#define SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *start;
    size_t length;
};

struct span span_of(const char *text);

/* What lies between both, without the blanks at either end. */
struct span span_trim(const char *start, const char *end);

bool span_is(struct span span, const char *text);

/* Digits of this base and nothing else, up to `most`; -1 otherwise. */
int64_t span_parse_number(struct span span, int base, int64_t most);

/* 1 for yes, 1, true or on; 0 for no, 0, false or off, in whatever case; -1 otherwise. */
int span_parse_answer(struct span span);

#endif
