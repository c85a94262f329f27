/*
 * Who has an address: the answers about this very process, which are known.
 */
#include "socket_owner.h"

#include "scratch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static int bind_ipv4(int type, in_addr_t host, struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

/* -1 when there is no IPv6. Dual: it takes IPv4's connections, too. */
static int bind_ipv6(bool is_dual, struct in6_addr host, struct sockaddr_in6 *address)
{
    socklen_t size = sizeof *address;
    const int v6only = !is_dual;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = host};
    if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) != 0 ||
        bind(fd, (struct sockaddr *)address, size) != 0 || listen(fd, 1) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static socklen_t length_of(const struct sockaddr *address)
{
    return address->sa_family == AF_UNIX
               ? (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                             strlen(((const struct sockaddr_un *)(const void *)address)->sun_path) +
                             1)
           : address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                            : sizeof(struct sockaddr_in);
}

static void assert_is_ours(const void *address, int type)
{
    char owner[256];
    char name[64];
    char expected[128];
    scratch_read("/proc/self/comm", name, sizeof name);
    name[strcspn(name, "\n")] = '\0';
    snprintf(expected, sizeof expected, "process %d (%s)", (int)getpid(), name);
    assert_true(socket_owner_describe(address, length_of(address), type, owner, sizeof owner));
    assert_string_equal(owner, expected);
}

/* Some other process may have the same port in another protocol; this one has not. */
static void assert_not_ours(const void *address, int type)
{
    char owner[256] = "";
    char ours[64];
    snprintf(ours, sizeof ours, "process %d (", (int)getpid());
    if (socket_owner_describe(address, length_of(address), type, owner, sizeof owner) &&
        strncmp(owner, ours, strlen(ours)) == 0) {
        fail_msg("it is said to be of %s", owner);
    }
}

static void a_tcp_listener_is_found(void **state)
{
    (void)state;
    struct sockaddr_in address;
    int fd = bind_ipv4(SOCK_STREAM, INADDR_LOOPBACK, &address);
    assert_int_equal(listen(fd, 1), 0);
    assert_is_ours(&address, SOCK_STREAM);
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    assert_is_ours(&address, SOCK_STREAM);
    assert_not_ours(&address, SOCK_DGRAM);
    close(fd);
    assert_not_ours(&address, SOCK_STREAM);
}

static void a_wildcard_stands_in_the_way_of_every_address(void **state)
{
    (void)state;
    struct sockaddr_in address;
    int fd = bind_ipv4(SOCK_STREAM, INADDR_ANY, &address);
    assert_int_equal(listen(fd, 1), 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_is_ours(&address, SOCK_STREAM);
    close(fd);
}

static void another_address_is_not_in_the_way(void **state)
{
    (void)state;
    struct sockaddr_in address;
    int fd = bind_ipv4(SOCK_STREAM, INADDR_LOOPBACK, &address);
    assert_int_equal(listen(fd, 1), 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    assert_not_ours(&address, SOCK_STREAM);
    close(fd);
}

static void a_udp_socket_is_found(void **state)
{
    (void)state;
    struct sockaddr_in address;
    int fd = bind_ipv4(SOCK_DGRAM, INADDR_LOOPBACK, &address);
    assert_is_ours(&address, SOCK_DGRAM);
    assert_not_ours(&address, SOCK_STREAM);
    close(fd);
}

static void an_ipv6_listener_is_found(void **state)
{
    (void)state;
    struct sockaddr_in6 address;
    int fd = bind_ipv6(false, in6addr_loopback, &address);
    if (fd < 0) {
        skip();
    }
    assert_is_ours(&address, SOCK_STREAM);
    close(fd);
}

static void a_listener_for_both_families_stands_in_the_way_of_ipv4(void **state)
{
    (void)state;
    struct sockaddr_in6 dual;
    int fd = bind_ipv6(true, in6addr_any, &dual);
    if (fd < 0) {
        skip();
    }
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = dual.sin6_port,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_is_ours(&address, SOCK_STREAM);
    close(fd);
}

static void an_ipv6_listener_alone_does_not_stand_in_the_way_of_ipv4(void **state)
{
    (void)state;
    struct sockaddr_in6 other;
    int fd = bind_ipv6(false, in6addr_loopback, &other);
    if (fd < 0) {
        skip();
    }
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = other.sin6_port,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_not_ours(&address, SOCK_STREAM);
    close(fd);
}

static void a_unix_socket_is_found_by_its_path(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/a b.sock", (const char *)*state);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_is_ours(&address, SOCK_STREAM);
    close(fd);
    assert_not_ours(&address, SOCK_STREAM);
}

static void a_listener_at_the_mapped_address_stands_in_the_way_of_ipv4(void **state)
{
    (void)state;
    const struct in6_addr mapped = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    struct sockaddr_in6 other;
    int fd = bind_ipv6(true, mapped, &other);
    if (fd < 0) {
        skip();
    }
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = other.sin6_port,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_is_ours(&address, SOCK_STREAM);
    close(fd);
}

/* The kernel lists such a connection with the listener's path, in no certain order. */
static void a_connection_that_waits_does_not_hide_the_listener(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%d.sock", i);
        int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(server, 1), 0);
        assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
        assert_is_ours(&address, SOCK_STREAM);
        close(client);
        close(server);
    }
}

