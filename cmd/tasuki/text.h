/*
 * Text on its way to a terminal: what workers said is made harmless, and cut and wrapped by the
 * columns that it takes. Strings are UTF-8.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Takes out escape sequences, and makes a space of every other control character, in place. */
void text_clean(char *text);

/* How many columns it takes. */
int text_width(const char *text);

/* How many bytes of it fit into so many columns. */
size_t text_fitting(const char *text, int columns);

/* Cuts it to so many columns, in place. */
void text_cut(char *text, int columns);

/* Prints it wrapped between words where there are any, with `indent` spaces before each line but
   the first, no line beyond column `width`; and a newline. */
void text_print_wrapped(FILE *stream, const char *text, int indent, int width);

#endif
