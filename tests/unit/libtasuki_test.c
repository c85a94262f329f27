/*
 * The library for servers, include/tasuki.h: every test hands it an environment and real sockets,
 * as a supervisor would.
 */
#include "tasuki.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_NAME_SIZE 200

/* The sockets of a test. They need no address: the library asks for type and family only. */
struct sockets {
    int tcp;
    int tcp6;
    int udp;
    int unix_stream;
    int pipe[2];
};

static int open_socket(int family, int type)
{
    int fd = socket(family, type, 0);
    assert_true(fd >= 0);
    return fd;
}

static int set_up(void **state)
{
    unsetenv("SERVER_STARTER_PORT");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("SERVER_STARTER_GENERATION");
    unsetenv("NOTIFY_SOCKET");
    struct sockets *sockets = calloc(1, sizeof *sockets);
    assert_non_null(sockets);
    sockets->tcp = open_socket(AF_INET, SOCK_STREAM);
    sockets->tcp6 = open_socket(AF_INET6, SOCK_STREAM);
    sockets->udp = open_socket(AF_INET, SOCK_DGRAM);
    sockets->unix_stream = open_socket(AF_UNIX, SOCK_STREAM);
    assert_int_equal(pipe(sockets->pipe), 0);
    *state = sockets;
    return 0;
}

static int tear_down(void **state)
{
    struct sockets *sockets = *state;
    close(sockets->tcp);
    close(sockets->tcp6);
    close(sockets->udp);
    close(sockets->unix_stream);
    close(sockets->pipe[0]);
    close(sockets->pipe[1]);
    free(sockets);
    return 0;
}

__attribute__((format(printf, 1, 2))) static void set_ports(const char *format, ...)
{
    char *value = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&value, format, arguments);
    va_end(arguments);
    assert_true(length >= 0);
    assert_int_equal(setenv("SERVER_STARTER_PORT", value, 1), 0);
    free(value);
}

/* What tasuki_listeners says about a list that it must refuse. */
static int refusal(void)
{
    struct tasuki_listener untouched;
    struct tasuki_listener *listeners = &untouched;
    int status = tasuki_listeners(&listeners);
    assert_null(listeners);
    return status;
}

static void assert_listener(const struct tasuki_listener *listener, const char *address, int fd,
                            int type, int family)
{
    assert_string_equal(listener->address, address);
    assert_int_equal(listener->fd, fd);
    assert_int_equal(listener->type, type);
    assert_int_equal(listener->family, family);
}

static void assert_only_listener(const char *address, int fd)
{
    struct tasuki_listener *listeners = NULL;
    assert_int_equal(tasuki_listeners(&listeners), 1);
    assert_string_equal(listeners[0].address, address);
    assert_int_equal(listeners[0].fd, fd);
    free(listeners);
}

static void without_a_supervisor_there_are_no_listeners(void **state)
{
    (void)state;
    assert_int_equal(refusal(), 0);
    assert_int_equal(tasuki_listener_find("8080", 0), -ENOENT);
    assert_int_equal(tasuki_listeners_close_on_exec(), 0);
}

static void an_empty_list_has_no_listeners(void **state)
{
    (void)state;
    set_ports("%s", "");
    assert_int_equal(refusal(), 0);
}

static void listeners_come_in_order_with_type_and_family(void **state)
{
    const struct sockets *sockets = *state;
    set_ports("8080=%d;127.0.0.1:53=%d;[::1]:8081=%d;/run/app.sock=%d", sockets->tcp, sockets->udp,
              sockets->tcp6, sockets->unix_stream);

    struct tasuki_listener *listeners = NULL;
    assert_int_equal(tasuki_listeners(&listeners), 4);

    assert_listener(&listeners[0], "8080", sockets->tcp, SOCK_STREAM, AF_INET);
    assert_listener(&listeners[1], "127.0.0.1:53", sockets->udp, SOCK_DGRAM, AF_INET);
    assert_listener(&listeners[2], "[::1]:8081", sockets->tcp6, SOCK_STREAM, AF_INET6);
    assert_listener(&listeners[3], "/run/app.sock", sockets->unix_stream, SOCK_STREAM, AF_UNIX);
    free(listeners);
}

static void a_path_may_hold_the_separators(void **state)
{
    const struct sockets *sockets = *state;
    int fd = sockets->unix_stream;
    set_ports("/run/a=b:8080=%d", fd);
    assert_only_listener("/run/a=b:8080", fd);
    set_ports("/run/a=7x;b=%d", fd);
    assert_only_listener("/run/a=7x;b", fd);
    set_ports("/run/;=%d", fd);
    assert_only_listener("/run/;", fd);
    set_ports("/run/a==%d", fd);
    assert_only_listener("/run/a=", fd);
}

