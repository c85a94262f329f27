#include "release.h"

#include <stdbool.h>
#include <stdlib.h>

/* The options know nothing of sockets from above. */
static int check_readiness(const struct options *options, const struct listener_set *listeners,
                           struct error *error)
{
    if (options->ready == READY_LISTEN && listeners->count == 0) {
        return error_set(error, "--ready=listen needs a socket (--port or --path)");
    }
    for (size_t i = 0; options->ready == READY_FD && i < listeners->count; i++) {
        if (listeners->items[i].worker_fd == options->ready_fd) {
            return error_set(error, "--ready: descriptor %d is a socket's", options->ready_fd);
        }
    }
    return 0;
}

/* Takes over listeners that were opened, or closes them: then NULL with the reason in `error`. */
static struct release *make(struct configuration *configuration, struct listener_set *listeners,
                            struct error *error)
{
    struct release *release = malloc(sizeof *release);
    bool is_good = check_readiness(&configuration->options, listeners, error) == 0;
    if (release == NULL || !is_good) {
        if (is_good) {
            error_set(error, "out of memory");
        }
        listener_set_close(listeners);
        free(release);
        return NULL;
    }
    *release = (struct release){
        .configuration = configuration_hold(configuration), .listeners = *listeners, .holders = 1};
    return release;
}

struct release *release_open(struct configuration *configuration, struct activation *activation,
                             struct error *error)
{
    const struct options *options = &configuration->options;
    struct listener_set listeners;
    return listener_set_open(&listeners, options->addresses, options->address_count,
                             options->backlog, activation, error) == 0
               ? make(configuration, &listeners, error)
               : NULL;
}

struct release *release_follow(struct configuration *configuration,
                               const struct release *const *others, size_t count,
                               struct error *error)
{
    const struct options *options = &configuration->options;
    struct listener_set listeners;
    const struct listener_set **before = calloc(count > 0 ? count : 1, sizeof(void *));
    if (before == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        before[i] = &others[i]->listeners;
    }
    int result = listener_set_change(&listeners, before, count, options->addresses,
                                     options->address_count, options->backlog, error);
    free(before);
    return result == 0 ? make(configuration, &listeners, error) : NULL;
}

struct release *release_hold(struct release *release)
{
    release->holders++;
    return release;
}

/* The listeners point to the configuration's strings. */
void release_drop(struct release *release)
{
    if (release != NULL && --release->holders == 0) {
        listener_set_close(&release->listeners);
        configuration_release(release->configuration);
        free(release);
    }
}

const struct options *release_options(const struct release *release)
{
    return &release->configuration->options;
}
