/*
 * What workers say on their notification socket: by whom it is said, what of it is understood, and
 * that nothing of it does any harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "duration.h"
#include "notify.h"
#include "sandbox.h"
#include "tasuki.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* So long a test waits for what is sure to come. */
#define PATIENCE_MS 30000

static int set_up(void **state)
{
    struct notify_socket *notify = malloc(sizeof *notify);
    struct error error;
    assert_non_null(notify);
    assert_int_equal(notify_open(notify, &error), 0);
    *state = notify;
    return 0;
}

static int tear_down(void **state)
{
    notify_close(*state);
    free(*state);
    return 0;
}

/* --- sending -------------------------------------------------------------------------------------
 */

static bool send_bytes(const char *name, const char *text, size_t size, int passed_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)text, .iov_len = size};
    struct msghdr header = {.msg_name = &address,
                            .msg_namelen =
                                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)),
                            .msg_iov = &part,
                            .msg_iovlen = 1};
    if (passed_fd >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(sizeof passed_fd);
        memcpy(CMSG_DATA(item), &passed_fd, sizeof passed_fd);
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_sent = fd >= 0 && sendmsg(fd, &header, MSG_NOSIGNAL) == (ssize_t)size;
    close(fd);
    return is_sent;
}

static bool send_text(const struct notify_socket *notify, const char *text)
{
    return send_bytes(notify->address, text, strlen(text), -1);
}

/* A process that says it, and stays until it is ended. */
static pid_t fork_sender(const struct notify_socket *notify, const char *text)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        bool is_sent = send_text(notify, text);
        while (is_sent) {
            pause();
        }
        _exit(1);
    }
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* --- receiving -----------------------------------------------------------------------------------
 */

