/*
 * What is observed of listeners and workers, against real sockets and processes in known states.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "observation.h"
#include "process_tree.h"
#include "sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define BACKLOG 7
#define MEBIBYTE (INT64_C(1024) * 1024)

/* --- sockets -------------------------------------------------------------------------------------
 */

struct endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_un local;
    };
    socklen_t size;
};

static struct endpoint make_ipv4(const char *host)
{
    struct endpoint endpoint = {.ipv4.sin_family = AF_INET, .size = sizeof endpoint.ipv4};
    assert_int_equal(inet_pton(AF_INET, host, &endpoint.ipv4.sin_addr), 1);
    return endpoint;
}

static struct endpoint make_ipv6(const char *host)
{
    struct endpoint endpoint = {.ipv6.sin6_family = AF_INET6, .size = sizeof endpoint.ipv6};
    assert_int_equal(inet_pton(AF_INET6, host, &endpoint.ipv6.sin6_addr), 1);
    return endpoint;
}

static struct endpoint make_unix(const char *path)
{
    struct endpoint endpoint = {.local.sun_family = AF_UNIX};
    strcpy(endpoint.local.sun_path, path);
    endpoint.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
    return endpoint;
}

/* Binds, listens, and writes the address that it got back into `endpoint`. -1: there is no such
   address on this machine. */