static void a_path_with_a_semicolon_leaves_its_neighbours_alone(void **state)
{
    const struct sockets *sockets = *state;
    set_ports("8080=%d;/run/a;b=%d;[::1]:1=%d", sockets->tcp, sockets->unix_stream, sockets->tcp6);

    struct tasuki_listener *listeners = NULL;
    assert_int_equal(tasuki_listeners(&listeners), 3);

    assert_string_equal(listeners[0].address, "8080");
    assert_string_equal(listeners[1].address, "/run/a;b");
    assert_string_equal(listeners[2].address, "[::1]:1");
    free(listeners);
}

static void a_broken_list_is_refused(void **state)
{
    const struct sockets *sockets = *state;
    static const char *const broken[] = {
        "8080", "8080=", "=", ";", "8080=x", "8080=-1", "8080=+1", "8080= 1", "8080=0x1", "=1",
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        set_ports("%s", broken[i]);
        assert_int_equal(refusal(), -EINVAL);
    }
    set_ports("8080=%d;", sockets->tcp);
    assert_int_equal(refusal(), -EINVAL);
    set_ports("8080=%d;;81=%d", sockets->tcp, sockets->tcp);
    assert_int_equal(refusal(), -EINVAL);
    set_ports("8080=x;9090=%d", sockets->tcp);
    assert_int_equal(refusal(), -EINVAL);
    assert_int_equal(tasuki_listener_find("9090", 0), -EINVAL);
    assert_int_equal(tasuki_listeners_close_on_exec(), -EINVAL);
}

static void a_descriptor_must_be_an_open_socket(void **state)
{
    const struct sockets *sockets = *state;
    set_ports("8080=%d;81=%d", sockets->tcp, sockets->pipe[0]);
    assert_int_equal(refusal(), -ENOTSOCK);
    assert_int_equal(tasuki_listener_find("8080", 0), -ENOTSOCK);

    int closed = dup(sockets->tcp);
    assert_true(closed >= 0);
    close(closed);
    set_ports("8080=%d", closed);
    assert_int_equal(refusal(), -EBADF);
    set_ports("8080=%s", "99999999999999999999");
    assert_int_equal(refusal(), -EBADF);
}

static void a_listener_is_found_by_its_address(void **state)
{
    const struct sockets *sockets = *state;
    set_ports("127.0.0.1:8080=%d;[::1]:8080=%d;/run/app.sock=%d", sockets->tcp, sockets->tcp6,
              sockets->unix_stream);
    assert_int_equal(tasuki_listener_find("127.0.0.1:8080", 0), sockets->tcp);
    assert_int_equal(tasuki_listener_find("[::1]:8080", 0), sockets->tcp6);
    assert_int_equal(tasuki_listener_find("/run/app.sock", SOCK_STREAM), sockets->unix_stream);
    assert_int_equal(tasuki_listener_find("127.0.0.1:808", 0), -ENOENT);
    assert_int_equal(tasuki_listener_find("", 0), -ENOENT);
}

static void a_port_number_finds_the_first_listener_on_it(void **state)
{
    const struct sockets *sockets = *state;
    set_ports("/run/app:8080=%d;[::1]:8080=%d;127.0.0.1:8080=%d;18080=%d", sockets->unix_stream,
              sockets->tcp6, sockets->tcp, sockets->udp);
    assert_int_equal(tasuki_listener_find("8080", 0), sockets->tcp6);
    assert_int_equal(tasuki_listener_find("80", 0), -ENOENT);
}

static void tcp_and_udp_on_one_address_are_told_apart_by_type(void **state)
{
    const struct sockets *sockets = *state;
    set_ports("53=%d;53=%d", sockets->tcp, sockets->udp);
    assert_int_equal(tasuki_listener_find("53", SOCK_DGRAM), sockets->udp);
    assert_int_equal(tasuki_listener_find("53", SOCK_STREAM), sockets->tcp);
    assert_int_equal(tasuki_listener_find("53", 0), sockets->tcp);
    assert_int_equal(tasuki_listener_find("53", SOCK_SEQPACKET), -ENOENT);
}

