#include "port.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Below the range from which the kernel picks the ports of outgoing connections. */
enum { FIRST_PORT = 10000, LAST_PORT = 32000 };

static bool is_free(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool is_bound = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return is_bound;
}

int port_take(void)
{
    static int next = 0;
    if (next == 0) {
        next = FIRST_PORT + (int)(random() % (LAST_PORT - FIRST_PORT));
    }
    for (int tried = FIRST_PORT; tried < LAST_PORT; tried++) {
        int port = next;
        next = next + 1 < LAST_PORT ? next + 1 : FIRST_PORT;
        if (is_free(port)) {
            return port;
        }
    }
    errx(1, "no free port on 127.0.0.1 between %d and %d", FIRST_PORT, LAST_PORT);
}