static int open_listener(struct endpoint *endpoint, int backlog)
{
    const int off = 0;
    int fd = socket(endpoint->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && endpoint->any.sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (fd < 0 || bind(fd, &endpoint->any, endpoint->size) != 0) {
        close(fd);
        return -1;
    }
    endpoint->size = sizeof endpoint->local;
    assert_int_equal(getsockname(fd, &endpoint->any, &endpoint->size), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static int open_client(const struct endpoint *endpoint)
{
    int fd = socket(endpoint->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &endpoint->any, endpoint->size), 0);
    return fd;
}

static int accept_client(int listener_fd)
{
    int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

struct pair {
    int client_fd;
    int server_fd;
};

static struct pair open_pair(const struct endpoint *endpoint, int listener_fd)
{
    struct pair pair;
    pair.client_fd = open_client(endpoint);
    pair.server_fd = accept_client(listener_fd);
    return pair;
}

static void close_pair(const struct pair *pair)
{
    close(pair->client_fd);
    close(pair->server_fd);
}

/* --- observing -----------------------------------------------------------------------------------
 */

static struct diag_listener observe_queue(int listener_fd, struct socket_list *accepted)
{
    struct diag_listener listener = observe_listener(listener_fd);
    (void)!socket_diag_list_accepted(&listener, 1, accepted);
    return listener;
}

static struct diag_listener observe(int listener_fd)
{
    struct socket_list accepted = {.count = 0};
    struct diag_listener queue = observe_queue(listener_fd, &accepted);
    assert_int_equal(accepted.count, queue.connections >= 0 ? queue.connections : 0);
    assert_int_equal(accepted.is_partial, false);
    socket_list_free(&accepted);
    return queue;
}

static int64_t observe_worker(pid_t pid, int listener_fd)
{
    struct socket_list accepted = {.count = 0};
    observe_queue(listener_fd, &accepted);
    int64_t connections = observe_connections(pid, &accepted);
    socket_list_free(&accepted);
    return connections;
}

static bool is_queue(int listener_fd, int64_t waiting, int64_t connections)
{
    struct diag_listener queue = observe(listener_fd);
    return queue.waiting == waiting && queue.connections == connections;
}

/* What a client did is seen once the kernel has passed it on. */
static void assert_queue(int listener_fd, int64_t waiting, int64_t connections)
{
    for (int i = 0; i < 3000 && !is_queue(listener_fd, waiting, connections); i++) {
        (void)poll(NULL, 0, 10);
    }
    struct diag_listener queue = observe(listener_fd);
    assert_int_equal(queue.waiting, waiting);
    assert_int_equal(queue.connections, connections);
}

static void assert_unknown(struct diag_listener queue)
{
    assert_int_equal(queue.waiting, -1);
    assert_int_equal(queue.backlog, -1);
    assert_int_equal(queue.connections, -1);
}

/* --- queues --------------------------------------------------------------------------------------
 */

/* The queue grows while nobody accepts, and empties into connections. */
static void follow_a_queue(struct endpoint *endpoint)
{
    struct pair pairs[3];
    int listener_fd = open_listener(endpoint, BACKLOG);
    if (listener_fd < 0) {
        skip();
    }
    assert_queue(listener_fd, 0, 0);
    assert_int_equal(observe(listener_fd).backlog, BACKLOG);
    for (int i = 0; i < 3; i++) {
        pairs[i].client_fd = open_client(endpoint);
        assert_queue(listener_fd, i + 1, 0);
    }
    for (int i = 0; i < 3; i++) {
        pairs[i].server_fd = accept_client(listener_fd);
        assert_queue(listener_fd, 2 - i, i + 1);
    }
    for (int i = 0; i < 3; i++) {
        close_pair(&pairs[i]);
        assert_queue(listener_fd, 0, 2 - i);
    }
    close(listener_fd);
}

static void test_ipv4_queue(void **state)
{
    (void)state;
    struct endpoint endpoint = make_ipv4("127.0.0.1");
    follow_a_queue(&endpoint);
}

static void test_ipv4_wildcard_queue(void **state)
{
    (void)state;
    struct endpoint endpoint = make_ipv4("0.0.0.0");
    follow_a_queue(&endpoint);
}

static void test_ipv6_queue(void **state)
{
    (void)state;
    struct endpoint endpoint = make_ipv6("::1");
    follow_a_queue(&endpoint);
}

static void test_abstract_unix_queue(void **state)
{
    (void)state;
    struct endpoint endpoint = {.local.sun_family = AF_UNIX, .size = sizeof(sa_family_t)};
    follow_a_queue(&endpoint);
}

static void remove_path(const char *directory, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    unlink(path);
    rmdir(directory);
}

static void test_unix_queue(void **state)
{
    (void)state;
    char directory[] = "/tmp/observation-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    struct endpoint endpoint = make_unix(path);
    follow_a_queue(&endpoint);
    remove_path(directory, "socket");
}

static void test_a_queue_takes_one_more_than_its_backlog(void **state)
{
    (void)state;
    struct endpoint endpoint = make_ipv4("127.0.0.1");
    int clients[BACKLOG + 1];
    int listener_fd = open_listener(&endpoint, BACKLOG);
    for (int i = 0; i <= BACKLOG; i++) {
        clients[i] = open_client(&endpoint);
    }
    assert_queue(listener_fd, BACKLOG + 1, 0);
    assert_int_equal(observe(listener_fd).backlog, BACKLOG);
    for (int i = 0; i <= BACKLOG; i++) {
        close(clients[i]);
    }
    close(listener_fd);
}

static void test_ipv4_clients_of_a_dual_stack_listener_count(void **state)
{
    (void)state;
    struct endpoint ipv6 = make_ipv6("::");
    struct endpoint ipv4 = make_ipv4("127.0.0.1");
    int listener_fd = open_listener(&ipv6, BACKLOG);
    if (listener_fd < 0) {
        skip();
    }
    ipv4.ipv4.sin_port = ipv6.ipv6.sin6_port;
    struct pair pair = open_pair(&ipv4, listener_fd);
    assert_queue(listener_fd, 0, 1);
    close_pair(&pair);
    close(listener_fd);
}

static void test_another_address_with_the_same_port_does_not_count(void **state)
{
    (void)state;
    struct endpoint one = make_ipv4("127.0.0.1");
    struct endpoint other = make_ipv4("127.0.0.2");
    int listener_fd = open_listener(&one, BACKLOG);
    other.ipv4.sin_port = one.ipv4.sin_port;
    int other_fd = open_listener(&other, BACKLOG);
    if (other_fd < 0) {
        close(listener_fd);
        skip();
    }
    struct pair pair = open_pair(&one, listener_fd);
    assert_queue(listener_fd, 0, 1);
    assert_queue(other_fd, 0, 0);
    close_pair(&pair);
    close(listener_fd);
    close(other_fd);
}

static void test_two_unix_sockets_of_one_relative_name_are_told_apart(void **state)
{
    (void)state;
    char first[] = "/tmp/observation-XXXXXX";
    char second[] = "/tmp/observation-XXXXXX";
    struct endpoint endpoint = make_unix("socket");
    int before = open(".", O_PATH | O_CLOEXEC);
    assert_non_null(mkdtemp(first));
    assert_non_null(mkdtemp(second));
    assert_int_equal(chdir(first), 0);
    int first_fd = open_listener(&endpoint, BACKLOG);
    assert_int_equal(chdir(second), 0);
    int second_fd = open_listener(&endpoint, BACKLOG);

    struct pair pair = open_pair(&endpoint, second_fd);

    assert_queue(first_fd, 0, 0);
    assert_queue(second_fd, 0, 1);
    close_pair(&pair);
    close(first_fd);
    close(second_fd);
    assert_int_equal(fchdir(before), 0);
    close(before);
    remove_path(first, "socket");
    remove_path(second, "socket");
}

static void test_a_connection_counts_until_the_worker_closes_it(void **state)
{
    (void)state;
    struct endpoint endpoint = make_ipv4("127.0.0.1");
    int listener_fd = open_listener(&endpoint, BACKLOG);
    struct pair pair = open_pair(&endpoint, listener_fd);
    shutdown(pair.client_fd, SHUT_WR); /* the answer is still to come */
    struct pollfd readable = {.fd = pair.server_fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, 30000), 1);
    assert_queue(listener_fd, 0, 1);
    close(pair.server_fd);
    assert_queue(listener_fd, 0, 0);
    close(pair.client_fd);

    pair = open_pair(&endpoint, listener_fd);
    shutdown(pair.server_fd, SHUT_WR); /* the rest of the request is still to come */
    assert_queue(listener_fd, 0, 1);
    close_pair(&pair);
    close(listener_fd);
}

static void test_other_sockets_are_unknown(void **state)
{
    (void)state;
    struct endpoint endpoint = make_ipv4("127.0.0.1");
    int listener_fd = open_listener(&endpoint, BACKLOG);
    struct pair pair = open_pair(&endpoint, listener_fd);
    int udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int local_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_unknown(observe(udp_fd));
    assert_unknown(observe(local_fd));
    assert_unknown(observe(null_fd));
    assert_unknown(observe(pair.server_fd));
    assert_unknown(observe(-1));
    close(udp_fd);
    close(local_fd);
    close(null_fd);
    close_pair(&pair);
    close(listener_fd);
}

/* --- connections of a worker ---------------------------------------------------------------------
 */

/* A process that is there until it is ended. `body` says "." into `ready_fd` when it has done what
   it is here for. */
static pid_t fork_worker(void (*body)(void *context), void *context)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        body(context);
        bool is_said = write(ends[1], ".", 1) == 1;
        while (is_said) {
            pause();
        }
        _exit(CHILD_FAILED);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void do_nothing(void *context)
{
    (void)context;
}

static void close_server(void *context)
{
    close(((struct pair *)context)->server_fd);
}

/* The worker of a prefork server: its child has the connection, too. */
static void fork_holder(void *context)
{
    fork_worker(do_nothing, context);
}

/* Its child alone has it. */
static void fork_holder_and_close(void *context)
{
    fork_holder(context);
    close_server(context);
}

/* Children go before their parents: those are the ones who know them. */
static void end_all_below(pid_t pid)
{
    struct process_list list;
    assert_int_equal(process_list_below(pid, &list), 0);
    for (size_t i = list.count; i > 0; i--) {
        kill(list.items[i - 1], SIGKILL);
    }
    process_list_free(&list);
    waitpid(pid, NULL, 0);
}

/* Besides what the worker has, there is a connection that it does not have. */
static void assert_worker_has(void (*body)(void *context), int64_t connections)
{
    struct endpoint endpoint = make_ipv4("127.0.0.1");
    int listener_fd = open_listener(&endpoint, BACKLOG);
    struct pair pair = open_pair(&endpoint, listener_fd);
    pid_t worker = fork_worker(body, &pair);
    struct pair other = open_pair(&endpoint, listener_fd);
    assert_int_equal(observe_worker(worker, listener_fd), connections);
    end_all_below(worker);
    close_pair(&pair);
    close_pair(&other);
    close(listener_fd);
}

static void test_a_worker_has_the_connections_that_it_holds(void **state)
{
    (void)state;
    assert_worker_has(do_nothing, 1);
}

static void test_a_worker_that_closed_a_connection_has_it_no_more(void **state)
{
    (void)state;
    assert_worker_has(close_server, 0);
}

static void test_a_connection_that_parent_and_child_hold_counts_once(void **state)
{
    (void)state;
    assert_worker_has(fork_holder, 1);
}

static void test_a_connection_of_a_grandchild_counts(void **state)
{
    (void)state;
    assert_worker_has(fork_holder_and_close, 1);
}

static void test_connections_of_several_listeners_add_up(void **state)
{
    (void)state;
    struct endpoint ipv4 = make_ipv4("127.0.0.1");
    struct endpoint local = {.local.sun_family = AF_UNIX, .size = sizeof(sa_family_t)};
    int ipv4_fd = open_listener(&ipv4, BACKLOG);
    int local_fd = open_listener(&local, BACKLOG);
    struct pair pairs[] = {open_pair(&ipv4, ipv4_fd), open_pair(&local, local_fd),
                           open_pair(&local, local_fd)};
    struct socket_list accepted = {.count = 0};
    observe_queue(ipv4_fd, &accepted);
    observe_queue(local_fd, &accepted);
    assert_int_equal(observe_connections(getpid(), &accepted), 3);
    /* An address that two listeners share (SO_REUSEPORT) comes twice. */
    observe_queue(ipv4_fd, &accepted);
    assert_int_equal(observe_connections(getpid(), &accepted), 3);
    socket_list_free(&accepted);
    for (int i = 0; i < 3; i++) {
        close_pair(&pairs[i]);
    }
    close(ipv4_fd);
    close(local_fd);
}

static void test_one_question_is_about_listeners_of_all_kinds(void **state)
{
    (void)state;
    struct endpoint endpoints[] = {make_ipv4("127.0.0.1"),
                                   make_ipv4("127.0.0.1"),
                                   make_ipv4("0.0.0.0"),
                                   {.local.sun_family = AF_UNIX, .size = sizeof(sa_family_t)},
                                   {.local.sun_family = AF_UNIX, .size = sizeof(sa_family_t)}};
    enum { KINDS = sizeof endpoints / sizeof endpoints[0] };
    struct diag_listener listeners[KINDS];
    struct pair pairs[KINDS][KINDS];
    int fds[KINDS];
    struct socket_list accepted = {.count = 0};
    for (int i = 0; i < KINDS; i++) { /* i connections each */
        fds[i] = open_listener(&endpoints[i], BACKLOG);
        for (int j = 0; j < i; j++) {
            pairs[i][j] = open_pair(&endpoints[i], fds[i]);
        }
        listeners[i] = observe_listener(fds[i]);
    }
    assert_int_equal(socket_diag_list_accepted(listeners, KINDS, &accepted), 0);
    for (int i = 0; i < KINDS; i++) {
        assert_int_equal(listeners[i].connections, i);
        assert_int_equal(listeners[i].waiting, 0);
    }
    assert_int_equal(accepted.count, 0 + 1 + 2 + 3 + 4);
    assert_int_equal(observe_connections(getpid(), &accepted), 0 + 1 + 2 + 3 + 4);
    for (int i = 0; i < KINDS; i++) {
        for (int j = 0; j < i; j++) {
            close_pair(&pairs[i][j]);
        }
        close(fds[i]);
    }
    socket_list_free(&accepted);
}

static void test_a_connection_to_elsewhere_does_not_count(void **state)
{
    (void)state;
    struct endpoint own = make_ipv4("127.0.0.1");
    struct endpoint database = make_ipv4("127.0.0.1");
    int own_fd = open_listener(&own, BACKLOG);
    int database_fd = open_listener(&database, BACKLOG);
    struct pair pair = open_pair(&database, database_fd);
    assert_int_equal(observe_worker(getpid(), own_fd), 0);
    close_pair(&pair);
    close(own_fd);
    close(database_fd);
}

static void test_a_worker_that_is_gone_is_unknown(void **state)
{
    (void)state;
    const struct socket_list accepted = {.count = 0};
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(observe_connections(pid, &accepted), -1);
    assert_int_equal(observe_memory(pid), -1);
    waitpid(pid, NULL, 0);
    assert_int_equal(observe_connections(pid, &accepted), -1);
    assert_int_equal(observe_memory(pid), -1);
    assert_int_equal(observe_connections(0, &accepted), -1);
    assert_int_equal(observe_memory(-1), -1);
}

static void test_without_listeners_there_are_no_connections(void **state)
{
    (void)state;
    const struct socket_list none = {.count = 0};
    assert_int_equal(observe_connections(getpid(), &none), 0);
}

static void raise_descriptor_limit(rlim_t wanted)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted) {
        skip();
    }
}

