#include "error.h"

#include <stdarg.h>
#include <stdio.h>

/* Whatever a value holds, a message is one line. */
static void keep_one_line(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == '\177') {
            *text = '?';
        }
    }
}

int error_set(struct error *error, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
        keep_one_line(error->text);
    }
    return -1;
}
