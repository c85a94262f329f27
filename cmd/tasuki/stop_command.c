#include "command.h"

#include "follow.h"
#include "human.h"

#include <stdio.h>
#include <string.h>

/* A supervisor that has closed the connection ends within moments, if it ends. */
enum { END_PATIENCE_MS = 10000 };

/* The workers are gone; the supervisor's process, its sockets and its files go last. */
static int wait_for_end(struct following *following)
{
    enum client_outcome outcome =
        client_wait_for_end(&following->target.client, following->deadline);
    return outcome == CLIENT_ENDED ? 0 : follow_explain(following, outcome, "the stop");
}

/* Without a result: it has ended in another way, which is what was asked for, or it has not. */
static int wait_after_hang_up(struct following *following)
{
    struct client *client = &following->target.client;
    if (following->saw_stop) {
        return wait_for_end(following);
    }
    enum client_outcome outcome = client_wait_for_end(client, client_now() + END_PATIENCE_MS);
    if (outcome == CLIENT_TIMEOUT) {
        return command_fail(
            COMMAND_FAILED,
            "%s: the supervisor closed the connection, but is still running (pid %d)",
            following->target.name, (int)client->pid);
    }
    return outcome == CLIENT_ENDED ? 0 : follow_explain(following, outcome, "the stop");
}

int stop_command(const struct command_request *request)
{
    struct following following;
    int status = follow(&following, request, "stop", "the stop");
    const json_t *result = following.target.client.object;
    if (status == 0 && result == NULL) {
        status = wait_after_hang_up(&following);
    } else if (status == 0 && strcmp(field_text(result, "result", ""), "ok") != 0) {
        status = command_fail_by_reply(following.target.name, result);
    } else if (status == 0) {
        status = wait_for_end(&following);
    }
    if (status == 0 && !following.json) {
        char seconds[HUMAN_SIZE];
        printf("%s: stopped after %s\n", following.target.name,
               human_seconds(progress_seconds(&following.progress), seconds));
    }
    follow_close(&following);
    return status;
}
