#include "follow.h"

#include "interrupt.h"

#include <stdio.h>
#include <string.h>

int follow_explain(const struct following *following, enum client_outcome outcome, const char *what)
{
    const char *name = following->target.name;
    switch (outcome) {
    case CLIENT_TIMEOUT:
        return command_fail(COMMAND_TIMED_OUT, "%s: --timeout passed; %s continues", name, what);
    case CLIENT_INTERRUPTED:
        return command_fail(COMMAND_INTERRUPTED, "%s: interrupted; %s continues", name, what);
    case CLIENT_GARBLED:
        return command_fail_without_reply(name, outcome);
    case CLIENT_REPLY:
    case CLIENT_ENDED:
        break;
    }
    return 0;
}

static bool take_reply(struct following *following)
{
    const json_t *object = following->target.client.object;
    bool is_result = json_object_get(object, "result") != NULL;
    const char *event = field_text(object, "event", "");
    following->saw_stop = following->saw_stop || strcmp(event, "stopping") == 0 ||
                          strcmp(event, "deploy-stopped") == 0;
    if (following->json) {
        puts(client_line(&following->target.client));
    } else if (!is_result && *event != '\0') {
        progress_event(&following->progress, object);
    }
    return is_result;
}

/* The line that changes is drawn anew in between. */
static enum client_outcome wait_for_reply(struct following *following)
{
    for (;;) {
        int64_t next = following->json ? CLIENT_FOREVER : progress_next_draw(&following->progress);
        int64_t until = next < following->deadline ? next : following->deadline;
        enum client_outcome outcome = client_next(&following->target.client, until);
        if (outcome != CLIENT_TIMEOUT || until == following->deadline) {
            return outcome;
        }
        progress_draw(&following->progress);
    }
}

int follow(struct following *following, const struct command_request *request, const char *line,
           const char *what)
{
    int64_t began = client_now();
    *following = (struct following){
        .json = request->json,
        .deadline = request->timeout_ms >= 0 ? began + request->timeout_ms : CLIENT_FOREVER,
    };
    int status = target_choose(&following->target, request);
    if (status != 0) {
        return status;
    }
    interrupt_catch();
    client_ask(&following->target.client, line);
    if (!following->json) {
        progress_open(&following->progress, following->target.name);
    }
    enum client_outcome outcome;
    do {
        outcome = wait_for_reply(following);
    } while (outcome == CLIENT_REPLY && !take_reply(following));
    if (!following->json) {
        progress_close(&following->progress, outcome == CLIENT_REPLY);
    }
    if (outcome == CLIENT_ENDED) {
        json_decref(following->target.client.object);
        following->target.client.object = NULL;
    }
    return follow_explain(following, outcome, what);
}

void follow_close(struct following *following)
{
    client_close(&following->target.client);
}
