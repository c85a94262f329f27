/*
 * tasuki.h: what a server needs to know, and to say, when it runs under tasuki or under any other
 * start_server: its listening sockets, its generation, and "I am ready".
 *
 * The sockets and the generation come from Server::Starter's variables SERVER_STARTER_PORT and
 * SERVER_STARTER_GENERATION; where there is no SERVER_STARTER_PORT, the sockets come from systemd's
 * LISTEN_FDS, sd_listen_fds(3). Readiness goes to the datagram socket that NOTIFY_SOCKET names,
 * which is systemd's protocol, sd_notify(3): the same server runs under tasuki, under systemd, and
 * alone.
 *
 * A server in short:
 *
 *     int fd = tasuki_listener_find("8080", SOCK_STREAM);
 *     if (fd < 0)
 *         errx(1, "no listener on 8080: %s", strerror(-fd));
 *     ... accept on fd ...
 *     tasuki_notify_ready();
 *
 * Every function reports an error as a negative errno value, and the absence of a supervisor as 0
 * (or, when one listener is asked for, as -ENOENT). Nothing is cached and nothing global is kept:
 * every function may be called from any thread, as long as no other thread changes the environment
 * at the same time, which is getenv(3)'s rule. None is safe in a signal handler.
 */
#ifndef TASUKI_H
#define TASUKI_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TASUKI_PRINTF(format_index, first_index)                                                   \
    __attribute__((format(printf, format_index, first_index)))
#else
#define TASUKI_PRINTF(format_index, first_index)
#endif

/* One socket that the supervisor holds and this process may accept on. */
struct tasuki_listener {
    /* As SERVER_STARTER_PORT says it: "8080", "127.0.0.1:8080", "[::1]:8080", or a unix path. */
    const char *address;
    int fd;
    int type;   /* SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET; see socket(2) */
    int family; /* AF_INET, AF_INET6 or AF_UNIX; see socket(2) */
};

/*
 * Sets *LISTENERS to an array of all listeners, in the supervisor's order, and returns how many
 * there are. The array is one block of memory, its strings included: give it to free(3).
 * 0, with *LISTENERS set to NULL: no supervisor, or one that has no listeners.
 *
 * SERVER_STARTER_PORT is a list "ADDRESS=FD;ADDRESS=FD;...", where FD is what follows the last '='
 * of an entry. A unix path may hold '=' and ';' itself: an entry reaches to the first ';' that
 * stands right after "=DIGITS".
 *
 * Where that variable is not set, but LISTEN_PID is this process's pid, the sockets are the
 * LISTEN_FDS ones from descriptor 3 on, and their addresses are written as SERVER_STARTER_PORT
 * would have them; an abstract name begins with '@'.
 *
 * Errors, with *LISTENERS set to NULL:
 *   -EINVAL    SERVER_STARTER_PORT is not such a list, or LISTEN_FDS no such number
 *   -EBADF     it names a descriptor that is not open
 *   -ENOTSOCK  it names a descriptor that is not a socket
 *   -ENOMEM    out of memory
 */
int tasuki_listeners(struct tasuki_listener **listeners);

/*
 * Returns the descriptor of the listener with this ADDRESS, written as in SERVER_STARTER_PORT. An
 * ADDRESS that is only a port number ("8080") also finds the first listener on that port, whatever
 * its host. TYPE is SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET, or 0 for any: a TCP and a UDP
 * listener may share an address.
 *
 * Errors: -ENOENT if there is no such listener, and those of tasuki_listeners().
 */
int tasuki_listener_find(const char *address, int type);

/*
 * Marks every listener close-on-exec (FD_CLOEXEC, see fcntl(2)), so that the programs that this
 * process executes do not keep the sockets open. Call it once at the start. Those programs still
 * see SERVER_STARTER_PORT: unset it for them if they would act on it.
 *
 * Returns how many listeners there are. Errors: those of tasuki_listeners().
 */
int tasuki_listeners_close_on_exec(void);

/*
 * Returns the number of this process's generation, from SERVER_STARTER_GENERATION: 1 for the
 * first, and larger for every later one. 0: no supervisor.
 *
 * Errors: -EINVAL if the variable is not a number from 1 up, -ERANGE if it does not fit an int.
 */
int tasuki_generation(void);

/*
 * The notifications. Each returns 1 when the message was handed over, and 0 when NOTIFY_SOCKET is
 * unset or empty, which is no error: nobody asked to be told. A call waits while the supervisor's
 * queue is full.
 *
 * Errors:
 *   -EAFNOSUPPORT  NOTIFY_SOCKET is neither a path ("/...") nor an abstract name ("@...")
 *   -EINVAL        it is "/" or "@" alone
 *   -ENAMETOOLONG  it does not fit a unix address (108 bytes)
 *   -ENOMEM        out of memory (only tasuki_notify_status)
 *   and those of socket(2) and sendto(2), such as -ECONNREFUSED if nobody listens there any more
 */

/* READY=1: this process serves, and may take over from the generation before it. */
int tasuki_notify_ready(void);

/* STOPPING=1: this process has begun to stop. */
int tasuki_notify_stopping(void);

/* STATUS=...: one line of text for people. Line breaks in it are sent as spaces. */
int tasuki_notify_status(const char *format, ...) TASUKI_PRINTF(1, 2);

#undef TASUKI_PRINTF

#ifdef __cplusplus
}
#endif

#endif
