/*
 * Sockets of internet servers that bind for themselves (see binder.h).
 */
#include "binder.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

static void plain(void)
{
    int fd = make_bound(arguments[0], SOCK_STREAM);
    EXPECT(!holds_flag(fd, F_GETFD, FD_CLOEXEC));
    EXPECT(!holds_flag(fd, F_GETFL, O_NONBLOCK));
    EXPECT(is_named(fd, arguments[0]));
    listen_and_serve(fd);
}

static void flags(void)
{
    int fd = make_bound(arguments[0], SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK);
    EXPECT(holds_flag(fd, F_GETFD, FD_CLOEXEC));
    EXPECT(holds_flag(fd, F_GETFL, O_NONBLOCK));
    listen_and_serve(fd);
}

/* Nonblocking at first, and then not. */
static void blocking_again(void)
{
    int fd = make_bound(arguments[0], SOCK_STREAM | SOCK_NONBLOCK);
    close(fd);
    fd = make_bound(arguments[0], SOCK_STREAM);
    EXPECT(!holds_flag(fd, F_GETFL, O_NONBLOCK));
    listen_and_serve(fd);
}

/* As asyncio does: blocking at bind, nonblocking later. A later generation must not take that from
   the one before meanwhile. */
static void nonblocking_later(void)
{
    bool is_first = strcmp(getenv("SERVER_STARTER_GENERATION"), "1") == 0;
    int fd = make_bound(arguments[0], SOCK_STREAM);
    EXPECT(holds_flag(fd, F_GETFL, O_NONBLOCK) == !is_first);
    EXPECT(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    listen_and_serve(fd);
}

static void options(void)
{
    const int on = 1;
    const int seconds = 77;
    const int bytes = 50000;
    int value = 0;
    socklen_t size = sizeof value;
    int fd = make(arguments[0], SOCK_STREAM);
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0);
    EXPECT(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds) == 0);
    EXPECT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    EXPECT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
    EXPECT(bind_to(fd, arguments[0]) == 0);
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size) == 0 && value == 1);
    EXPECT(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &size) == 0 && value == 77);
    EXPECT(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value == 1);
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &size) == 0 && value == 2 * bytes);
    EXPECT(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) == 0 && value == 1);
    listen_and_serve(fd);
}

/* What the kernel finds fault with is the kernel's to answer, and binds that are not ours work. */
static void faults(void)
{
    struct target target = parse(arguments[0]);
    const struct sockaddr *address = (const struct sockaddr *)&target.address;
    int fd = make(arguments[0], SOCK_STREAM);
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(page != MAP_FAILED && munmap(page + 4096, 4096) == 0);
    EXPECT(syscall(SYS_bind, fd, NULL, target.length) == -1 && errno == EFAULT);
    EXPECT(syscall(SYS_bind, fd, 1, target.length) == -1 && errno == EFAULT);
    EXPECT(syscall(SYS_bind, fd, page + 4094, target.length) == -1 && errno == EFAULT);
    EXPECT(bind(fd, address, 0) == -1 && errno == EINVAL);
    EXPECT(bind(fd, address, 1) == -1 && errno == EINVAL);
    EXPECT(bind(fd, address, target.length - 1) == -1 && errno == EINVAL);
    EXPECT(bind(fd, address, sizeof target.address + 1) == -1 && errno == EINVAL);
    EXPECT(syscall(SYS_bind, fd, address, -1) == -1 && errno == EINVAL);
    EXPECT(syscall(SYS_bind, fd, address, 0xFFFFFFFFL) == -1 && errno == EINVAL);
    EXPECT(bind(-1, address, target.length) == -1 && errno == EBADF);
    EXPECT(bind(9999, address, target.length) == -1 && errno == EBADF);
    EXPECT(bind(STDOUT_FILENO, address, target.length) == -1 && errno == ENOTSOCK);
    EXPECT(listen(-1, 1) == -1 && errno == EBADF);
    EXPECT(listen(STDOUT_FILENO, 1) == -1 && errno == ENOTSOCK);
    EXPECT(shutdown(STDOUT_FILENO, SHUT_RDWR) == -1 && errno == ENOTSOCK);
    EXPECT(shutdown(fd, SHUT_RDWR) == -1 && errno == ENOTCONN);
    memcpy(page + 4096 - target.length, address, target.length); /* up to the very end */
    EXPECT(bind(fd, (const struct sockaddr *)(page + 4096 - target.length), target.length) == 0);
    EXPECT(is_named(fd, arguments[0]));
    EXPECT(bind(fd, address, target.length) ==
           0); /* as a call that a signal tore off comes again */
    int other = make_bound("0", SOCK_STREAM);
    EXPECT(!is_named(other, "0"));
    EXPECT(bind_to(other, arguments[0]) == -1 && errno == EINVAL); /* is bound already */
    EXPECT(listen(other, 1) == 0);
    EXPECT(shutdown(other, SHUT_RDWR) == 0);
    listen_and_serve(fd);
}

