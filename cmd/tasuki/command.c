#include "command.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>

int command_fail(int status, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    text_clean(line);
    fflush(stdout);
    fprintf(stderr, "tasuki: %s\n", line);
    return status;
}