static void test_a_thousand_connections_are_counted(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    raise_descriptor_limit(2 * COUNT + 100);
    static struct pair pairs[COUNT];
    struct endpoint endpoint = make_ipv4("127.0.0.1");
    int listener_fd = open_listener(&endpoint, BACKLOG);
    for (int i = 0; i < COUNT; i++) {
        pairs[i] = open_pair(&endpoint, listener_fd);
    }
    assert_queue(listener_fd, 0, COUNT);
    assert_int_equal(observe_worker(getpid(), listener_fd), COUNT);
    for (int i = 0; i < COUNT; i++) {
        close_pair(&pairs[i]);
    }
    assert_queue(listener_fd, 0, 0);
    close(listener_fd);
}

/* --- when the system does not tell ---------------------------------------------------------------
 */

static void finish_child(int result)
{
    if (result == CHILD_SKIPPED) {
        skip();
    }
    assert_int_equal(result, CHILD_PASSED);
}

struct scene {
    int listener_fd;
    struct pair pair;
    struct endpoint endpoint;
};

static struct scene open_scene(struct endpoint endpoint)
{
    struct scene scene = {.endpoint = endpoint};
    scene.listener_fd = open_listener(&scene.endpoint, BACKLOG);
    scene.pair = open_pair(&scene.endpoint, scene.listener_fd);
    assert_queue(scene.listener_fd, 0, 1);
    return scene;
}

