#include "config_errors.h"

#include "array.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *place(const struct config_errors *errors, unsigned line, const char *sentence)
{
    struct error error;
    if (errors->path == NULL) {
        error_set(&error, "%s", sentence);
    } else if (line == 0) {
        error_set(&error, "%.200s: %s", errors->path, sentence);
    } else {
        error_set(&error, "%.200s:%u: %s", errors->path, line, sentence);
    }
    return strdup(error.text);
}

int config_errors_add(struct config_errors *errors, unsigned line, const char *format, ...)
{
    errors->count++;
    if (errors->kept == CONFIG_ERRORS_MAX) {
        return -1;
    }
    char sentence[sizeof((struct error *)0)->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    struct config_error *grown = array_grow(errors->items, errors->kept, sizeof *grown);
    if (grown == NULL) {
        return -1;
    }
    errors->items = grown;
    char *text = place(errors, line, sentence);
    if (text != NULL) {
        errors->items[errors->kept++] = (struct config_error){.line = line, .text = text};
    }
    return -1;
}

/* By insertion: those of a line stay in the order in which they were found. */
void config_errors_sort(struct config_errors *errors)
{
    for (size_t i = 1; i < errors->kept; i++) {
        struct config_error error = errors->items[i];
        size_t j = i;
        for (; j > 0 && errors->items[j - 1].line > error.line; j--) {
            errors->items[j] = errors->items[j - 1];
        }
        errors->items[j] = error;
    }
}

int config_errors_as_error(const struct config_errors *errors, struct error *error)
{
    if (errors->kept == 0) {
        return error_set(error, "out of memory");
    }
    if (errors->count == 1) {
        return error_set(error, "%s", errors->items[0].text);
    }
    return error_set(error, "%.440s (and %zu more: see tasuki check)", errors->items[0].text,
                     errors->count - 1);
}

void config_errors_free(struct config_errors *errors)
{
    for (size_t i = 0; i < errors->kept; i++) {
        free(errors->items[i].text);
    }
    free(errors->items);
    *errors = (struct config_errors){.path = NULL};
}