static void close_and_bind_again(void)
{
    for (int i = 0; i < 3; i++) {
        int fd = make_bound(arguments[0], SOCK_STREAM);
        EXPECT(listen(fd, 1) == 0);
        close(fd);
    }
    listen_and_serve(make_bound(arguments[0], SOCK_STREAM));
}

/* A pre-forking server whose children each bind, as with SO_REUSEPORT. */
static void children(void)
{
    for (int i = 0; i < 2; i++) {
        if (fork() == 0) {
            const int on = 1;
            int fd = make(arguments[0], SOCK_STREAM);
            EXPECT(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
            EXPECT(bind_to(fd, arguments[0]) == 0);
            listen_and_serve(fd);
        }
    }
    signal(SIGTERM, SIG_IGN); /* ends when they have */
    while (wait(NULL) > 0) {
    }
    _exit(0);
}

static void in_a_forked_child(void)
{
    if (fork() != 0) {
        pause();
    }
    listen_and_serve(make_bound(arguments[0], SOCK_STREAM));
}

static void *bind_in_thread(void *context)
{
    int *fd = context;
    *fd = make_bound(arguments[0], SOCK_STREAM | SOCK_CLOEXEC);
    EXPECT(holds_flag(*fd, F_GETFD, FD_CLOEXEC));
    EXPECT(listen(*fd, 1) == 0);
    return NULL;
}

/* Every thread binds a socket of its own, all at once. */
static void threads(void)
{
    enum { THREADS = 16 };
    pthread_t ids[THREADS];
    int fds[THREADS];
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&ids[i], NULL, bind_in_thread, &fds[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_join(ids[i], NULL) == 0);
        EXPECT(is_named(fds[i], arguments[0]));
    }
    serve(fds[THREADS / 2]);
}

static void on_tick(int signal)
{
    (void)signal;
}

/* Thousands of binds, held and not, with signals in between. */
static void storm(void)
{
    const struct sigaction tick = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    EXPECT(sigaction(SIGALRM, &tick, NULL) == 0);
    for (int i = 0; i < 2000; i++) {
        /* One signal for each bind, sooner or later: where signals come faster than a busy machine
           answers, a call that each of them tears off is never answered. */
        const struct itimerval once = {.it_value = {0, 1 + i * 37 % 1000}};
        EXPECT(setitimer(ITIMER_REAL, &once, NULL) == 0);
        int fd = make_bound(i % 2 == 0 ? arguments[0] : "0", SOCK_STREAM);
        EXPECT(listen(fd, 1) == 0);
        close(fd);
    }
    const struct itimerval never = {{0, 0}, {0, 0}};
    EXPECT(setitimer(ITIMER_REAL, &never, NULL) == 0);
    listen_and_serve(make_bound(arguments[0], SOCK_STREAM));
}

/* Children that die in the middle of their calls. */
static void deaths(void)
{
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (;;) {
                close(make_bound(arguments[0], SOCK_STREAM));
            }
        }
        usleep((useconds_t)(i * 37 % 3000));
        kill(child, SIGKILL);
        EXPECT(waitpid(child, NULL, 0) == child);
    }
    listen_and_serve(make_bound(arguments[0], SOCK_STREAM));
}

/* Duplicates from after the bind are tasuki's socket; one from before is not. */
static void duplicates(void)
{
    int fd = make(arguments[0], SOCK_STREAM);
    int before = dup(fd);
    EXPECT(bind_to(fd, arguments[0]) == 0);
    int after = dup(fd);
    EXPECT(!is_named(before, arguments[0]));
    EXPECT(is_named(after, arguments[0]));
    close(fd);
    listen_and_serve(after);
}