static void close_scene(const struct scene *scene)
{
    close_pair(&scene->pair);
    close(scene->listener_fd);
}

static int observe_without_proc(void *context)
{
    const struct scene *scene = context;
    struct socket_list accepted = {.count = 0};
    if (!hide_proc()) {
        return CHILD_SKIPPED;
    }
    struct diag_listener queue = observe_queue(scene->listener_fd, &accepted);
    bool is_right = queue.waiting == 0 && queue.backlog == BACKLOG && queue.connections == 1 &&
                    observe_connections(getpid(), &accepted) == -1 &&
                    observe_memory(getpid()) == -1;
    socket_list_free(&accepted);
    return is_right ? CHILD_PASSED : CHILD_FAILED;
}

static void test_without_proc_workers_are_unknown_and_queues_are_not(void **state)
{
    (void)state;
    struct scene scene = open_scene(make_ipv4("127.0.0.1"));
    finish_child(run_in_child(observe_without_proc, &scene));
    close_scene(&scene);
}

static int observe_without_netlink(void *context)
{
    const struct scene *scene = context;
    bool is_unix = scene->endpoint.any.sa_family == AF_UNIX;
    struct socket_list accepted = {.count = 0};
    if (!forbid_netlink()) {
        return CHILD_SKIPPED;
    }
    struct diag_listener queue = observe_queue(scene->listener_fd, &accepted);
    bool is_right = queue.waiting == (is_unix ? -1 : 0) &&
                    queue.backlog == (is_unix ? -1 : BACKLOG) && queue.connections == -1 &&
                    accepted.is_partial && observe_connections(getpid(), &accepted) == -1 &&
                    observe_memory(getpid()) > 0;
    socket_list_free(&accepted);
    return is_right ? CHILD_PASSED : CHILD_FAILED;
}

