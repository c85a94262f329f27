#include "figures.h"

/* How long a measurement may take; and the next after one that took longer. */
#define PATIENCE_SECONDS 1.0
#define SHORT_PATIENCE_SECONDS 0.1

/* --- in the process aside ----------------------------------------------------------------------
 */

/* What may hang comes last: the memory of a process. */
static void measure(void *memory)
{
    const struct figures *figures = memory;
    struct socket_list accepted = {.count = 0};
    (void)!socket_diag_list_accepted(figures->listeners, figures->listener_count, &accepted);
    for (size_t i = 0; i < figures->generation_count; i++) {
        struct generation_figures *generation = &figures->generations[i];
        generation->connections = observe_connections(generation->pid, &accepted);
    }
    for (size_t i = 0; i < figures->generation_count; i++) {
        struct generation_figures *generation = &figures->generations[i];
        generation->memory = observe_memory(generation->pid);
    }
}

/* --- in the supervisor -------------------------------------------------------------------------
 */

void measurement_init(struct measurement *measurement, struct ev_loop *loop,
                      void (*on_end)(void *context, const struct figures *figures), void *context)
{
    *measurement = (struct measurement){.loop = loop, .on_end = on_end, .context = context};
}

static void finish(struct measurement *measurement)
{
    struct figures *figures = measurement->figures;
    measurement->figures = NULL;
    measurement->on_end(measurement->context, figures);
    if (figures != NULL) {
        aside_free(figures, measurement->size);
    }
}

static void on_end(void *context, enum aside_outcome outcome)
{
    struct measurement *measurement = context;
    measurement->was_slow = outcome == ASIDE_TOO_SLOW;
    finish(measurement);
}

/* What the sockets themselves tell, and nothing yet of the rest. */
static void fill(struct figures *figures, const struct listener_set *listeners,
                 const struct lifecycle *lifecycle)
{
    figures->listener_count = listeners->count;
    figures->listeners = (struct diag_listener *)(figures + 1);
    figures->generation_count = lifecycle->count;
    figures->generations =
        (struct generation_figures *)(void *)(figures->listeners + listeners->count);
    for (size_t i = 0; i < listeners->count; i++) {
        figures->listeners[i] = observe_listener(listeners->items[i].fd);
    }
    for (size_t i = 0; i < lifecycle->count; i++) {
        figures->generations[i] =
            (struct generation_figures){.number = lifecycle->generations[i].number,
                                        .pid = generation_pid(&lifecycle->generations[i]),
                                        .connections = -1,
                                        .memory = -1};
    }
}

void measurement_begin(struct measurement *measurement, const struct listener_set *listeners,
                       const struct lifecycle *lifecycle)
{
    struct error error;
    if (aside_is_running(&measurement->aside)) {
        return;
    }
    measurement->size = sizeof *measurement->figures +
                        listeners->count * sizeof(struct diag_listener) +
                        lifecycle->count * sizeof(struct generation_figures);
    measurement->figures = aside_memory(measurement->size);
    if (measurement->figures != NULL) {
        fill(measurement->figures, listeners, lifecycle);
    }
    double seconds = measurement->was_slow ? SHORT_PATIENCE_SECONDS : PATIENCE_SECONDS;
    if (measurement->figures == NULL ||
        aside_start(&measurement->aside, measurement->loop, measure, measurement->figures, seconds,
                    on_end, measurement, &error) != 0) {
        finish(measurement);
    }
}

void measurement_cancel(struct measurement *measurement)
{
    aside_cancel(&measurement->aside);
    if (measurement->figures != NULL) {
        aside_free(measurement->figures, measurement->size);
        measurement->figures = NULL;
    }
}

/* --- what is known -----------------------------------------------------------------------------
 */

struct diag_listener figures_of_listener(const struct figures *figures, size_t place, int fd)
{
    return figures != NULL && place < figures->listener_count && figures->listeners[place].fd == fd
               ? figures->listeners[place]
               : (struct diag_listener){.waiting = -1, .backlog = -1, .connections = -1};
}

struct generation_figures figures_of_generation(const struct figures *figures, uint64_t number)
{
    for (size_t i = 0; figures != NULL && i < figures->generation_count; i++) {
        if (figures->generations[i].number == number) {
            return figures->generations[i];
        }
    }
    return (struct generation_figures){.number = number, .connections = -1, .memory = -1};
}
