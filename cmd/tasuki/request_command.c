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

static int ask(const struct command_request *request, const char *line)
{
    struct target target;
    int status = target_choose(&target, request);
    if (status != 0) {
        return status;
    }
    client_ask(&target.client, line);
    enum client_outcome outcome = client_next(&target.client, client_now() + ANSWER_PATIENCE_MS);
    if (outcome != CLIENT_REPLY) {
        status = command_fail_without_reply(target.name, outcome);
    } else if (strcmp(field_text(target.client.object, "result", ""), "ok") != 0) {
        status = command_fail_by_reply(target.name, target.client.object);
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