static void test_without_netlink_a_tcp_queue_is_known_and_connections_are_not(void **state)
{
    (void)state;
    struct scene scene = open_scene(make_ipv4("127.0.0.1"));
    finish_child(run_in_child(observe_without_netlink, &scene));
    close_scene(&scene);
}

static void test_without_netlink_a_unix_queue_is_unknown(void **state)
{
    (void)state;
    const struct endpoint any = {.local.sun_family = AF_UNIX, .size = sizeof(sa_family_t)};
    struct scene scene = open_scene(any);
    finish_child(run_in_child(observe_without_netlink, &scene));
    close_scene(&scene);
}

static bool become_nobody(void)
{
    const unsigned nobody = 65534;
    return setresgid(nobody, nobody, nobody) == 0 && setresuid(nobody, nobody, nobody) == 0 &&
           prctl(PR_SET_DUMPABLE, 1) == 0;
}

static int observe_another_users_worker(void *context)
{
    const struct scene *scene = context;
    if (!become_nobody()) {
        return CHILD_SKIPPED;
    }
    return observe(scene->listener_fd).connections == 1 &&
                   observe_worker(getppid(), scene->listener_fd) == -1 &&
                   observe_memory(getppid()) > 0
               ? CHILD_PASSED
               : CHILD_FAILED;
}

