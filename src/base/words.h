/*
 * A command line as text, taken apart into words like a shell does it, without a shell: blanks
 * separate, quotes and backslashes keep together. What a shell would act on (a pipe, a variable) is
 * a mistake here unless it is quoted, so that whatever is accepted means what it says in a shell as
 * well; only patterns (*, ?, [) are left as they stand. The parser is pure.
 */
#ifndef WORDS_H
#define WORDS_H

#include "error.h"

/* Splits `text`. Returns the words, ended by a NULL, in one block to be freed with free(3); or NULL
   with what was expected in `error`. A text of blanks has no words. */
char **words_split(const char *text, struct error *error);

#endif
