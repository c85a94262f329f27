/*
 * A server that attacks its supervisor: hostile ATTACK ADDRESS binds the address and serves it, so
 * that a client can measure, while processes below it do what ATTACK says, over and over:
 *
 *   none        nothing
 *   memory      a bind whose address lies in a file of its own file system, which never answers
 *   descriptor  a listen on such a file, whose close never ends
 *   idle        binds by a thread that gets hardly any processor
 *   lingering   a bind of a connection with unsent data, which another thread closes meanwhile
 *   leftover    a child in a session of its own that binds LEFTOVER_PORT once the file GO is there
 *
 * and hostile senders NAME SECONDS is somebody else, who sends sockets with unsent data to the
 * abstract socket NAME. It says what it does on standard output. TRAP_NODE is a /dev/fuse that it
 * may open, TRAP_DIRECTORY a directory.
 */
#include "binder.h"
#include "fuse_trap.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* --- helpers -----------------------------------------------------------------------------------
 */

static void say(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

static void pause_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* A child that goes with this process. Returns 0 in the child. */
static pid_t fork_below(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(0);
        }
    }
    return pid;
}

static struct sockaddr_in sink; /* a listener of this process that nobody accepts from */

static void open_sink(void)
{
    socklen_t size = sizeof sink;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sink = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    EXPECT(bind(fd, (struct sockaddr *)&sink, sizeof sink) == 0 && listen(fd, 4096) == 0);
    getsockname(fd, (struct sockaddr *)&sink, &size);
}

/* A connection to the sink with more to send than fits: to close its last descriptor takes an hour,
   or until the sink has gone. */
static int make_lingering(void)
{
    const struct linger hour = {.l_onoff = 1, .l_linger = 3600};
    static char block[65536];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect(fd, (struct sockaddr *)&sink, sizeof sink) == 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (send(fd, block, sizeof block, MSG_NOSIGNAL) > 0) {
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof hour);
    return fd;
}

/* --- attacks of a worker -----------------------------------------------------------------------
 */

/* Opens the file that never answers, in a child. What serves it is above: who waits for it cannot
   be killed before it has gone. */
static int open_trap(void)
{
    const char *directory = getenv("TRAP_DIRECTORY");
    char path[PATH_MAX];
    int fuse = trap_mount(getenv("TRAP_NODE"), directory);
    EXPECT(fuse >= 0);
    if (fork_below() != 0) {
        trap_serve(fuse);
    }
    close(fuse);
    snprintf(path, sizeof path, "%s/" TRAP_NAME, directory);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    EXPECT(fd >= 0);
    return fd;
}

static void attack_by_memory(void)
{
    int trap = open_trap();
    void *address = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, trap, 0);
    EXPECT(address != MAP_FAILED);
    say("attacks");
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bind(fd, address, sizeof(struct sockaddr_in));
        close(fd);
    }
}

static void attack_by_descriptor(void)
{
    int trap = open_trap();
    say("attacks");
    for (;;) {
        listen(trap, 5);
    }
}

static void pin_to(size_t processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* It shares its processor with sixteen that never rest, and has the least right to it. */
static void attack_by_idling(void)
{
    for (int i = 0; i < 16; i++) {
        if (fork_below() == 0) {
            pin_to(0);
            for (volatile unsigned n = 0;; n++) {
            }
        }
    }
    pin_to(0);
    sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){.sched_priority = 0});
    say("attacks");
    for (;;) {
        close(make_bound(arguments[0], SOCK_STREAM));
    }
}

static void *bind_on(void *argument)
{
    const int *fd = argument;
    while (bind_to(*fd, arguments[0]) == 0 || errno != EBADF) {
    }
    return NULL;
}

/* One shot: who closes last waits, this process or who looks at its descriptor just then. */
static _Noreturn void shoot_lingering(unsigned seed)
{
    pthread_t threads[8];
    int fd = make_lingering();
    srand(seed);
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        pthread_create(&threads[i], NULL, bind_on, &fd);
    }
    usleep((useconds_t)(rand() % 2000));
    close(fd);
    _exit(0);
}