/* An abstract address: a NUL and the name behind it. */
static socklen_t make_abstract(struct sockaddr_un *address, const char *name)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length =
        snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "%s-%d", name, (int)getpid());
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static int listen_at(const void *address, socklen_t length, int type)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, address, length), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

/* Sends a descriptor, which nobody has open then until it is received. */
static void send_away(int channel, int fd)
{
    char byte = 0;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof fd)];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    assert_int_equal(sendmsg(channel, &message, 0), 1);
    close(fd);
}

/* Such a connection has the listener's path and an inode, but the process that had it open may have
   closed it a moment ago; the kernel lists them in no certain order. */
static void an_accepted_connection_is_not_taken_for_the_listener(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%d.sock", i);
        int channel[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, channel), 0);
        int server = listen_at(&address, sizeof address, SOCK_STREAM);
        int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
        int accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        assert_true(accepted >= 0);
        send_away(channel[0], accepted);
        assert_is_ours(&address, SOCK_STREAM);
        close(server);
        assert_not_ours(&address, SOCK_STREAM);
        close(client);
        close(channel[0]);
        close(channel[1]);
    }
}

static void a_unix_socket_is_found_by_any_spelling_of_its_path(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "other.sock"};
    int fd = listen_at(&address, sizeof address, SOCK_SEQPACKET);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/./other.sock", (const char *)*state);
    assert_is_ours(&address, SOCK_SEQPACKET);
    close(fd);
}

static void an_abstract_socket_is_found_among_those_of_its_type(void **state)
{
    (void)state;
    char owner[256] = "";
    struct sockaddr_un address;
    socklen_t length = make_abstract(&address, "tasuki-owner");
    int fd = listen_at(&address, length, SOCK_SEQPACKET);
    assert_true(socket_owner_describe((struct sockaddr *)&address, length, SOCK_SEQPACKET, owner,
                                      sizeof owner));
    assert_false(socket_owner_describe((struct sockaddr *)&address, length, SOCK_STREAM, owner,
                                       sizeof owner));
    assert_false(socket_owner_describe((struct sockaddr *)&address, length - 1, SOCK_SEQPACKET,
                                       owner, sizeof owner));
    close(fd);
}

/* Asks as somebody who may not look into this process. Exits with 0 if it is named all the same. */
static _Noreturn void ask_as_a_stranger(const struct sockaddr_un *address, socklen_t length)
{
    char owner[256] = "";
    char expected[64];
    snprintf(expected, sizeof expected, "process %d (", (int)getppid());
    bool is_named = setuid(65534) == 0 &&
                    socket_owner_describe((const struct sockaddr *)address, length, SOCK_STREAM,
                                          owner, sizeof owner) &&
                    strncmp(owner, expected, strlen(expected)) == 0;
    _exit(is_named ? 0 : 1);
}

static void a_stranger_is_told_who_made_a_unix_socket_listen(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    struct sockaddr_un address;
    socklen_t length = make_abstract(&address, "tasuki-stranger");
    int fd = listen_at(&address, length, SOCK_STREAM);
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(fd); /* or it would be this child's, too */
        ask_as_a_stranger(&address, length);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(fd);
}

static void a_udp_socket_is_found_connected_or_not(void **state)
{
    (void)state;
    struct sockaddr_in address;
    struct sockaddr_in other;
    int fd = bind_ipv4(SOCK_DGRAM, INADDR_ANY, &address);
    int connected = bind_ipv4(SOCK_DGRAM, INADDR_LOOPBACK, &other);
    assert_int_equal(connect(connected, (struct sockaddr *)&address, sizeof address), 0);
    assert_is_ours(&address, SOCK_DGRAM);
    assert_is_ours(&other, SOCK_DGRAM);
    close(connected);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tcp_listener_is_found),
        cmocka_unit_test(a_wildcard_stands_in_the_way_of_every_address),
        cmocka_unit_test(another_address_is_not_in_the_way),
        cmocka_unit_test(a_udp_socket_is_found),
        cmocka_unit_test(an_ipv6_listener_is_found),
        cmocka_unit_test(a_listener_for_both_families_stands_in_the_way_of_ipv4),
        cmocka_unit_test(an_ipv6_listener_alone_does_not_stand_in_the_way_of_ipv4),
        cmocka_unit_test(a_listener_at_the_mapped_address_stands_in_the_way_of_ipv4),
        cmocka_unit_test(a_udp_socket_is_found_connected_or_not),
        cmocka_unit_test(an_abstract_socket_is_found_among_those_of_its_type),
        cmocka_unit_test(a_stranger_is_told_who_made_a_unix_socket_listen),
        cmocka_unit_test_setup_teardown(an_accepted_connection_is_not_taken_for_the_listener,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test_setup_teardown(a_unix_socket_is_found_by_any_spelling_of_its_path,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test_setup_teardown(a_connection_that_waits_does_not_hide_the_listener,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test_setup_teardown(a_unix_socket_is_found_by_its_path, scratch_enter,
                                        scratch_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