static struct notify_message receive(const struct notify_socket *notify)
{
    struct notify_message message;
    struct pollfd readable = {.fd = notify->fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
    assert_int_equal(notify_receive(notify, &message), 1);
    return message;
}

static void assert_says_nothing(const struct notify_message *message)
{
    const struct notify_message nothing = {.sender = message->sender};
    assert_int_equal(message->ready, nothing.ready);
    assert_int_equal(message->stopping, nothing.stopping);
    assert_int_equal(message->watchdog, nothing.watchdog);
    assert_int_equal(message->watchdog_trigger, nothing.watchdog_trigger);
    assert_int_equal(message->has_status, nothing.has_status);
    assert_string_equal(message->status, "");
    assert_int_equal(message->extend_ms, 0);
    assert_int_equal(message->watchdog_ms, 0);
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

/* --- the socket ----------------------------------------------------------------------------------
 */

static void test_socket_has_an_abstract_name_of_its_own(void **state)
{
    const struct notify_socket *notify = *state;
    struct notify_socket other;
    assert_int_equal(notify_open(&other, NULL), 0);
    assert_int_equal(notify->address[0], '@');
    assert_true(strlen(notify->address) > 1);
    assert_string_not_equal(notify->address, other.address);
    notify_close(&other);
    assert_int_equal(other.fd, -1);
}

static void test_socket_is_not_inherited_and_never_blocks(void **state)
{
    const struct notify_socket *notify = *state;
    struct notify_message message;
    assert_int_equal(fcntl(notify->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(notify_receive(notify, &message), 0);
    assert_says_nothing(&message);
}

static void test_receiving_from_a_broken_descriptor_is_an_error(void **state)
{
    (void)state;
    const struct notify_socket none = {.fd = -1};
    struct notify_message message;
    assert_int_equal(notify_receive(&none, &message), -1);
}

static void test_a_message_has_its_sender(void **state)
{
    const struct notify_socket *notify = *state;
    pid_t worker = fork_sender(notify, "READY=1\nSTATUS=up");
    struct notify_message message = receive(notify);
    assert_int_equal(message.sender, worker);
    assert_true(message.ready);
    assert_string_equal(message.status, "up");
    assert_true(process_is_within(message.sender, worker));
    end(worker);
}

static void test_thousands_of_messages_come_in_their_order(void **state)
{
    const int count = 3000;
    const struct notify_socket *notify = *state;
    pid_t worker = fork();
    if (worker == 0) {
        for (int i = 0; i < count; i++) {
            char text[64];
            snprintf(text, sizeof text, "WATCHDOG=1\nSTATUS=%d", i);
            if (!send_text(notify, text)) {
                _exit(1);
            }
        }
        _exit(0);
    }
    for (int i = 0; i < count; i++) {
        struct notify_message message = receive(notify);
        assert_true(message.watchdog);
        assert_int_equal(strtol(message.status, NULL, 10), i);
    }
    int status;
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
}

static void test_4096_bytes_are_taken_and_more_are_not(void **state)
{
    const struct notify_socket *notify = *state;
    char text[5000];
    memset(text, 'x', sizeof text);
    memcpy(text, "READY=1\nSTATUS=", strlen("READY=1\nSTATUS="));

    assert_true(send_bytes(notify->address, text, 4096, -1));
    assert_true(send_bytes(notify->address, text, 4097, -1));
    struct notify_message longest = receive(notify);
    struct notify_message too_long = receive(notify);

    assert_int_equal(longest.sender, getpid());
    assert_true(longest.ready);
    assert_int_equal(strlen(longest.status), NOTIFY_STATUS_SIZE - 1);
    assert_int_equal(too_long.sender, 0);
    assert_says_nothing(&too_long);
}

static void test_a_message_that_says_nothing_is_nobodys(void **state)
{
    const struct notify_socket *notify = *state;
    static const char *const texts[] = {"", "\n", "MAINPID=1", "RELOADING=1", "READY=", "hello"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_true(send_text(notify, texts[i]));
        struct notify_message message = receive(notify);
        assert_says_nothing(&message);
        assert_int_equal(message.sender, 0);
    }
}

static void test_descriptors_that_come_along_are_closed(void **state)
{
    const struct notify_socket *notify = *state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(send_bytes(notify->address, "BARRIER=1", strlen("BARRIER=1"), ends[1]));
    close(ends[1]);
    struct pollfd barrier = {.fd = ends[0]};
    int before = count_descriptors();

    assert_int_equal(poll(&barrier, 1, 0), 0);
    struct notify_message message = receive(notify);
    assert_int_equal(poll(&barrier, 1, PATIENCE_MS), 1);

    assert_int_equal(barrier.revents & POLLHUP, POLLHUP);
    assert_int_equal(message.sender, 0);
    assert_says_nothing(&message);
    assert_int_equal(count_descriptors(), before);
    close(ends[0]);
}

static void test_hundreds_of_descriptors_are_closed_too(void **state)
{
    const struct notify_socket *notify = *state;
    int before = count_descriptors();
    for (int i = 0; i < 300; i++) {
        assert_true(send_bytes(notify->address, "FDSTORE=1\nREADY=1", 17, STDIN_FILENO));
        assert_true(receive(notify).ready);
    }
    assert_int_equal(count_descriptors(), before);
}

/* --- who says it ---------------------------------------------------------------------------------
 */

static void test_a_grandchild_speaks_for_the_worker(void **state)
{
    const struct notify_socket *notify = *state;
    pid_t worker = fork();
    if (worker == 0) {
        fork_sender(notify, "READY=1");
        while (true) {
            pause();
        }
    }
    struct notify_message message = receive(notify);
    assert_int_not_equal(message.sender, worker);
    assert_true(process_is_within(message.sender, worker));
    kill(message.sender, SIGKILL);
    end(worker);
}

static void test_a_process_beside_the_worker_does_not(void **state)
{
    const struct notify_socket *notify = *state;
    pid_t worker = fork_sender(notify, "STATUS=starting");
    assert_int_equal(receive(notify).sender, worker);
    pid_t stranger = fork_sender(notify, "READY=1");
    struct notify_message message = receive(notify);
    assert_int_equal(message.sender, stranger);
    assert_false(process_is_within(message.sender, worker));
    assert_false(process_is_within(getpid(), worker));
    end(stranger);
    end(worker);
}

/* Waits until it has ended, and leaves it to be reaped. */
static void wait_for_end(pid_t pid)
{
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void test_a_sender_that_is_dead_counts_until_it_is_reaped(void **state)
{
    const struct notify_socket *notify = *state;
    pid_t sender = fork();
    if (sender == 0) {
        _exit(!send_text(notify, "READY=1"));
    }
    wait_for_end(sender);
    struct notify_message message = receive(notify);
    assert_int_equal(message.sender, sender);
    assert_true(process_is_within(message.sender, getpid()));
    assert_true(process_has_ended(sender));
    assert_int_equal(waitpid(sender, NULL, 0), sender);
    assert_false(process_is_within(message.sender, getpid()));
}

static void test_a_sender_that_was_reaped_before_reading_is_still_named(void **state)
{
    const struct notify_socket *notify = *state;
    pid_t sender = fork();
    if (sender == 0) {
        _exit(!send_text(notify, "READY=1"));
    }
    assert_int_equal(waitpid(sender, NULL, 0), sender);
    struct notify_message message = receive(notify);
    assert_int_equal(message.sender, sender);
    assert_false(process_is_within(message.sender, getpid()));
}

static void test_no_process_is_within_nobody(void **state)
{
    (void)state;
    assert_false(process_is_within(0, getpid()));
    assert_false(process_is_within(-1, getpid()));
    assert_false(process_is_within(0, 0));
    assert_false(process_is_within(getpid(), 0));
    assert_false(process_is_within(getpid(), -1));
    assert_true(process_is_within(getpid(), getpid()));
    assert_true(process_is_within(getpid(), getppid()));
    assert_false(process_is_within(getppid(), getpid()));
}

static void test_a_name_that_looks_like_proc_stat_misleads_nobody(void **state)
{
    const struct notify_socket *notify = *state;
    pid_t worker = fork();
    if (worker == 0) {
        prctl(PR_SET_NAME, "a) R 1 (b) S 1");
        bool is_sent = send_text(notify, "READY=1");
        while (is_sent) {
            pause();
        }
        _exit(1);
    }
    struct notify_message message = receive(notify);
    assert_int_equal(message.sender, worker);
    assert_true(process_is_within(worker, getpid()));
    assert_false(process_has_ended(worker));
    end(worker);
}

static void finish_child(int result)
{
    if (result == CHILD_SKIPPED) {
        skip();
    }
    assert_int_equal(result, CHILD_PASSED);
}

static int send_from_pid_namespace(void *context)
{
    if (!enter_pid_namespace()) {
        return CHILD_SKIPPED;
    }
    fork_sender(context, "READY=1");
    while (true) {
        pause();
    }
}

static void test_a_sender_in_a_pid_namespace_below_is_known_by_its_number_here(void **state)
{
    const struct notify_socket *notify = *state;
    pid_t worker = fork();
    if (worker == 0) {
        _exit(send_from_pid_namespace(*state));
    }
    struct pollfd readable = {.fd = notify->fd, .events = POLLIN};
    int status;
    while (poll(&readable, 1, 20) == 0) {
        if (waitpid(worker, &status, WNOHANG) == worker) {
            finish_child(WIFEXITED(status) ? WEXITSTATUS(status) : CHILD_FAILED);
        }
    }
    struct notify_message message = receive(notify);
    assert_true(message.sender > 1);
    assert_true(process_is_within(message.sender, worker));
    kill(message.sender, SIGKILL);
    end(worker);
}

static int receive_from_outside(void *context)
{
    struct notify_message message;
    if (notify_receive(context, &message) != 1) {
        return CHILD_FAILED;
    }
    return message.sender == 0 && !message.ready && !process_is_within(message.sender, getpid())
               ? CHILD_PASSED
               : CHILD_FAILED;
}

static int receive_in_pid_namespace(void *context)
{
    return enter_pid_namespace() ? run_in_child(receive_from_outside, context) : CHILD_SKIPPED;
}

static void test_a_sender_outside_the_pid_namespace_says_nothing(void **state)
{
    assert_true(send_text(*state, "READY=1"));
    finish_child(run_in_child(receive_in_pid_namespace, *state));
}

/* /proc still has the numbers of the namespace outside: there these two are father and son. */
struct family {
    pid_t parent;
    pid_t child;
};

static int look_at_foreign_proc(void *context)
{
    const struct family *family = context;
    struct process_list list;
    bool is_right = !process_is_within(family->child, family->parent) &&
                    process_is_within(getpid(), getpid()) &&
                    process_list_below(family->parent, &list) != 0;
    process_list_free(&list);
    return is_right ? CHILD_PASSED : CHILD_FAILED;
}

static int enter_and_look_at_foreign_proc(void *context)
{
    struct family *family = context;
    family->child = getpid();
    return enter_pid_namespace() ? run_in_child(look_at_foreign_proc, context) : CHILD_SKIPPED;
}

static void test_the_proc_of_another_pid_namespace_is_not_believed(void **state)
{
    (void)state;
    struct family family = {.parent = getpid()};
    finish_child(run_in_child(enter_and_look_at_foreign_proc, &family));
}

static int look_without_proc(void *context)
{
    (void)context;
    pid_t parent = getppid();
    if (!hide_proc()) {
        return CHILD_SKIPPED;
    }
    return process_is_within(getpid(), getpid()) && !process_is_within(getpid(), parent)
               ? CHILD_PASSED
               : CHILD_FAILED;
}

static void test_without_proc_only_the_worker_itself_is_known(void **state)
{
    (void)state;
    finish_child(run_in_child(look_without_proc, NULL));
}

/* --- other people's senders ----------------------------------------------------------------------
 */

struct heard {
    bool ready;
    bool stopping;
    bool watchdog;
    int64_t extend_ms;
    char status[NOTIFY_STATUS_SIZE]; /* the last */
};

static void hear(const struct notify_socket *notify, pid_t worker, struct heard *heard)
{
    struct notify_message message;
    while (notify_receive(notify, &message) == 1) {
        assert_true(message.sender == 0 || process_is_within(message.sender, worker));
        heard->ready = heard->ready || message.ready;
        heard->stopping = heard->stopping || message.stopping;
        heard->watchdog = heard->watchdog || message.watchdog;
        heard->extend_ms = message.extend_ms > 0 ? message.extend_ms : heard->extend_ms;
        if (message.has_status) {
            memcpy(heard->status, message.status, sizeof heard->status);
        }
    }
}

/* Hears a worker out until it has ended; it is not reaped before its last message was read. */
static struct heard hear_worker(const struct notify_socket *notify, pid_t worker)
{
    struct heard heard = {.ready = false};
    struct pollfd readable = {.fd = notify->fd, .events = POLLIN};
    siginfo_t info = {.si_pid = 0};
    while (info.si_pid == 0) {
        assert_int_equal(waitid(P_PID, (id_t)worker, &info, WEXITED | WNOHANG | WNOWAIT), 0);
        if (info.si_pid == 0) {
            (void)poll(&readable, 1, 10);
        }
        hear(notify, worker, &heard);
    }
    int status;
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_int_equal(status, 0);
    return heard;
}

static struct heard run_command(const struct notify_socket *notify, const char *path,
                                const char *script)
{
    pid_t worker = fork();
    if (worker == 0) {
        setenv("NOTIFY_SOCKET", notify->address, 1);
        execl(path, path, "-c", script, (char *)NULL);
        _exit(127);
    }
    return hear_worker(notify, worker);
}

static void test_systemd_notify_is_understood(void **state)
{
    if (system("command -v systemd-notify >/dev/null") != 0) {
        skip();
    }
    struct heard heard =
        run_command(*state, "/bin/sh", "systemd-notify --ready --status='warm, 3 of 3' && true");
    assert_true(heard.ready);
    assert_string_equal(heard.status, "warm, 3 of 3");
    heard =
        run_command(*state, "/bin/sh", "systemd-notify EXTEND_TIMEOUT_USEC=2000001 STOPPING=1; :");
    assert_false(heard.ready);
    assert_true(heard.stopping);
    assert_int_equal(heard.extend_ms, 2001);
}

static void test_python_systemd_is_understood(void **state)
{
    if (system("/usr/bin/python3 -c 'import systemd.daemon' 2>/dev/null") != 0) {
        skip();
    }
    struct heard heard = run_command(*state, "/usr/bin/python3",
                                     "from systemd import daemon\n"
                                     "assert daemon.notify('READY=1\\nSTATUS=h\u00e4llo')\n"
                                     "assert daemon.notify('WATCHDOG=1')\n");
    assert_true(heard.ready);
    assert_true(heard.watchdog);
    assert_string_equal(heard.status, "h\u00e4llo");
}

static void test_libtasuki_is_understood(void **state)
{
    const struct notify_socket *notify = *state;
    pid_t worker = fork();
    if (worker == 0) {
        setenv("NOTIFY_SOCKET", notify->address, 1);
        _exit(tasuki_notify_status("%d%%", 50) != 1 || tasuki_notify_ready() != 1 ||
              tasuki_notify_stopping() != 1);
    }
    struct heard heard = hear_worker(notify, worker);
    assert_true(heard.ready);
    assert_true(heard.stopping);
    assert_string_equal(heard.status, "50%");
}

/* --- the text ------------------------------------------------------------------------------------
 */

static struct notify_message parse(const char *text)
{
    struct notify_message message;
    memset(&message, 0xAA, sizeof message);
    notify_parse(text, strlen(text), &message);
    return message;
}

static void test_each_line_says_one_thing(void **state)
{
    (void)state;
    struct notify_message message =
        parse("STOPPING=1\nREADY=1\nMAINPID=1\nWATCHDOG=1\nWATCHDOG=trigger\nSTATUS=a=b\n"
              "EXTEND_TIMEOUT_USEC=5000000\nWATCHDOG_USEC=1500\n");
    assert_int_equal(message.sender, 0);
    assert_true(message.ready);
    assert_true(message.stopping);
    assert_true(message.watchdog);
    assert_true(message.watchdog_trigger);
    assert_true(message.has_status);
    assert_string_equal(message.status, "a=b");
    assert_int_equal(message.extend_ms, 5000);
    assert_int_equal(message.watchdog_ms, 2);
}

static void test_only_whole_lines_count(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",          "\n\n\n",     "READY=",  "READY=0",         "READY=11",      " READY=1",
        "READY=1 ",  "READY=1\r",  "ready=1", "XREADY=1",        "READY",         "STATUS",
        "WATCHDOG=", "WATCHDOG=2", "STATU=x", "WATCHDOG_USEC=x", "RELOADING=1\n", "=",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct notify_message message = parse(texts[i]);
        assert_says_nothing(&message);
    }
}

static void test_a_status_cannot_say_ready(void **state)
{
    (void)state;
    struct notify_message message = parse("STATUS=READY=1");
    assert_false(message.ready);
    assert_string_equal(message.status, "READY=1");
}

static void test_an_empty_status_takes_the_status_away(void **state)
{
    (void)state;
    struct notify_message message = parse("STATUS=\nSTATUS=second");
    assert_true(message.has_status);
    assert_string_equal(message.status, "");
}

static void test_a_nul_is_taken_at_the_end_only(void **state)
{
    (void)state;
    struct notify_message message;
    notify_parse("READY=1", sizeof "READY=1", &message);
    assert_true(message.ready);
    notify_parse("READY=1\0\nSTATUS=x", sizeof "READY=1\0\nSTATUS=x" - 1, &message);
    assert_says_nothing(&message);
    notify_parse("\0", 1, &message);
    assert_says_nothing(&message);
}

static void test_numbers_out_of_range_say_nothing_or_the_most(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t milliseconds;
    } cases[] = {
        {"0", 0},
        {"1", 1},
        {"1000", 1},
        {"1001", 2},
        {"", 0},
        {"-1", 0},
        {"+1", 0},
        {" 1", 0},
        {"1s", 0},
        {"0x10", 0},
        {"1.5", 0},
        {"31622400000000", DURATION_MAX_MS},
        {"31622400000001", DURATION_MAX_MS},
        {"9223372036854775807", DURATION_MAX_MS},
        {"18446744073709551615", DURATION_MAX_MS}, /* systemd's infinity */
        {"18446744073709551616", 0},
        {"18446744073709551619", 0},
        {"99999999999999999999999999", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%s\nWATCHDOG_USEC=%s", cases[i].text,
                 cases[i].text);
        struct notify_message message = parse(text);
        assert_int_equal(message.extend_ms, cases[i].milliseconds);
        assert_int_equal(message.watchdog_ms, cases[i].milliseconds);
    }
}

static void assert_status(const char *said, const char *kept)
{
    char text[1024];
    snprintf(text, sizeof text, "STATUS=%s", said);
    struct notify_message message = parse(text);
    assert_true(message.has_status);
    assert_string_equal(message.status, kept);
}

static void test_control_characters_become_spaces(void **state)
{
    (void)state;
    assert_status("a\tb\rc\x1B[31md\x7F"
                  "e",
                  "a b c [31md e");
    assert_status("a\xC2\x9B"
                  "31mb",
                  "a 31mb"); /* U+009B, an escape sequence in one character */
}

static void test_broken_utf8_is_replaced(void **state)
{
    (void)state;
    assert_status("h\u00e4llo \u4e16\u754c \U0001F600", "h\u00e4llo \u4e16\u754c \U0001F600");
    assert_status("caf\xE9", "caf\uFFFD");
    assert_status("\xC0\xAF", "\uFFFD\uFFFD");                     /* overlong */
    assert_status("\xE0\x80\xAF", "\uFFFD\uFFFD\uFFFD");           /* overlong */
    assert_status("\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD");           /* a surrogate */
    assert_status("\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"); /* above U+10FFFF */
    assert_status("\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF");         /* U+10FFFF itself */
    assert_status("\xFF\xFE", "\uFFFD\uFFFD");
    assert_status("\xE4\xB8", "\uFFFD\uFFFD"); /* cut off */
}

static void test_a_long_status_ends_at_a_whole_character(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        char said[1024] = "";
        char kept[NOTIFY_STATUS_SIZE] = "";
        memset(said, 'x', shift);
        while (strlen(said) < 600) {
            strcat(said, "\U0001F600");
        }
        memcpy(kept, said, shift + (NOTIFY_STATUS_SIZE - 1 - shift) / 4 * 4);
        assert_status(said, kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_socket_has_an_abstract_name_of_its_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_socket_is_not_inherited_and_never_blocks, set_up,
                                        tear_down),
        cmocka_unit_test(test_receiving_from_a_broken_descriptor_is_an_error),
        cmocka_unit_test_setup_teardown(test_a_message_has_its_sender, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_thousands_of_messages_come_in_their_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_4096_bytes_are_taken_and_more_are_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_message_that_says_nothing_is_nobodys, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_descriptors_that_come_along_are_closed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_hundreds_of_descriptors_are_closed_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_grandchild_speaks_for_the_worker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_process_beside_the_worker_does_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_sender_that_is_dead_counts_until_it_is_reaped,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_sender_that_was_reaped_before_reading_is_still_named,
                                        set_up, tear_down),
        cmocka_unit_test(test_no_process_is_within_nobody),
        cmocka_unit_test_setup_teardown(test_a_name_that_looks_like_proc_stat_misleads_nobody,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_sender_in_a_pid_namespace_below_is_known_by_its_number_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_sender_outside_the_pid_namespace_says_nothing,
                                        set_up, tear_down),
        cmocka_unit_test(test_the_proc_of_another_pid_namespace_is_not_believed),
        cmocka_unit_test(test_without_proc_only_the_worker_itself_is_known),
        cmocka_unit_test_setup_teardown(test_systemd_notify_is_understood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_python_systemd_is_understood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_libtasuki_is_understood, set_up, tear_down),
        cmocka_unit_test(test_each_line_says_one_thing),
        cmocka_unit_test(test_only_whole_lines_count),
        cmocka_unit_test(test_a_status_cannot_say_ready),
        cmocka_unit_test(test_an_empty_status_takes_the_status_away),
        cmocka_unit_test(test_a_nul_is_taken_at_the_end_only),
        cmocka_unit_test(test_numbers_out_of_range_say_nothing_or_the_most),
        cmocka_unit_test(test_control_characters_become_spaces),
        cmocka_unit_test(test_broken_utf8_is_replaced),
        cmocka_unit_test(test_a_long_status_ends_at_a_whole_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