static void test_the_connections_of_another_users_worker_are_unknown(void **state)
{
    (void)state;
    struct scene scene = open_scene(make_ipv4("127.0.0.1"));
    finish_child(run_in_child(observe_another_users_worker, &scene));
    close_scene(&scene);
}

/* What root is in many containers. */
static bool drop_ptrace_capability(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (getuid() != 0 || syscall(SYS_capget, &header, data) != 0) {
        return false;
    }
    data[0].effective &= ~(1U << CAP_SYS_PTRACE);
    data[0].permitted &= ~(1U << CAP_SYS_PTRACE);
    return syscall(SYS_capset, &header, data) == 0;
}

static void drop_root(void *context)
{
    (void)context;
    become_nobody();
}

static int observe_worker_that_dropped_root(void *context)
{
    const struct scene *scene = context;
    if (!drop_ptrace_capability()) {
        return CHILD_SKIPPED;
    }
    pid_t worker = fork_worker(drop_root, NULL);
    bool is_right = observe_worker(worker, scene->listener_fd) == -1 &&
                    observe_memory(worker) > 0 && observe_worker(getpid(), scene->listener_fd) == 1;
    end(worker);
    return is_right ? CHILD_PASSED : CHILD_FAILED;
}

static void test_without_ptrace_roots_worker_that_dropped_root_is_unknown(void **state)
{
    (void)state;
    struct scene scene = open_scene(make_ipv4("127.0.0.1"));
    finish_child(run_in_child(observe_worker_that_dropped_root, &scene));
    close_scene(&scene);
}

/* In /proc a zombie belongs to root. */
static int observe_own_worker_with_a_zombie(void *context)
{
    const struct scene *scene = context;
    siginfo_t info;
    if (getuid() == 0 && !become_nobody()) {
        return CHILD_SKIPPED;
    }
    pid_t zombie = fork();
    if (zombie == 0) {
        _exit(0);
    }
    waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT);
    close(scene->pair.server_fd); /* so that the search goes on to the zombie */
    return observe_worker(getpid(), scene->listener_fd) == 0 && observe_memory(getpid()) > 0
               ? CHILD_PASSED
               : CHILD_FAILED;
}

