/*
 * libtasuki's reading of the environment. Descriptors 100 to 103 are sockets, so that an input can
 * be a good list. What is found is a socket, can be found again by its address, and the list,
 * written anew from it, means the same; an error is one that tasuki.h names.
 */
#include "tasuki.h"

#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_SOCKET 100

int LLVMFuzzerInitialize(int *argc, char ***argv);

static void open_socket_at(int number, int family, int type)
{
    int fd = socket(family, type, 0);
    CLAIM(fd >= 0 && dup2(fd, number) == number);
    close(fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    open_socket_at(FIRST_SOCKET, AF_INET, SOCK_STREAM);
    open_socket_at(FIRST_SOCKET + 1, AF_INET, SOCK_DGRAM);
    open_socket_at(FIRST_SOCKET + 2, AF_UNIX, SOCK_STREAM);
    open_socket_at(FIRST_SOCKET + 3, AF_UNIX, SOCK_DGRAM);
    return 0;
}

static void claim_documented(int error)
{
    CLAIM(error == -EINVAL || error == -EBADF || error == -ENOTSOCK || error == -ENOMEM);
}

static void claim_listeners_are_sockets(const struct tasuki_listener *listeners, int count)
{
    for (int i = 0; i < count; i++) {
        const struct tasuki_listener *listener = &listeners[i];
        int type = 0;
        socklen_t size = sizeof type;
        CLAIM(listener->address[0] != '\0');
        CLAIM(getsockopt(listener->fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0);
        CLAIM(listener->type == type);
        CLAIM(tasuki_listener_find(listener->address, 0) >= 0);
        CLAIM(tasuki_listener_find(listener->address, type) >= 0);
    }
}

/* ADDRESS=FD;ADDRESS=FD;...; free(3) it. */
static char *write_list(const struct tasuki_listener *listeners, int count)
{
    char *list = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&list, &size);
    CLAIM(stream != NULL);
    for (int i = 0; i < count; i++) {
        fprintf(stream, "%s%s=%d", i > 0 ? ";" : "", listeners[i].address, listeners[i].fd);
    }
    CLAIM(fclose(stream) == 0);
    return list;
}

static void claim_means_the_same(const struct tasuki_listener *listeners, int count)
{
    struct tasuki_listener *again = NULL;
    char *list = write_list(listeners, count);
    CLAIM(setenv("SERVER_STARTER_PORT", list, 1) == 0);
    CLAIM(tasuki_listeners(&again) == count);
    for (int i = 0; i < count; i++) {
        CLAIM(strcmp(again[i].address, listeners[i].address) == 0);
        CLAIM(again[i].fd == listeners[i].fd);
    }
    free(again);
    free(list);
}

static void try_ports(const char *text)
{
    struct tasuki_listener *listeners = NULL;
    CLAIM(setenv("SERVER_STARTER_PORT", text, 1) == 0);
    int count = tasuki_listeners(&listeners);
    if (count < 0) {
        claim_documented(count);
        CLAIM(listeners == NULL);
        CLAIM(tasuki_listener_find("8080", 0) == count);
        CLAIM(tasuki_listeners_close_on_exec() == count);
        return;
    }
    CLAIM((count == 0) == (listeners == NULL));
    CLAIM((count == 0) == (text[0] == '\0'));
    claim_listeners_are_sockets(listeners, count);
    CLAIM(tasuki_listeners_close_on_exec() == count);
    claim_means_the_same(listeners, count);
    free(listeners);
}

static void try_generation(const char *text)
{
    CLAIM(setenv("SERVER_STARTER_GENERATION", text, 1) == 0);
    int generation = tasuki_generation();
    CLAIM(generation >= 0 || generation == -EINVAL || generation == -ERANGE);
    CLAIM((generation == 0) == (text[0] == '\0'));
    CLAIM(generation <= 0 || strtol(text, NULL, 10) == generation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = to_string(data, size);
    try_ports(text);
    try_generation(text);
    free(text);
    return 0;
}