static void listeners_can_be_marked_close_on_exec(void **state)
{
    const struct sockets *sockets = *state;
    set_ports("8080=%d;[::1]:8080=%d", sockets->tcp, sockets->tcp6);

    assert_int_equal(tasuki_listeners_close_on_exec(), 2);

    assert_int_equal(fcntl(sockets->tcp, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(sockets->tcp6, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(sockets->udp, F_GETFD), 0);
}

static void the_generation_is_a_number_from_one_up(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int generation;
    } cases[] = {
        {"1", 1},
        {"42", 42},
        {"2147483647", 2147483647},
        {"", 0},
        {"0", -EINVAL},
        {"-1", -EINVAL},
        {" 1", -EINVAL},
        {"1 ", -EINVAL},
        {"one", -EINVAL},
        {"1.5", -EINVAL},
        {"0x10", -EINVAL},
        {"2147483648", -ERANGE},
        {"99999999999999999999", -ERANGE},
    };
    assert_int_equal(tasuki_generation(), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(setenv("SERVER_STARTER_GENERATION", cases[i].text, 1), 0);
        assert_int_equal(tasuki_generation(), cases[i].generation);
    }
}

/* A supervisor's end of the notifications, at NAME as NOTIFY_SOCKET spells it. */
static int listen_for_notifications(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    assert_true(length <= sizeof address.sun_path);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = open_socket(AF_UNIX, SOCK_DGRAM);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void assert_received(int fd, const char *expected)
{
    char message[8192];
    ssize_t length = recv(fd, message, sizeof message - 1, MSG_DONTWAIT);
    assert_true(length >= 0);
    message[length] = '\0';
    assert_string_equal(message, expected);
}

static void assert_notifications_arrive(int fd)
{
    assert_int_equal(tasuki_notify_ready(), 1);
    assert_received(fd, "READY=1");
    assert_int_equal(tasuki_notify_stopping(), 1);
    assert_received(fd, "STOPPING=1");
    assert_int_equal(tasuki_notify_status("%d of %s", 3, "four"), 1);
    assert_received(fd, "STATUS=3 of four");
}

static void without_a_supervisor_nobody_is_notified(void **state)
{
    (void)state;
    assert_int_equal(tasuki_notify_ready(), 0);
    assert_int_equal(tasuki_notify_stopping(), 0);
    assert_int_equal(tasuki_notify_status("%s", "well"), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", "", 1), 0);
    assert_int_equal(tasuki_notify_ready(), 0);
}

static void notifications_reach_a_path(void **state)
{
    (void)state;
    char directory[] = "/tmp/libtasuki_test.XXXXXX";
    assert_non_null(mkdtemp(directory));
    char path[sizeof directory + sizeof "/notify"];
    assert_true(snprintf(path, sizeof path, "%s/notify", directory) > 0);
    int fd = listen_for_notifications(path);

    assert_notifications_arrive(fd);

    close(fd);
    assert_int_equal(tasuki_notify_ready(), -ECONNREFUSED);
    unlink(path);
    assert_int_equal(tasuki_notify_ready(), -ENOENT);
    rmdir(directory);
}

static void notifications_reach_an_abstract_name(void **state)
{
    (void)state;
    char name[64];
    assert_true(snprintf(name, sizeof name, "@libtasuki_test/%d", (int)getpid()) > 0);
    int fd = listen_for_notifications(name);

    assert_notifications_arrive(fd);

    close(fd);
    assert_int_equal(tasuki_notify_ready(), -ECONNREFUSED);
}

static void a_name_may_fill_the_address(void **state)
{
    (void)state;
    char name[sizeof((struct sockaddr_un *)0)->sun_path + 1];
    int length = snprintf(name, sizeof name, "@libtasuki_test/%d/", (int)getpid());
    assert_true(length > 0);
    memset(name + length, 'x', sizeof name - 1 - (size_t)length);
    name[sizeof name - 1] = '\0';
    int fd = listen_for_notifications(name);

    assert_notifications_arrive(fd);

    close(fd);
}

static void a_status_stays_one_line_and_is_not_cut(void **state)
{
    (void)state;
    char name[64];
    assert_true(snprintf(name, sizeof name, "@libtasuki_test/%d/status", (int)getpid()) > 0);
    int fd = listen_for_notifications(name);

    assert_int_equal(tasuki_notify_status("%s", "done\nREADY=1\n"), 1);
    assert_received(fd, "STATUS=done READY=1 ");

    char expected[5000] = "STATUS=";
    memset(expected + strlen(expected), 'x', sizeof expected - strlen(expected) - 1);
    assert_int_equal(tasuki_notify_status("%s", expected + strlen("STATUS=")), 1);
    assert_received(fd, expected);

    close(fd);
}

static void a_bad_notify_socket_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(setenv("NOTIFY_SOCKET", "relative/path", 1), 0);
    assert_int_equal(tasuki_notify_ready(), -EAFNOSUPPORT);
    assert_int_equal(setenv("NOTIFY_SOCKET", "vsock:2:1234", 1), 0);
    assert_int_equal(tasuki_notify_ready(), -EAFNOSUPPORT);
    assert_int_equal(setenv("NOTIFY_SOCKET", "@", 1), 0);
    assert_int_equal(tasuki_notify_ready(), -EINVAL);
    char name[LONG_NAME_SIZE];
    memset(name, 'x', sizeof name);
    name[0] = '/';
    name[sizeof name - 1] = '\0';
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    assert_int_equal(tasuki_notify_status("%s", "hello"), -ENAMETOOLONG);
}

static void a_notification_leaves_no_descriptor_behind(void **state)
{
    (void)state;
    int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(lowest);
    char name[64];
    assert_true(snprintf(name, sizeof name, "@libtasuki_test/%d/leak", (int)getpid()) > 0);
    int fd = listen_for_notifications(name);
    assert_int_equal(tasuki_notify_ready(), 1);
    close(fd);
    assert_int_equal(tasuki_notify_ready(), -ECONNREFUSED);

    int again = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(again, lowest);
    close(again);
}

static void set_listen_fds(pid_t pid, const char *count)
{
    char text[32];
    snprintf(text, sizeof text, "%d", pid);
    assert_int_equal(setenv("LISTEN_PID", text, 1), 0);
    assert_int_equal(setenv("LISTEN_FDS", count, 1), 0);
}

/* In a child, where 3 and 4 are free for it. */
static int read_listen_fds_at_3_and_4(const struct sockets *sockets)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 12);
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof loopback;
    char address[128];
    int tcp = fcntl(sockets->tcp, F_DUPFD, 100);
    int local = fcntl(sockets->unix_stream, F_DUPFD, 100);
    snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "tasuki-%04d", getpid() % 10000);
    assert_int_equal(bind(tcp, (struct sockaddr *)&loopback, sizeof loopback), 0);
    assert_int_equal(getsockname(tcp, (struct sockaddr *)&loopback, &size), 0);
    assert_int_equal(bind(local, (struct sockaddr *)&name, length), 0);
    assert_int_equal(dup2(tcp, 3), 3);
    assert_int_equal(dup2(local, 4), 4);
    set_listen_fds(getpid(), "2");

    struct tasuki_listener *listeners = NULL;
    assert_int_equal(tasuki_listeners(&listeners), 2);
    snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(loopback.sin_port));
    assert_listener(&listeners[0], address, 3, SOCK_STREAM, AF_INET);
    snprintf(address, sizeof address, "@%s", name.sun_path + 1);
    assert_listener(&listeners[1], address, 4, SOCK_STREAM, AF_UNIX);
    free(listeners);

    set_listen_fds(getpid(), "many");
    assert_int_equal(refusal(), -EINVAL);
    close(5);
    set_listen_fds(getpid(), "3");
    assert_int_equal(refusal(), -EBADF);
    set_ports("%s", ""); /* a supervisor without sockets has the last word */
    assert_int_equal(refusal(), 0);
    return 0;
}

