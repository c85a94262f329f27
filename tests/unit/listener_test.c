/*
 * Listeners on internet addresses, with real sockets on the loopback address.
 */
#include "listener_set.h"

#include "scratch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ADDRESSES_MAX 64

/* Opens the sockets of a list of --port values, which ends with a NULL. */
static int open_ports(struct listener_set *set, const char *const *texts, int backlog,
                      struct error *error)
{
    struct address addresses[ADDRESSES_MAX];
    size_t count = 0;
    for (; texts[count] != NULL; count++) {
        assert_true(count < ADDRESSES_MAX);
        assert_int_equal(address_parse_port(texts[count], &addresses[count], error), 0);
        if (endpoint_look_up(&addresses[count], &addresses[count].lookup, error) != 0) {
            return -1;
        }
    }
    return listener_set_open(set, addresses, count, backlog, NULL, error);
}

static void assert_opened(struct listener_set *set, const char *const *texts)
{
    struct error error;
    if (open_ports(set, texts, 0, &error) != 0) {
        fail_msg("%s: %s", texts[0], error.text);
    }
}

static bool has_ipv6(void)
{
    const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6,
                                          .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool works = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof loopback) == 0;
    close(fd);
    return works;
}

static int get_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

/* The port that the system gave a socket of either family. */
static unsigned port_of(int fd)
{
    struct sockaddr_in6 address = {.sin6_port = 0};
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin6_port);
}

