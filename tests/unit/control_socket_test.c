/*
 * The control socket's file, in a directory that another user may write to.
 */
#include "control_socket.h"

#include "scratch.h"

#include <sys/socket.h>
#include <sys/syscall.h>

enum { STRANGER = 65534 };

/* What another user puts in the socket's place in the moment after it was made. */
static const char *exchanged_for;

/* Goes before the C library's. */
int bind_and_exchange(int fd, const struct sockaddr *address, socklen_t length) __asm__("bind");

int bind_and_exchange(int fd, const struct sockaddr *address, socklen_t length)
{
    long result = syscall(SYS_bind, fd, address, length);
    if (exchanged_for != NULL) {
        assert_int_equal(unlink("socket"), 0);
        assert_int_equal(symlink(exchanged_for, "socket"), 0);
    }
    return (int)result;
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

/* chmod(2) went through it: a file of root's lost its rights. */
static void a_link_in_its_place_is_not_followed(void **state)
{
    (void)state;
    struct control_socket socket;
    scratch_write("file", "text\n");
    assert_int_equal(chmod("file", 0644), 0);
    exchanged_for = "file";
    (void)control_socket_open(&socket, "socket", NULL);
    exchanged_for = NULL;
    control_socket_close(&socket);
    assert_int_equal(mode_of("file"), 0644);
    assert_file_holds("file", "text\n");
}

static void it_is_its_users_alone(void **state)
{
    (void)state;
    static const mode_t masks[] = {0, 022, 0777};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct control_socket socket;
        mode_t before = umask(masks[i]);
        int result = control_socket_open(&socket, "socket", NULL);
        assert_int_equal(umask(before), masks[i]);
        assert_int_equal(result, 0);
        assert_int_equal(mode_of("socket"), 0600);
        assert_true((fcntl(socket.fd, F_GETFD) & FD_CLOEXEC) != 0);
        control_socket_close(&socket);
        assert_missing("socket");
    }
}

static void leave_stale(uid_t user)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(chown("socket", user, user), 0);
}

static void one_of_a_dead_supervisor_is_replaced_and_another_users_stays(void **state)
{
    (void)state;
    struct control_socket socket;
    struct error error;
    leave_stale(geteuid());
    assert_int_equal(control_socket_open(&socket, "socket", &error), 0);
    control_socket_close(&socket);
    if (geteuid() != 0) {
        skip();
    }
    leave_stale(STRANGER);
    assert_int_equal(control_socket_open(&socket, "socket", &error), -1);
    assert_text_has(error.text, "control socket socket: it belongs to user 65534 (expected");
    assert_exists("socket");
}

static void its_directory_is_not_behind_another_users_link(void **state)
{
    (void)state;
    struct control_socket socket;
    struct error error;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(mkdir("private", 0700), 0);
    assert_int_equal(symlink("private", "link"), 0);
    assert_int_equal(lchown("link", STRANGER, STRANGER), 0);
    assert_int_equal(control_socket_open(&socket, "link/socket", &error), -1);
    assert_text_has(error.text, "a link of user 65534 leads to private of user 0");
    assert_missing("private/socket");
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_link_in_its_place_is_not_followed),
        IN_SCRATCH(it_is_its_users_alone),
        IN_SCRATCH(one_of_a_dead_supervisor_is_replaced_and_another_users_stays),
        IN_SCRATCH(its_directory_is_not_behind_another_users_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