static void test_a_child_that_was_not_reaped_holds_nothing(void **state)
{
    (void)state;
    struct scene scene = open_scene(make_ipv4("127.0.0.1"));
    finish_child(run_in_child(observe_own_worker_with_a_zombie, &scene));
    close_scene(&scene);
}

/* --- memory --------------------------------------------------------------------------------------
 */

static void fork_three(void *context)
{
    char *memory = mmap(NULL, (size_t)(64 * MEBIBYTE), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 'x', (size_t)(64 * MEBIBYTE));
    for (int i = 0; i < 3; i++) {
        fork_worker(do_nothing, context);
    }
}

static void test_memory_that_children_share_counts_once(void **state)
{
    (void)state;
    pid_t worker = fork_worker(fork_three, NULL);
    int64_t memory = observe_memory(worker);
    assert_true(memory >= 64 * MEBIBYTE);
    assert_true(memory < 2 * 64 * MEBIBYTE);
    end_all_below(worker);
}

/* --- processes -----------------------------------------------------------------------------------
 */

static void test_processes_are_listed_from_the_root_down(void **state)
{
    (void)state;
    pid_t worker = fork_worker(fork_holder, NULL);
    struct process_list list;
    assert_int_equal(process_list_below(worker, &list), 0);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.items[0], worker);
    assert_true(process_is_within(list.items[1], worker));
    process_list_free(&list);
    end_all_below(worker);
}

static void test_a_worker_beside_is_not_listed(void **state)
{
    (void)state;
    pid_t worker = fork_worker(do_nothing, NULL);
    pid_t other = fork_worker(do_nothing, NULL);
    struct process_list list;
    assert_int_equal(process_list_below(worker, &list), 0);
    assert_int_equal(list.count, 1);
    process_list_free(&list);
    end(other);
    end(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4_queue),
        cmocka_unit_test(test_ipv4_wildcard_queue),
        cmocka_unit_test(test_ipv6_queue),
        cmocka_unit_test(test_abstract_unix_queue),
        cmocka_unit_test(test_unix_queue),
        cmocka_unit_test(test_a_queue_takes_one_more_than_its_backlog),
        cmocka_unit_test(test_ipv4_clients_of_a_dual_stack_listener_count),
        cmocka_unit_test(test_another_address_with_the_same_port_does_not_count),
        cmocka_unit_test(test_two_unix_sockets_of_one_relative_name_are_told_apart),
        cmocka_unit_test(test_a_connection_counts_until_the_worker_closes_it),
        cmocka_unit_test(test_other_sockets_are_unknown),
        cmocka_unit_test(test_a_worker_has_the_connections_that_it_holds),
        cmocka_unit_test(test_a_worker_that_closed_a_connection_has_it_no_more),
        cmocka_unit_test(test_a_connection_that_parent_and_child_hold_counts_once),
        cmocka_unit_test(test_a_connection_of_a_grandchild_counts),
        cmocka_unit_test(test_connections_of_several_listeners_add_up),
        cmocka_unit_test(test_one_question_is_about_listeners_of_all_kinds),
        cmocka_unit_test(test_a_connection_to_elsewhere_does_not_count),
        cmocka_unit_test(test_a_worker_that_is_gone_is_unknown),
        cmocka_unit_test(test_without_listeners_there_are_no_connections),
        cmocka_unit_test(test_a_thousand_connections_are_counted),
        cmocka_unit_test(test_without_proc_workers_are_unknown_and_queues_are_not),
        cmocka_unit_test(test_without_netlink_a_tcp_queue_is_known_and_connections_are_not),
        cmocka_unit_test(test_without_netlink_a_unix_queue_is_unknown),
        cmocka_unit_test(test_the_connections_of_another_users_worker_are_unknown),
        cmocka_unit_test(test_without_ptrace_roots_worker_that_dropped_root_is_unknown),
        cmocka_unit_test(test_a_child_that_was_not_reaped_holds_nothing),
        cmocka_unit_test(test_memory_that_children_share_counts_once),
        cmocka_unit_test(test_processes_are_listed_from_the_root_down),
        cmocka_unit_test(test_a_worker_beside_is_not_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
