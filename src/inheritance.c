#include "inheritance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Server::Starter's: SERVER_STARTER_PORT is NAME=FD;NAME=FD;…, SERVER_STARTER_GENERATION a number.
 */
static int write_server_starter(const struct listener_set *listeners, uint64_t generation,
                                struct environment *environment, struct error *error)
{
    char *ports = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&ports, &size);
    if (stream == NULL) {
        return error_set(error, "out of memory for SERVER_STARTER_PORT");
    }
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener *listener = &listeners->items[i];
        fprintf(stream, "%s%s=%d", i > 0 ? ";" : "", listener->name, listener->worker_fd);
    }
    int result = -1;
    if (fclose(stream) != 0) {
        error_set(error, "out of memory for SERVER_STARTER_PORT");
    } else {
        result = environment_set(environment, "SERVER_STARTER_PORT", ports, error);
    }
    free(ports);
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, generation);
    return result == 0 ? environment_set(environment, "SERVER_STARTER_GENERATION", number, error)
                       : -1;
}

static const struct inheritance conventions[] = {
    {"server-starter", write_server_starter},
};

int inheritance_write(const struct listener_set *listeners, uint64_t generation,
                      struct environment *environment, struct error *error)
{
    for (size_t i = 0; i < sizeof conventions / sizeof conventions[0]; i++) {
        if (conventions[i].write(listeners, generation, environment, error) != 0) {
            return -1;
        }
    }
    return 0;
}
