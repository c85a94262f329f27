#include "command.h"
#include "display.h"
#include "event_text.h"
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_event(struct display *display, const json_t *event)
{
    char text[EVENT_TEXT_SIZE];
    char line[EVENT_TEXT_SIZE + 32];
    char clock[32] = "";
    time_t when = (time_t)field_seconds(event, "time", 0);
    struct tm local;
    if (localtime_r(&when, &local) != NULL) {
        strftime(clock, sizeof clock, "%H:%M:%S  ", &local);
    }
    event_text(event, text, sizeof text);
    snprintf(line, sizeof line, "%s%s", clock, text);
    display_print(display, line);
}

/* An error in the place of the stream has a result. */
static int follow_events(struct target *target, bool json)
{
    struct display display;
    bool is_stopping = false;
    enum client_outcome outcome;
    display_open(&display);
    while ((outcome = client_next(&target->client, CLIENT_FOREVER)) == CLIENT_REPLY) {
        const json_t *object = target->client.object;
        if (json_object_get(object, "result") != NULL) {
            return command_fail_by_reply(target->name, object);
        }
        is_stopping = is_stopping || strcmp(field_text(object, "event", ""), "stopping") == 0;
        if (json) {
            puts(client_line(&target->client));
        } else {
            print_event(&display, object);
        }
        if (ferror(stdout)) {
            return command_fail(COMMAND_FAILED, "cannot write to standard output: %s",
                                strerror(errno));
        }
    }
    return outcome == CLIENT_ENDED && is_stopping
               ? COMMAND_DONE
               : command_fail_without_reply(target->name, outcome);
}

int events_command(const struct command_request *request)
{
    struct target target;
    int status = target_choose(&target, request);
    if (status != 0) {
        return status;
    }
    client_ask(&target.client, "events");
    status = follow_events(&target, request->json);
    client_close(&target.client);
    return status;
}
