/*
 * The commands that ask for one thing and get one answer: reopen and signal.
 */
#include "command.h"
#include "event_text.h"
#include "target.h"

#include <stdio.h>
#include <string.h>

/* An answer comes at once, unless the supervisor is stopped or hangs. */
enum { ANSWER_PATIENCE_MS = 10000 };

static int conclude(const struct target *target, const json_t *result)
{
    if (strcmp(field_text(result, "result", ""), "ok") == 0) {
        return COMMAND_DONE;
    }
    return command_fail(COMMAND_FAILED, "%s: %s", target->name,
                        field_text(result, "message", "the supervisor's reply is not understood"));
}

static int ask(const struct command_request *request, const char *line)
{
    struct target target;
    int status = target_choose(&target, request);
    if (status != 0) {
        return status;
    }
    client_ask(&target.client, line);
    switch (client_next(&target.client, client_now() + ANSWER_PATIENCE_MS)) {
    case CLIENT_REPLY:
        status = conclude(&target, target.client.object);
        break;
    case CLIENT_ENDED:
        status = command_fail(COMMAND_NOT_RUNNING, "%s: the supervisor has gone", target.name);
        break;
    case CLIENT_GARBLED:
        status = command_fail(COMMAND_FAILED, "%s: the supervisor's reply is not understood",
                              target.name);
        break;
    case CLIENT_TIMEOUT:
    case CLIENT_INTERRUPTED:
        status = command_fail(COMMAND_FAILED, "%s: the supervisor does not answer", target.name);
        break;
    }
    client_close(&target.client);
    return status;
}

int reopen_command(const struct command_request *request)
{
    return ask(request, "reopen");
}

int signal_command(const struct command_request *request)
{
    char line[128];
    snprintf(line, sizeof line, "signal %s", request->signal);
    return ask(request, line);
}
