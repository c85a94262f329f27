#include "mistakes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *place(const struct mistakes *mistakes, unsigned line, const char *sentence)
{
    struct error error;
    if (mistakes->path == NULL) {
        error_set(&error, "%s", sentence);
    } else if (line == 0) {
        error_set(&error, "%.200s: %s", mistakes->path, sentence);
    } else {
        error_set(&error, "%.200s:%u: %s", mistakes->path, line, sentence);
    }
    return strdup(error.text);
}

int mistakes_add(struct mistakes *mistakes, unsigned line, const char *format, ...)
{
    mistakes->count++;
    if (mistakes->kept == MISTAKES_MAX) {
        return -1;
    }
    char sentence[sizeof((struct error *)0)->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    struct mistake *grown =
        realloc(mistakes->items, (mistakes->kept + 1) * sizeof *mistakes->items);
    if (grown == NULL) {
        return -1;
    }
    mistakes->items = grown;
    char *text = place(mistakes, line, sentence);
    if (text != NULL) {
        mistakes->items[mistakes->kept++] = (struct mistake){.line = line, .text = text};
    }
    return -1;
}

/* By insertion: those of a line stay in the order in which they were found. */
void mistakes_sort(struct mistakes *mistakes)
{
    for (size_t i = 1; i < mistakes->kept; i++) {
        struct mistake mistake = mistakes->items[i];
        size_t j = i;
        for (; j > 0 && mistakes->items[j - 1].line > mistake.line; j--) {
            mistakes->items[j] = mistakes->items[j - 1];
        }
        mistakes->items[j] = mistake;
    }
}

int mistakes_as_error(const struct mistakes *mistakes, struct error *error)
{
    if (mistakes->kept == 0) {
        return error_set(error, "out of memory");
    }
    if (mistakes->count == 1) {
        return error_set(error, "%s", mistakes->items[0].text);
    }
    return error_set(error, "%.440s (and %zu more: see tasuki check)", mistakes->items[0].text,
                     mistakes->count - 1);
}

void mistakes_free(struct mistakes *mistakes)
{
    for (size_t i = 0; i < mistakes->kept; i++) {
        free(mistakes->items[i].text);
    }
    free(mistakes->items);
    *mistakes = (struct mistakes){.path = NULL};
}
