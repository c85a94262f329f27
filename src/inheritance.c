#include "inheritance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NAME=FD;NAME=FD;…, to be freed; NULL when there is no memory. Not by a stream of memory: those
   touch more of the C library than all the rest of the supervisor. */
static char *list_ports(const struct listener_set *listeners)
{
    const size_t room_for_fd = sizeof "=2147483647;";
    size_t size = 1;
    for (size_t i = 0; i < listeners->count; i++) {
        size += strlen(listeners->items[i].name) + room_for_fd;
    }
    char *ports = malloc(size);
    size_t length = 0;
    if (ports != NULL) {
        ports[0] = '\0';
    }
    for (size_t i = 0; ports != NULL && i < listeners->count; i++) {
        const struct listener *listener = &listeners->items[i];
        length += (size_t)snprintf(ports + length, size - length, "%s%s=%d", i > 0 ? ";" : "",
                                   listener->name, listener->worker_fd);
    }
    return ports;
}

/* Server::Starter's: SERVER_STARTER_PORT lists the sockets, SERVER_STARTER_GENERATION is a number.
 */
static int write_server_starter(const struct listener_set *listeners, uint64_t generation,
                                struct environment *environment, struct error *error)
{
    char *ports = list_ports(listeners);
    int result = ports != NULL ? environment_set(environment, "SERVER_STARTER_PORT", ports, error)
                               : error_set(error, "out of memory for SERVER_STARTER_PORT");
    free(ports);
    return result == 0
               ? environment_set_number(environment, "SERVER_STARTER_GENERATION", generation, error)
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
