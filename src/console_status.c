/*
 * The "status" reply: how the service is, as one JSON object.
 */
#include "console.h"
#include "observation.h"
#include "report_json.h"

#include <sys/socket.h>
#include <unistd.h>

static json_t *known(int64_t number)
{
    return number >= 0 ? json_integer(number) : json_null();
}

static const char *describe_state(const struct lifecycle *lifecycle)
{
    if (lifecycle->stopping) {
        return "stopping";
    }
    if (lifecycle->current != 0) {
        return "serving";
    }
    return lifecycle->starting != 0 ? "starting" : "down";
}

static json_t *describe_generation(const struct console_setup *setup,
                                   const struct generation *generation,
                                   const struct socket_list *accepted)
{
    const struct attendant *attendant = setup->find_attendant(setup->context, generation->number);
    json_t *object =
        json_pack("{s:I, s:s, s:i, s:b}", "number", (json_int_t)generation->number, "state",
                  generation_state_name(generation->state), "pid", (int)generation->pid, "current",
                  generation->number == setup->lifecycle->current);
    json_object_set_new(object, "memory", known(observe_memory(generation->pid)));
    json_object_set_new(object, "connections",
                        known(observe_connections(generation->pid, accepted)));
    if (attendant != NULL) {
        json_object_set_new(object, "started", json_real(attendant->started));
        json_object_set_new(object, "ready_after",
                            attendant->ready_after >= 0 ? json_real(attendant->ready_after)
                                                        : json_null());
        json_object_set_new(object, "text",
                            attendant->status[0] != '\0' ? report_text(attendant->status)
                                                         : json_null());
    }
    return object;
}

static json_t *describe_listener(const struct listener *listener, struct socket_list *accepted)
{
    const char *type = listener->path != NULL                ? "unix"
                       : listener->socket_type == SOCK_DGRAM ? "udp"
                                                             : "tcp";
    struct queue_observation queue = observe_queue(listener->fd, accepted);
    json_t *object = json_pack("{s:o, s:s, s:i}", "name", report_text(listener->name), "type", type,
                               "fd", listener->worker_fd);
    json_object_set_new(object, "waiting", known(queue.waiting));
    json_object_set_new(object, "backlog", known(queue.backlog));
    json_object_set_new(object, "connections", known(queue.connections));
    return object;
}

static json_t *describe_command(char *const *command)
{
    json_t *words = json_array();
    for (; *command != NULL; command++) {
        json_array_append_new(words, report_text(*command));
    }
    return words;
}

json_t *console_status(const struct console_setup *setup, const char *name, double started,
                       json_t *deploy, json_t *deploys)
{
    const struct lifecycle *lifecycle = setup->lifecycle;
    __attribute__((cleanup(socket_list_free))) struct socket_list accepted = {.count = 0};
    json_t *listeners = json_array();
    for (size_t i = 0; i < setup->listeners->count; i++) {
        json_array_append_new(listeners, describe_listener(&setup->listeners->items[i], &accepted));
    }
    json_t *generations = json_array();
    for (size_t i = 0; i < lifecycle->count; i++) {
        json_array_append_new(generations,
                              describe_generation(setup, &lifecycle->generations[i], &accepted));
    }
    return json_pack("{s:s, s:i, s:s, s:o, s:f, s:s, s:o, s:o, s:o, s:o}", "name", name, "pid",
                     (int)getpid(), "version", TASUKI_VERSION, "command",
                     describe_command(setup->options->command), "started", started, "state",
                     describe_state(lifecycle), "generations", generations, "listeners", listeners,
                     "deploy", deploy, "deploys", deploys);
}