static void sockets_listen_in_the_order_of_the_options(void **state)
{
    (void)state;
    static const char *const ports[] = {"127.0.0.1:0", "0", "localhost:0", "127.0.0.1:u0", NULL};
    static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM};
    static const char *const hosts[] = {"127.0.0.1", "0.0.0.0", "127.0.0.1", "127.0.0.1"};
    struct listener_set set;
    assert_opened(&set, ports);

    assert_int_equal(set.count, 4);
    for (int i = 0; i < 4; i++) {
        const struct listener *listener = &set.items[i];
        struct sockaddr_in address = {.sin_port = 0};
        socklen_t size = sizeof address;
        assert_int_equal(listener->worker_fd, 3 + i);
        assert_int_equal(listener->socket_type, types[i]);
        assert_null(listener->path);
        assert_true((fcntl(listener->fd, F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(get_option(listener->fd, SOL_SOCKET, SO_TYPE), types[i]);
        assert_int_equal(get_option(listener->fd, SOL_SOCKET, SO_ACCEPTCONN),
                         types[i] == SOCK_STREAM);
        assert_int_equal(getsockname(listener->fd, (struct sockaddr *)&address, &size), 0);
        assert_string_equal(inet_ntoa(address.sin_addr), hosts[i]);
    }
    listener_set_close(&set);
    assert_int_equal(set.count, 0);
}

static void a_name_tells_the_port_that_was_chosen(void **state)
{
    (void)state;
    static const char *const ports[] = {"0", "127.0.0.1:0", "localhost:0", NULL};
    static const char *const forms[] = {"%u", "127.0.0.1:%u", "localhost:%u"};
    struct listener_set set;
    assert_opened(&set, ports);
    for (int i = 0; i < 3; i++) {
        char expected[64];
        unsigned port = port_of(set.items[i].fd);
        assert_true(port > 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(expected, sizeof expected, forms[i], port);
#pragma GCC diagnostic pop
        assert_string_equal(set.items[i].name, expected);
    }
    listener_set_close(&set);
}

static void descriptors_that_were_asked_for_are_kept_and_the_rest_goes_around_them(void **state)
{
    (void)state;
    static const char *const ports[] = {
        "127.0.0.1:0",    "127.0.0.1:0=4", "127.0.0.1:0", "127.0.0.1:0=0",
        "127.0.0.1:0=90", "127.0.0.1:0",   NULL};
    static const int expected[] = {3, 4, 5, 0, 90, 6};
    struct listener_set set;
    assert_opened(&set, ports);
    assert_int_equal(set.count, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(set.items[i].worker_fd, expected[i]);
        assert_true(set.items[i].fd > STDERR_FILENO);
    }
    assert_int_equal(set.items[4].fd, 90); /* free here, so that nothing has to be moved */
    listener_set_close(&set);
}

static void a_descriptor_that_is_open_here_is_not_closed_for_a_socket(void **state)
{
    (void)state;
    static const char *const ports[] = {"127.0.0.1:0=90", NULL};
    assert_int_equal(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 90), 90);
    struct stat before;
    struct stat after;
    struct listener_set set;
    assert_int_equal(fstat(90, &before), 0);
    assert_opened(&set, ports);
    assert_true(set.items[0].fd != 90);
    assert_int_equal(set.items[0].worker_fd, 90);
    assert_int_equal(fstat(90, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    listener_set_close(&set);
    close(90);
}

static void a_star_is_both_families_on_one_port(void **state)
{
    (void)state;
    if (!has_ipv6()) {
        skip();
    }
    static const char *const ports[] = {"*:0", "127.0.0.1:0", NULL};
    char expected[32];
    struct listener_set set;
    assert_opened(&set, ports);

    assert_int_equal(set.count, 3);
    unsigned port = port_of(set.items[0].fd);
    assert_int_equal(port_of(set.items[1].fd), port);
    assert_int_equal(get_option(set.items[0].fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
    assert_int_equal(get_option(set.items[1].fd, SOL_SOCKET, SO_DOMAIN), AF_INET6);
    snprintf(expected, sizeof expected, "%u", port);
    assert_string_equal(set.items[0].name, expected);
    snprintf(expected, sizeof expected, "[::]:%u", port);
    assert_string_equal(set.items[1].name, expected);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(set.items[i].worker_fd, 3 + i);
    }
    listener_set_close(&set);
}

static void a_star_without_a_port_looks_on_when_ipv6_has_it_already(void **state)
{
    (void)state;
    if (!has_ipv6()) {
        skip();
    }
    /* Each round takes a port that the next one must not end on. */
    static const char *const ports[] = {"*:0", "*:u0", "*:0", "*:0", NULL};
    struct listener_set set;
    assert_opened(&set, ports);
    assert_int_equal(set.count, 8);
    for (int i = 0; i < 8; i += 2) {
        assert_int_equal(port_of(set.items[i].fd), port_of(set.items[i + 1].fd));
    }
    listener_set_close(&set);
}

static void an_ipv6_socket_leaves_ipv4_to_another(void **state)
{
    (void)state;
    if (!has_ipv6()) {
        skip();
    }
    static const char *const first[] = {"[::]:0", "[::1]:0", NULL};
    bool is_opened = false;
    /* Another process may have IPv4's port of the same number: then another number is tried. */
    for (int tries = 0; tries < 50 && !is_opened; tries++) {
        struct listener_set set;
        struct listener_set other;
        struct error error;
        char name[32];
        assert_opened(&set, first);
        snprintf(name, sizeof name, "[::]:%u", port_of(set.items[0].fd));
        assert_string_equal(set.items[0].name, name);
        assert_int_equal(get_option(set.items[0].fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
        assert_int_equal(get_option(set.items[1].fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);

        const char *const second[] = {name + strlen("[::]:"), NULL};
        is_opened = open_ports(&other, second, 0, &error) == 0;
        listener_set_close(&other);
        listener_set_close(&set);
    }
    assert_true(is_opened);
}

/* A TCP server can come back while its old connections linger (TIME_WAIT); a second UDP server
   could take the port away. */
static void an_address_is_reused_for_tcp_only(void **state)
{
    (void)state;
    static const char *const ports[] = {"127.0.0.1:0", "127.0.0.1:u0", NULL};
    struct listener_set set;
    assert_opened(&set, ports);
    assert_int_equal(get_option(set.items[0].fd, SOL_SOCKET, SO_REUSEADDR), 1);
    assert_int_equal(get_option(set.items[1].fd, SOL_SOCKET, SO_REUSEADDR), 0);
    listener_set_close(&set);
}

/* tcp(7): for a listening socket the kernel tells its backlog in this field. */
static unsigned backlog_of(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_sacked;
}

static unsigned system_backlog(void)
{
    char text[32];
    return (unsigned)strtoul(scratch_read("/proc/sys/net/core/somaxconn", text, sizeof text), NULL,
                             10);
}

static void a_backlog_is_the_one_that_was_asked_for(void **state)
{
    (void)state;
    static const char *const ports[] = {"127.0.0.1:0", NULL};
    unsigned most = system_backlog();
    const struct {
        int asked;
        unsigned got;
    } rows[] = {
        {1, 1},
        {7, 7},
        {1 << 20, most},
        {0, most < SOMAXCONN ? most : SOMAXCONN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listener_set set;
        struct error error;
        assert_int_equal(open_ports(&set, ports, rows[i].asked, &error), 0);
        assert_int_equal(backlog_of(set.items[0].fd), rows[i].got);
        listener_set_close(&set);
    }
}

static void assert_in_use(const char *port, const char *description)
{
    const char *const ports[] = {"127.0.0.1:0", port, NULL};
    struct listener_set set;
    struct error error = {""};
    char expected[128];
    snprintf(expected, sizeof expected,
             "cannot listen on %s: address already in use by process %d (", description,
             (int)getpid());
    size_t descriptors = count_open_descriptors();

    assert_int_equal(open_ports(&set, ports, 0, &error), -1);
    assert_text_has(error.text, expected);
    assert_int_equal(set.count, 0);
    assert_int_equal(count_open_descriptors(), descriptors);
}

static void an_address_in_use_names_who_has_it_and_leaves_nothing_open(void **state)
{
    (void)state;
    static const char *const ports[] = {"127.0.0.1:0", "127.0.0.1:u0", "0", NULL};
    struct listener_set set;
    char port[32];
    char description[32];
    assert_opened(&set, ports);

    unsigned number = port_of(set.items[0].fd);
    snprintf(port, sizeof port, "127.0.0.1:%u", number);
    assert_in_use(port, port);
    snprintf(port, sizeof port, "%u", number);
    snprintf(description, sizeof description, "0.0.0.0:%u", number);
    assert_in_use(port, description);

    number = port_of(set.items[1].fd);
    snprintf(port, sizeof port, "127.0.0.1:u%u", number);
    snprintf(description, sizeof description, "127.0.0.1:%u", number);
    assert_in_use(port, description);

    snprintf(port, sizeof port, "localhost:%u", port_of(set.items[2].fd));
    snprintf(description, sizeof description, "127.0.0.1:%u", port_of(set.items[2].fd));
    assert_in_use(port, description);
    listener_set_close(&set);
}

static void an_address_that_cannot_be_had_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *port;
        const char *reason;
    } rows[] = {
        {"[::1%no-such-if]:80", "no network interface 'no-such-if'"},
        {"[::1%]:80", "no network interface ''"},
        {"[::1%0]:80", "no network interface '0'"},
        {"[::1%1x]:80", "no network interface '1x'"},
        {"[1::2::3%lo]:80", "'1::2::3%lo' is not an IPv6 address"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const ports[] = {"127.0.0.1:0", rows[i].port, NULL};
        struct listener_set set;
        struct error error = {""};
        size_t descriptors = count_open_descriptors();
        if (open_ports(&set, ports, 0, &error) != -1) {
            fail_msg("'%s' was opened", rows[i].port);
        }
        assert_text_has(error.text, rows[i].reason);
        assert_int_equal(count_open_descriptors(), descriptors);
    }
}

/* In a child, since a hard limit can only be lowered. */
static _Noreturn void ask_beyond_the_limit(void)
{
    const struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
    struct address address;
    struct listener_set set;
    struct error error;
    bool is_refused = setrlimit(RLIMIT_NOFILE, &limit) == 0 &&
                      address_parse_port("127.0.0.1:0=100", &address, &error) == 0 &&
                      listener_set_open(&set, &address, 1, 0, NULL, &error) != 0;
    _exit(is_refused && strstr(error.text, "descriptor 100 is above the limit") != NULL ? 0 : 1);
}

static void a_descriptor_beyond_the_limit_of_open_files_is_refused(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        ask_beyond_the_limit();
    }
    assert_int_equal(wait_for(pid), 0);
}

static void a_descriptor_can_be_asked_for_once_only(void **state)
{
    (void)state;
    static const char *const ports[] = {"127.0.0.1:0=5", "127.0.0.1:0=5", NULL};
    struct listener_set set;
    struct error error;
    assert_int_equal(open_ports(&set, ports, 0, &error), -1);
    assert_string_equal(error.text, "two sockets ask for descriptor 5");
}

static void sockets_beyond_the_limit_of_open_files_are_refused(void **state)
{
    (void)state;
    const char *ports[41];
    for (int i = 0; i < 40; i++) {
        ports[i] = "127.0.0.1:0";
    }
    ports[40] = NULL;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit small = {.rlim_cur = 60, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    struct listener_set set;
    struct error error;

    int result = open_ports(&set, ports, 0, &error);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(result, -1);
    assert_string_equal(error.text,
                        "40 listeners need 67 descriptors, the limit is 60 (ulimit -n)");
}

static void a_count_has_two_sockets_for_a_star(void **state)
{
    (void)state;
    struct address addresses[3];
    struct error error;
    assert_int_equal(address_parse_port("80", &addresses[0], &error), 0);
    assert_int_equal(address_parse_port("*:80", &addresses[1], &error), 0);
    assert_int_equal(address_parse_path("path", &addresses[2], &error), 0);
    assert_int_equal(listener_count(addresses, 3), 4);
    assert_int_equal(listener_count(addresses, 0), 0);
}

static void no_address_is_an_empty_set(void **state)
{
    (void)state;
    struct listener_set set;
    struct error error;
    assert_int_equal(listener_set_open(&set, NULL, 0, 0, NULL, &error), 0);
    assert_int_equal(set.count, 0);
    listener_set_close(&set);
    listener_set_close(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sockets_listen_in_the_order_of_the_options),
        cmocka_unit_test(a_name_tells_the_port_that_was_chosen),
        cmocka_unit_test(descriptors_that_were_asked_for_are_kept_and_the_rest_goes_around_them),
        cmocka_unit_test(a_descriptor_that_is_open_here_is_not_closed_for_a_socket),
        cmocka_unit_test(a_star_is_both_families_on_one_port),
        cmocka_unit_test(a_star_without_a_port_looks_on_when_ipv6_has_it_already),
        cmocka_unit_test(an_ipv6_socket_leaves_ipv4_to_another),
        cmocka_unit_test(an_address_is_reused_for_tcp_only),
        cmocka_unit_test(a_backlog_is_the_one_that_was_asked_for),
        cmocka_unit_test(an_address_in_use_names_who_has_it_and_leaves_nothing_open),
        cmocka_unit_test(an_address_that_cannot_be_had_is_said),
        cmocka_unit_test(a_descriptor_beyond_the_limit_of_open_files_is_refused),
        cmocka_unit_test(a_descriptor_can_be_asked_for_once_only),
        cmocka_unit_test(sockets_beyond_the_limit_of_open_files_are_refused),
        cmocka_unit_test(a_count_has_two_sockets_for_a_star),
        cmocka_unit_test(no_address_is_an_empty_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
