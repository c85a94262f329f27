#include "command.h"

#include "json_field.h"
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

static const char not_understood[] = "unexpected reply from the supervisor";

int command_fail_without_reply(const char *service, enum client_outcome outcome)
{
    switch (outcome) {
    case CLIENT_ENDED:
        return command_fail(COMMAND_NOT_RUNNING, "%s: the supervisor exited", service);
    case CLIENT_GARBLED:
        return command_fail(COMMAND_FAILED, "%s: %s", service, not_understood);
    case CLIENT_TIMEOUT:
    case CLIENT_INTERRUPTED:
    case CLIENT_REPLY:
        break;
    }
    return command_fail(COMMAND_FAILED, "%s: the supervisor does not answer", service);
}

int command_fail_by_reply(const char *service, const json_t *reply)
{
    return command_fail(COMMAND_FAILED, "%s: %s", service,
                        field_text(reply, "message", not_understood));
}
