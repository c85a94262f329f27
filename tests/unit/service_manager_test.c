/*
 * The service manager: whether it is found, what reaches it, and what its store gets.
 */
#include "service_manager.h"

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FLOOR 20

/* What the manager's end was sent: the text, and the descriptor that came along (-1: none). */
struct received {
    char text[512];
    int fd;
};

static int listen_as_manager(void)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "notify"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void receive(int fd, struct received *received)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {.iov_base = received->text, .iov_len = sizeof received->text - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    assert_true(size >= 0);
    received->text[size] = '\0';
    received->fd = -1;
    if (CMSG_FIRSTHDR(&message) != NULL) {
        memcpy(&received->fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received->fd);
    }
}

static void assert_receives(int fd, const char *text)
{
    struct received received;
    receive(fd, &received);
    assert_string_equal(received.text, text);
    assert_int_equal(received.fd, -1);
}

static void assert_found(struct service_manager *manager)
{
    struct error error;
    char path[PATH_MAX];
    assert_non_null(getcwd(path, sizeof path - 8));
    memcpy(path + strlen(path), "/notify", sizeof "/notify");
    setenv("NOTIFY_SOCKET", path, 1);
    assert_int_equal(service_manager_open(manager, FLOOR, &error), 0);
    assert_true(manager->fd >= FLOOR);
    assert_int_equal(fcntl(manager->fd, F_GETFD), FD_CLOEXEC);
}

static void without_a_service_manager_nothing_is_said_and_nothing_fails(void **state)
{
    (void)state;
    struct service_manager manager;
    struct error error;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(service_manager_open(&manager, FLOOR, &error), 0);
    assert_int_equal(manager.fd, -1);
    assert_int_equal(service_manager_tell(&manager, "READY=1", &error), 0);
    assert_int_equal(service_manager_store(&manager, 0, "name", &error), 0);
    assert_int_equal(service_manager_store_marker(&manager, &error), 0);
    assert_false(service_manager_keeps(&manager));
    service_manager_close(&manager);
}

static void it_is_told_and_no_child_can_speak_in_the_supervisors_name(void **state)
{
    (void)state;
    int end = listen_as_manager();
    struct service_manager manager;
    struct error error;
    setenv("WATCHDOG_USEC", "3000000", 1);
    unsetenv("WATCHDOG_PID");
    assert_found(&manager);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_int_equal(manager.watchdog_us, 3000000);
    assert_int_equal(service_manager_tell(&manager, "READY=1\nSTATUS=well", &error), 0);
    assert_receives(end, "READY=1\nSTATUS=well");
    service_manager_close(&manager);
    close(end);
}

static void a_watchdog_of_another_process_is_not_ours(void **state)
{
    (void)state;
    int end = listen_as_manager();
    struct service_manager manager;
    char pid[32];
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    assert_found(&manager);
    assert_int_equal(manager.watchdog_us, 0);
    assert_null(getenv("WATCHDOG_PID"));
    service_manager_close(&manager);

    setenv("WATCHDOG_USEC", "3000000", 1);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_found(&manager);
    assert_int_equal(manager.watchdog_us, 3000000);
    service_manager_close(&manager);

    setenv("WATCHDOG_USEC", "soon", 1);
    assert_found(&manager);
    assert_int_equal(manager.watchdog_us, 0);
    service_manager_close(&manager);
    close(end);
}