/* The listening socket is shut down by one that leaves; the others serve on. */
static void shut_down(void)
{
    int fd = make_bound(arguments[0], SOCK_STREAM);
    EXPECT(listen(fd, 1) == 0);
    EXPECT(shutdown(fd, SHUT_RDWR) == 0 && shutdown(fd, SHUT_RD) == 0);
    serve(fd);
}

static void drop_rights(void)
{
    EXPECT(setgid(65534) == 0 && setuid(65534) == 0);
}

static void as_another_user(void)
{
    drop_rights();
    listen_and_serve(make_bound(arguments[0], SOCK_STREAM));
}

/* Echoes what it gets. */
static void datagrams(void)
{
    int fd = make_bound(arguments[0], SOCK_DGRAM);
    EXPECT(is_named(fd, arguments[0]));
    EXPECT(listen(fd, 1) == -1 && errno == EOPNOTSUPP);
    printf("as expected\n");
    fflush(stdout);
    for (;;) {
        char text[64];
        struct sockaddr_storage from;
        socklen_t length = sizeof from;
        ssize_t size = recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&from, &length);
        sendto(fd, text, size > 0 ? (size_t)size : 0, 0, (const struct sockaddr *)&from, length);
    }
}

/* A server that binds the wildcard for both families. */
static void both_families(void)
{
    const int off = 0;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 any = {
        .sin6_family = AF_INET6,
        .sin6_port = htons((uint16_t)strtol(arguments[0], NULL, 10)),
    };
    EXPECT(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0);
    EXPECT(bind(fd, (const struct sockaddr *)&any, sizeof any) == 0);
    listen_and_serve(fd);
}

/* One address after the other, slowly. */
static void several(void)
{
    int fd = -1;
    for (int i = 0; arguments[i] != NULL; i++) {
        fd = make_bound(arguments[i], SOCK_STREAM);
        EXPECT(listen(fd, 1) == 0);
        usleep(100000);
    }
    serve(fd);
}

/* The 32-bit calls of a 64-bit program: 361 is bind there, and 87 something else than unlink. */
static void foreign_calls(void)
{
#if defined(__x86_64__)
    struct sockaddr_in *address =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    struct target target = parse(arguments[0]);
    int fd = make(arguments[0], SOCK_STREAM);
    EXPECT(address != MAP_FAILED);
    memcpy(address, &target.address, sizeof *address);
    long result = 361;
    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     : "b"((long)fd), "c"((long)(uintptr_t)address), "d"((long)sizeof *address)
                     : "memory", "r8", "r9", "r10", "r11");
    EXPECT(result == -EADDRINUSE || result == -ENOSYS);
    result = 20; /* getpid */
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    EXPECT(result == getpid() || result == -ENOSYS);
#endif
    plain();
}

/* A server that knows of supervisors: takes descriptor 3, and sets the length of its queue. */
static void aware(void)
{
    EXPECT(getenv("SERVER_STARTER_PORT") != NULL);
    listen_and_serve(3);
}

/* The supervisor is killed meanwhile. */
static void orphaned(void)
{
    int fd = make_bound(arguments[0], SOCK_STREAM);
    EXPECT(listen(fd, 1) == 0);
    wait_for_orphaning();
    int other = make("0", SOCK_STREAM);
    EXPECT(bind_to(other, "0") == 0);
    EXPECT(shutdown(fd, SHUT_RDWR) == 0);
    close(fd);
    fd = make_bound(arguments[0], SOCK_STREAM);
    EXPECT(shutdown(fd, SHUT_RDWR) == 0);
    listen_and_serve(fd);
}

static const struct scenario scenarios[] = {
    {"plain", plain},
    {"flags", flags},
    {"blocking-again", blocking_again},
    {"nonblocking-later", nonblocking_later},
    {"options", options},
    {"faults", faults},
    {"close-and-bind-again", close_and_bind_again},
    {"children", children},
    {"in-a-forked-child", in_a_forked_child},
    {"threads", threads},
    {"storm", storm},
    {"deaths", deaths},
    {"duplicates", duplicates},
    {"shut-down", shut_down},
    {"as-another-user", as_another_user},
    {"datagrams", datagrams},
    {"both-families", both_families},
    {"several", several},
    {"foreign-calls", foreign_calls},
    {"aware", aware},
    {"orphaned", orphaned},
    {NULL, NULL},
};

int main(int argc, char *argv[])
{
    return run_scenario(scenarios, argc, argv);
}