static void without_the_list_the_sockets_are_those_of_systemd(void **state)
{
    pid_t pid = fork();
    int status = -1;
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(read_listen_fds_at_3_and_4(*state));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void sockets_of_another_process_are_none(void **state)
{
    (void)state;
    set_listen_fds(getpid() + 1, "1");
    assert_int_equal(refusal(), 0);
    unsetenv("LISTEN_PID");
    assert_int_equal(refusal(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_supervisor_there_are_no_listeners, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_empty_list_has_no_listeners, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_list_the_sockets_are_those_of_systemd, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sockets_of_another_process_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listeners_come_in_order_with_type_and_family, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_path_may_hold_the_separators, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_path_with_a_semicolon_leaves_its_neighbours_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_broken_list_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_descriptor_must_be_an_open_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_listener_is_found_by_its_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_number_finds_the_first_listener_on_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(tcp_and_udp_on_one_address_are_told_apart_by_type, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(listeners_can_be_marked_close_on_exec, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_generation_is_a_number_from_one_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_supervisor_nobody_is_notified, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notifications_reach_a_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notifications_reach_an_abstract_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_may_fill_the_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_status_stays_one_line_and_is_not_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_notify_socket_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_notification_leaves_no_descriptor_behind, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("libtasuki", tests, NULL, NULL);
}