static void attack_by_lingering(void)
{
    open_sink();
    say("attacks");
    for (unsigned seed = 1;; seed++) {
        pid_t pid = fork_below();
        if (pid == 0) {
            shoot_lingering(seed);
        }
        pause_ms(50);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* Not below the worker any more once that has gone. */
static void leave_child(void)
{
    const char *go = getenv("GO");
    if (fork() != 0) {
        return;
    }
    setsid();
    signal(SIGTERM, SIG_IGN);
    printf("left behind %d\n", (int)getpid());
    fflush(stdout);
    while (access(go, F_OK) != 0) {
        pause_ms(10);
    }
    int fd = make(getenv("LEFTOVER_PORT"), SOCK_STREAM);
    int result = bind_to(fd, getenv("LEFTOVER_PORT"));
    printf("leftover: bind %s\n", result == 0 ? "succeeded" : strerror(errno));
    fflush(stdout);
    pause_ms(600000);
    _exit(0);
}

/* --- an attack from outside --------------------------------------------------------------------
 */

static void send_descriptor_to(const char *name, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = 0}};
    struct target target = parse(name);
    struct iovec data = {.iov_base = "X=1", .iov_len = 3};
    struct msghdr message = {.msg_name = &target.address,
                             .msg_namelen = target.length,
                             .msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    int channel = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    sendmsg(channel, &message, MSG_NOSIGNAL);
    close(fd); /* mostly before the other side takes it, and then that one is the last */
    _exit(0);
}

static _Noreturn void send_for(const char *name, long seconds)
{
    time_t end = time(NULL) + seconds;
    open_sink();
    say("attacks");
    while (time(NULL) < end) {
        pid_t shots[5];
        for (size_t i = 0; i < 5; i++) {
            shots[i] = fork_below();
            if (shots[i] == 0) {
                send_descriptor_to(name, make_lingering());
            }
        }
        pause_ms(100);
        for (size_t i = 0; i < 5; i++) {
            kill(shots[i], SIGKILL);
            waitpid(shots[i], NULL, 0);
        }
    }
    _exit(0);
}

/* --- the server --------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    void (*run)(void);
} attacks[] = {
    {"memory", attack_by_memory},
    {"descriptor", attack_by_descriptor},
    {"idle", attack_by_idling},
    {"lingering", attack_by_lingering},
};

static void begin_attack(const char *name)
{
    if (strcmp(name, "leftover") == 0) {
        leave_child();
    }
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        if (strcmp(attacks[i].name, name) == 0 && fork_below() == 0) {
            attacks[i].run();
        }
    }
}

/* As many a server does for each request that comes with a body. */
static void use_temporary_file(void)
{
    char name[] = "/tmp/hostile.XXXXXX";
    int fd = mkstemp(name);
    if (fd >= 0) {
        close(fd);
        unlink(name);
    }
}

static _Noreturn void answer_all(int fd)
{
    for (;;) {
        int client = accept(fd, NULL, NULL);
        if (client >= 0) {
            use_temporary_file();
            dprintf(client, "pid %d\n", (int)getpid());
            close(client);
        }
    }
}

static void tell_ready(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (name != NULL) {
        struct target target = parse(name);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&target.address, target.length);
        close(fd);
    }
}

int main(int argc, char *argv[])
{
    if (argc == 4 && strcmp(argv[1], "senders") == 0) {
        send_for(argv[2], strtol(argv[3], NULL, 10));
    }
    if (argc != 3) {
        fprintf(stderr, "usage: %s ATTACK ADDRESS | senders NAME SECONDS\n", argv[0]);
        return 2;
    }
    arguments = argv + 2;
    signal(SIGPIPE, SIG_IGN);
    int fd = make_bound(arguments[0], SOCK_STREAM);
    EXPECT(listen(fd, 64) == 0);
    tell_ready();
    begin_attack(argv[1]);
    answer_all(fd);
}
