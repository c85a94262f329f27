/*
 * ASCII text, as options and their notations are written: which characters are digits, when two
 * words are the same, what number stands somewhere. It never asks the locale, which must not change
 * what an option means (and whose tables a supervisor would otherwise keep in memory).
 */
#ifndef ASCII_H
#define ASCII_H

#include <stdbool.h>

bool ascii_is_digit(char character);
bool ascii_is_letter(char character);
/* A blank, or what a terminal takes for a new line, a tab, a new page. */
bool ascii_is_space(char character);
/* What a terminal obeys rather than shows. */
bool ascii_is_control(char character);

/* Whether `text` is `word`, or begins with it, in whatever case. */
bool ascii_is_word(const char *text, const char *word);
bool ascii_begins_with(const char *text, const char *word);

/* The decimal digits that `text` begins with, and in `end` what follows them; -1 if there is none
   or the number is above `max`. No sign and no space goes before them. */
long ascii_parse_number(const char *text, long max, const char **end);

#endif