static void an_abstract_socket_is_spoken_to_as_well(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof address;
    char name[sizeof address.sun_path] = "@";
    struct service_manager manager;
    struct error error;
    int end = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(end, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    assert_int_equal(getsockname(end, (struct sockaddr *)&address, &size), 0);
    memcpy(name + 1, address.sun_path + 1, size - offsetof(struct sockaddr_un, sun_path) - 1);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(service_manager_open(&manager, FLOOR, &error), 0);
    assert_int_equal(service_manager_tell(&manager, "STATUS=here", &error), 0);
    assert_receives(end, "STATUS=here");
    service_manager_close(&manager);
    close(end);
}

static void what_is_no_address_is_refused_with_its_name(void **state)
{
    (void)state;
    static const char *const wrong[] = {"relative/path", "vsock:2:1234", "@", "/"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct service_manager manager;
        struct error error;
        setenv("NOTIFY_SOCKET", wrong[i], 1);
        assert_int_equal(service_manager_open(&manager, FLOOR, &error), -1);
        assert_text_has(error.text, "NOTIFY_SOCKET: expected a path or @NAME");
        assert_int_equal(manager.fd, -1);
        assert_null(getenv("NOTIFY_SOCKET"));
    }
    char too_long[200];
    memset(too_long, 'x', sizeof too_long);
    too_long[0] = '/';
    too_long[sizeof too_long - 1] = '\0';
    struct service_manager manager;
    struct error error;
    setenv("NOTIFY_SOCKET", too_long, 1);
    assert_int_equal(service_manager_open(&manager, FLOOR, &error), -1);
    assert_text_has(error.text, "too long");
}

static void one_that_is_gone_is_named(void **state)
{
    (void)state;
    struct service_manager manager;
    struct error error;
    close(listen_as_manager());
    assert_found(&manager);
    assert_int_equal(service_manager_tell(&manager, "READY=1", &error), -1);
    assert_text_has(error.text, "/notify: Connection refused");
    service_manager_close(&manager);
}

static void one_that_does_not_read_is_not_waited_for(void **state)
{
    (void)state;
    int end = listen_as_manager();
    struct service_manager manager;
    struct error error;
    int result = 0;
    assert_found(&manager);
    for (int i = 0; result == 0 && i < 100000; i++) {
        result = service_manager_tell(&manager, "STATUS=again and again", &error);
    }
    assert_int_equal(result, -1);
    assert_int_equal(errno, EAGAIN);
    service_manager_close(&manager);
    close(end);
}

static void the_store_gets_sockets_with_their_names(void **state)
{
    (void)state;
    int end = listen_as_manager();
    struct service_manager manager;
    struct received received;
    struct error error;
    int sockets[2];
    assert_found(&manager);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    assert_int_equal(service_manager_store(&manager, sockets[0], "tasuki,tcp,80", &error), 0);
    receive(end, &received);
    assert_string_equal(received.text, "FDSTORE=1\nFDPOLL=0\nFDNAME=tasuki,tcp,80");
    assert_true(received.fd >= 0);
    assert_int_equal(write(received.fd, "x", 1), 1);
    char byte;
    assert_int_equal(read(sockets[1], &byte, 1), 1);
    assert_int_equal(service_manager_unstore(&manager, "tasuki,tcp,80", &error), 0);
    assert_receives(end, "FDSTOREREMOVE=1\nFDNAME=tasuki,tcp,80");
    close(received.fd);
    close(sockets[0]);
    close(sockets[1]);
    service_manager_close(&manager);
    close(end);
}

static void the_marker_tells_whether_the_store_keeps_what_it_gets(void **state)
{
    (void)state;
    int end = listen_as_manager();
    struct service_manager manager;
    struct received received;
    struct error error;
    assert_found(&manager);
    assert_false(service_manager_keeps(&manager));
    assert_int_equal(service_manager_store_marker(&manager, &error), 0);
    assert_true(service_manager_keeps(&manager)); /* nobody has refused it yet */
    receive(end, &received);
    assert_true(received.fd >= 0);
    assert_true(service_manager_keeps(&manager));
    assert_int_equal(service_manager_store_marker(&manager, &error), 0);
    assert_int_equal(recv(end, received.text, sizeof received.text, 0), -1); /* once is enough */
    close(received.fd);
    assert_false(service_manager_keeps(&manager));
    service_manager_close(&manager);
    close(end);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(without_a_service_manager_nothing_is_said_and_nothing_fails),
        IN_SCRATCH(it_is_told_and_no_child_can_speak_in_the_supervisors_name),
        IN_SCRATCH(a_watchdog_of_another_process_is_not_ours),
        IN_SCRATCH(an_abstract_socket_is_spoken_to_as_well),
        IN_SCRATCH(what_is_no_address_is_refused_with_its_name),
        IN_SCRATCH(one_that_is_gone_is_named),
        IN_SCRATCH(one_that_does_not_read_is_not_waited_for),
        IN_SCRATCH(the_store_gets_sockets_with_their_names),
        IN_SCRATCH(the_marker_tells_whether_the_store_keeps_what_it_gets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
