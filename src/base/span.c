#include "span.h"

#include "ascii.h"

#include <string.h>

struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

struct span span_trim(const char *start, const char *end)
{
    while (start < end && ascii_is_space(*start)) {
        start++;
    }
    while (start < end && ascii_is_space(end[-1])) {
        end--;
    }
    return (struct span){start, (size_t)(end - start)};
}

bool span_is(struct span span, const char *text)
{
    return strlen(text) == span.length && memcmp(span.start, text, span.length) == 0;
}

int64_t span_parse_number(struct span span, int base, int64_t most)
{
    int64_t value = 0;
    for (size_t i = 0; i < span.length; i++) {
        char character = span.start[i];
        int digit = ascii_is_digit(character)    ? character - '0'
                    : ascii_is_letter(character) ? (character | 0x20) - 'a' + 10
                                                 : base;
        if (digit >= base) {
            return -1;
        }
        value = value * base + digit;
        if (value > most) {
            return -1;
        }
    }
    return span.length > 0 ? value : -1;
}

int span_parse_answer(struct span span)
{
    static const char *const words[] = {"no", "yes", "0", "1", "false", "true", "off", "on"};
    for (int i = 0; i < (int)(sizeof words / sizeof words[0]); i++) {
        if (strlen(words[i]) == span.length && ascii_begins_with(span.start, words[i])) {
            return i % 2;
        }
    }
    return -1;
}
