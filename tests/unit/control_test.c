/*
 * The control socket: every test opens a server on a real socket, plays clients of all manners
 * against it from the same process, and turns it by hand. A call that blocked would hang the test;
 * an alarm bounds that.
 */
#include "control.h"

#include "control_client.h"
#include "json_field.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ALARM_SECONDS = 60, PATIENCE_MS = 20000, REQUESTS_MAX = 512, NOBODY = 65534 };

/* What the server's handler has heard. A test's `answer` decides what it does with a request. */
struct server {
    char directory[64];
    char path[108];
    struct control *control;
    void (*answer)(struct server *server, uint64_t client, const char *line);
    char requests[REQUESTS_MAX][CONTROL_REQUEST_MAX + 1];
    uint64_t clients[REQUESTS_MAX];
    size_t request_count;
    uint64_t gone[REQUESTS_MAX];
    size_t gone_count;
};

/* --- the server --------------------------------------------------------------------------------
 */

static void on_request(void *context, uint64_t client, const char *line)
{
    struct server *server = context;
    assert_true(server->request_count < REQUESTS_MAX);
    snprintf(server->requests[server->request_count], sizeof server->requests[0], "%s", line);
    server->clients[server->request_count++] = client;
    if (server->answer != NULL) {
        server->answer(server, client, line);
    }
}

static void on_gone(void *context, uint64_t client)
{
    struct server *server = context;
    assert_true(server->gone_count < REQUESTS_MAX);
    server->gone[server->gone_count++] = client;
}

static struct control *open_control(struct server *server, struct error *error)
{
    const struct control_handler handler = {
        .on_request = on_request, .on_gone = on_gone, .context = server};
    return control_open(server->path, &handler, error);
}

static int set_up(void **state)
{
    alarm(ALARM_SECONDS);
    struct server *server = calloc(1, sizeof *server);
    assert_non_null(server);
    snprintf(server->directory, sizeof server->directory, "/tmp/control_test.XXXXXX");
    assert_non_null(mkdtemp(server->directory));
    snprintf(server->path, sizeof server->path, "%s/a.sock", server->directory);
    struct error error = {.text = ""};
    server->control = open_control(server, &error);
    assert_string_equal(error.text, "");
    assert_non_null(server->control);
    *state = server;
    return 0;
}

static int tear_down(void **state)
{
    struct server *server = *state;
    control_close(server->control);
    unlink(server->path);
    assert_int_equal(rmdir(server->directory), 0);
    free(server);
    alarm(0);
    return 0;
}

/* Turns the server until nothing is left to be done at the moment. */
static void turn(struct server *server)
{
    struct pollfd readable = {.fd = control_fd(server->control), .events = POLLIN};
    for (int turns = 0; poll(&readable, 1, 0) > 0; turns++) {
        assert_true(turns < 100000);
        control_process(server->control);
    }
}

/* Waits for something to be done and does it. */
static void wait_and_turn(struct server *server)
{
    struct pollfd readable = {.fd = control_fd(server->control), .events = POLLIN};
    assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
    turn(server);
}

static void reply(struct server *server, uint64_t client, const char *key, const char *value)
{
    json_t *object = json_object();
    field_set_text(object, key, value);
    char *line = json_line(object);
    control_send(server->control, client, line);
    free(line);
    json_decref(object);
}

static void answer_ok(struct server *server, uint64_t client, const char *line)
{
    (void)line;
    reply(server, client, "result", "ok");
    control_finish(server->control, client);
}

/* --- clients -----------------------------------------------------------------------------------
 */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static int join(struct server *server)
{
    int fd = connect_to(server->path);
    assert_true(fd >= 0);
    turn(server);
    return fd;
}

static void say(int fd, const char *text, size_t length)
{
    assert_int_equal(send(fd, text, length, MSG_NOSIGNAL), length);
}

static void ask(struct server *server, int fd, const char *text)
{
    say(fd, text, strlen(text));
    turn(server);
}

/* What there is to read now, as text; returns recv's last answer: 0 at the end of the connection.
 */
static ssize_t hear(int fd, char *buffer, size_t size)
{
    size_t heard = 0;
    ssize_t length;
    while ((length = recv(fd, buffer + heard, size - 1 - heard, MSG_DONTWAIT)) > 0) {
        heard += (size_t)length;
    }
    buffer[heard] = '\0';
    return length;
}

static void assert_hears_and_ends(int fd, const char *expected)
{
    char heard[4096];
    assert_int_equal(hear(fd, heard, sizeof heard), 0);
    assert_string_equal(heard, expected);
    close(fd);
}

static void assert_still_serves(struct server *server)
{
    server->answer = answer_ok;
    int fd = join(server);
    ask(server, fd, "status\n");
    assert_hears_and_ends(fd, "{\"result\":\"ok\"}\n");
}

/* --- requests and replies ----------------------------------------------------------------------
 */

static void a_request_is_handed_on_and_its_replies_come_a_line_each(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    ask(server, fd, "signal USR1\n");
    assert_int_equal(server->request_count, 1);
    assert_string_equal(server->requests[0], "signal USR1");
    reply(server, server->clients[0], "event", "spawned");
    reply(server, server->clients[0], "result", "ok");
    control_finish(server->control, server->clients[0]);
    assert_hears_and_ends(fd, "{\"event\":\"spawned\"}\n{\"result\":\"ok\"}\n");
    turn(server);
    assert_int_equal(server->gone_count, 0);
}

static void a_client_whose_reply_cannot_be_made_reads_an_end(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    ask(server, fd, "events\n");
    control_send(server->control, server->clients[0], NULL);
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    wait_and_turn(server);
    assert_int_equal(server->gone_count, 1);
    close(fd);
}

static void a_request_may_come_in_pieces(void **state)
{
    struct server *server = *state;
    server->answer = answer_ok;
    int fd = join(server);
    ask(server, fd, "sta");
    ask(server, fd, "tu");
    assert_int_equal(server->request_count, 0);
    ask(server, fd, "s\n");
    assert_string_equal(server->requests[0], "status");
    assert_hears_and_ends(fd, "{\"result\":\"ok\"}\n");
}

static void a_client_may_close_its_sending_side_and_still_reads_its_reply(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    say(fd, "status\n", 7);
    shutdown(fd, SHUT_WR);
    turn(server);
    assert_int_equal(server->gone_count, 0);
    answer_ok(server, server->clients[0], "");
    assert_hears_and_ends(fd, "{\"result\":\"ok\"}\n");
}

static void a_client_that_asks_and_leaves_at_once_is_heard(void **state)
{
    struct server *server = *state;
    int fd = connect_to(server->path);
    say(fd, "restart\n", 8);
    close(fd);
    wait_and_turn(server);
    assert_int_equal(server->request_count, 1);
    assert_string_equal(server->requests[0], "restart");
    assert_int_equal(server->gone_count, 1);
    assert_int_equal(server->gone[0], server->clients[0]);
}

static void only_the_first_of_many_requests_in_one_write_is_taken(void **state)
{
    struct server *server = *state;
    server->answer = answer_ok;
    int fd = join(server);
    char many[8 * 1000 + 1];
    for (size_t i = 0; i < 1000; i++) {
        snprintf(many + 8 * i, 9, "restart\n");
    }
    ask(server, fd, many);
    assert_int_equal(server->request_count, 1);
    assert_hears_and_ends(fd, "{\"result\":\"ok\"}\n");
}

static void a_request_pipelined_behind_one_under_way_is_not_taken(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    ask(server, fd, "restart\n");
    ask(server, fd, "stop\n");
    assert_int_equal(server->request_count, 1);
    answer_ok(server, server->clients[0], "");
    assert_hears_and_ends(fd, "{\"result\":\"ok\"}\n");
    turn(server);
    assert_int_equal(server->request_count, 1);
}

static void replies_to_a_client_that_is_unknown_or_finished_go_nowhere(void **state)
{
    struct server *server = *state;
    reply(server, 12345, "result", "ok");
    control_finish(server->control, 12345);
    int fd = join(server);
    ask(server, fd, "status\n");
    answer_ok(server, server->clients[0], "");
    reply(server, server->clients[0], "result", "late");
    control_finish(server->control, server->clients[0]);
    assert_hears_and_ends(fd, "{\"result\":\"ok\"}\n");
}

/* --- hostile clients ---------------------------------------------------------------------------
 */

static void a_megabyte_without_a_newline_is_an_error(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    char piece[4096];
    memset(piece, 'a', sizeof piece);
    size_t sent = 0;
    bool refused = false;
    while (sent < (size_t)1024 * 1024 && !refused) {
        ssize_t length = send(fd, piece, sizeof piece, MSG_NOSIGNAL);
        sent += length > 0 ? (size_t)length : 0;
        refused = length < 0 && errno == EPIPE;
        turn(server);
    }
    assert_true(refused);
    char heard[256];
    hear(fd, heard, sizeof heard);
    assert_string_equal(heard, "{\"result\":\"error\",\"message\":\"the request is too long\"}\n");
    close(fd);
    assert_int_equal(server->request_count, 0);
    assert_int_equal(server->gone_count, 0);
    assert_still_serves(server);
}

static void the_longest_request_is_taken_and_one_byte_more_is_not(void **state)
{
    struct server *server = *state;
    server->answer = answer_ok;
    char request[CONTROL_REQUEST_MAX + 3];
    memset(request, 'a', sizeof request);
    snprintf(request + CONTROL_REQUEST_MAX, 2, "\n");
    int fd = join(server);
    ask(server, fd, request);
    assert_int_equal(strlen(server->requests[0]), CONTROL_REQUEST_MAX);
    assert_hears_and_ends(fd, "{\"result\":\"ok\"}\n");

    memset(request, 'a', sizeof request);
    snprintf(request + CONTROL_REQUEST_MAX + 1, 2, "\n");
    fd = join(server);
    ask(server, fd, request);
    assert_int_equal(server->request_count, 1);
    assert_hears_and_ends(fd, "{\"result\":\"error\",\"message\":\"the request is too long\"}\n");
}

static void zeros_and_other_control_characters_are_an_error(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } lines[] = {{"stop\0garbage\n", 13}, {"\0\0\0\0\n", 5}, {"stop\r\n", 6}, {"\x1b[2J\n", 5}};
    struct server *server = *state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        int fd = join(server);
        say(fd, lines[i].text, lines[i].length);
        turn(server);
        assert_hears_and_ends(fd,
                              "{\"result\":\"error\",\"message\":\"expected a line of text\"}\n");
    }
    assert_int_equal(server->request_count, 0);
}

static void zeros_without_a_newline_end_at_the_longest_length(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    static const char zeros[8192];
    say(fd, zeros, sizeof zeros);
    turn(server);
    assert_hears_and_ends(fd, "{\"result\":\"error\",\"message\":\"the request is too long\"}\n");
    assert_still_serves(server);
}

static void rubbish_is_handed_on_as_a_line_like_any_other(void **state)
{
    struct server *server = *state;
    server->answer = answer_ok;
    int fd = join(server);
    ask(server, fd, "\xff\xfe{]; DROP TABLE %s%n\n");
    assert_string_equal(server->requests[0], "\xff\xfe{]; DROP TABLE %s%n");
    assert_hears_and_ends(fd, "{\"result\":\"ok\"}\n");
}

static void half_a_line_and_a_hang_up_ask_for_nothing(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    ask(server, fd, "restar");
    close(fd);
    wait_and_turn(server);
    fd = join(server);
    say(fd, "restart", 7);
    shutdown(fd, SHUT_WR);
    turn(server);
    assert_hears_and_ends(fd, "");
    assert_int_equal(server->request_count, 0);
    assert_int_equal(server->gone_count, 0);
}

static void a_client_that_says_nothing_keeps_nobody_waiting(void **state)
{
    struct server *server = *state;
    int silent = join(server);
    assert_still_serves(server);
    close(silent);
    turn(server);
    assert_int_equal(server->gone_count, 0);
}

/* Every reply is a kilobyte, so the kernel's buffer and then the queue's limit are reached. */
static void a_client_that_stops_reading_is_dropped_while_others_are_served(void **state)
{
    struct server *server = *state;
    int deaf = join(server);
    ask(server, deaf, "events\n");
    uint64_t number = server->clients[0];
    char text[1024];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 4096 && server->gone_count == 0; i++) {
        reply(server, number, "text", text);
        turn(server);
    }
    assert_int_equal(server->gone_count, 1);
    assert_int_equal(server->gone[0], number);
    assert_still_serves(server);
    close(deaf);
}

/* The handler is not called in the middle of control_send: a caller may be walking a list of
 * clients. */
static void a_dropped_client_is_told_of_by_the_next_turn(void **state)
{
    struct server *server = *state;
    int deaf = join(server);
    ask(server, deaf, "events\n");
    char *text = calloc(1, CONTROL_QUEUE_MAX + 2);
    assert_non_null(text);
    memset(text, 'x', CONTROL_QUEUE_MAX + 1);
    reply(server, server->clients[0], "text", text);
    reply(server, server->clients[0], "text", "more");
    free(text);
    assert_int_equal(server->gone_count, 0);
    wait_and_turn(server);
    assert_int_equal(server->gone_count, 1);
    close(deaf);
}

static void a_client_that_reads_late_gets_everything_in_order(void **state)
{
    struct server *server = *state;
    int slow = join(server);
    ask(server, slow, "events\n");
    char text[1000];
    memset(text, 'y', sizeof text);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 900; i++) {
        char line[sizeof text + 64];
        snprintf(line, sizeof line, "{\"n\":%d,\"text\":\"%s\"}", i, text);
        control_send(server->control, server->clients[0], line);
    }
    control_finish(server->control, server->clients[0]);
    char *heard = malloc(CONTROL_QUEUE_MAX);
    assert_non_null(heard);
    size_t length = 0;
    ssize_t received;
    while ((received = recv(slow, heard + length, CONTROL_QUEUE_MAX - 1 - length, 0)) != 0) {
        length += received > 0 ? (size_t)received : 0;
        turn(server);
    }
    heard[length] = '\0';
    char *line = heard;
    for (int i = 0; i < 900; i++) {
        int n = -1;
        assert_int_equal(sscanf(line, "{\"n\":%d,", &n), 1);
        assert_int_equal(n, i);
        line = strchr(line, '\n') + 1;
    }
    assert_int_equal(*line, '\0');
    free(heard);
    close(slow);
}

static void a_client_that_vanishes_in_the_middle_is_told_of_once(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    ask(server, fd, "restart\n");
    reply(server, server->clients[0], "event", "spawned");
    close(fd);
    reply(server, server->clients[0], "event", "ready");
    reply(server, server->clients[0], "event", "retiring");
    wait_and_turn(server);
    assert_int_equal(server->gone_count, 1);
    assert_int_equal(server->gone[0], server->clients[0]);
    reply(server, server->clients[0], "result", "succeeded");
    control_finish(server->control, server->clients[0]);
    turn(server);
    assert_int_equal(server->gone_count, 1);
}

static void three_hundred_silent_clients_do_not_keep_one_out_that_asks(void **state)
{
    struct server *server = *state;
    int fds[300];
    for (int i = 0; i < 300; i++) {
        fds[i] = join(server);
    }
    assert_still_serves(server);
    /* The oldest gave their places. */
    assert_hears_and_ends(fds[0], "");
    for (int i = 1; i < 300; i++) {
        close(fds[i]);
    }
    turn(server);
    assert_still_serves(server);
}

static void when_all_wait_for_something_one_more_gets_an_error(void **state)
{
    struct server *server = *state;
    int fds[300];
    for (int i = 0; i < 300; i++) {
        fds[i] = join(server);
        if (i < CONTROL_CLIENTS_MAX) {
            ask(server, fds[i], "events\n");
        }
    }
    assert_int_equal(server->request_count, CONTROL_CLIENTS_MAX);
    for (int i = CONTROL_CLIENTS_MAX; i < 300; i++) {
        assert_hears_and_ends(fds[i], "{\"result\":\"error\",\"message\":\"too many clients\"}\n");
    }
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        close(fds[i]);
    }
    wait_and_turn(server);
    assert_int_equal(server->gone_count, CONTROL_CLIENTS_MAX);
    assert_still_serves(server);
}

static void a_client_that_does_not_take_its_last_reply_gives_its_place(void **state)
{
    struct server *server = *state;
    int fds[CONTROL_CLIENTS_MAX];
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        fds[i] = join(server);
        ask(server, fds[i], "events\n");
    }
    char *text = calloc(1, CONTROL_QUEUE_MAX / 2 + 1);
    assert_non_null(text);
    memset(text, 'x', CONTROL_QUEUE_MAX / 2);
    reply(server, server->clients[0], "text", text);
    free(text);
    control_finish(server->control, server->clients[0]);
    turn(server);
    assert_still_serves(server);
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        close(fds[i]);
    }
    turn(server);
}

/* The process has no descriptor left: who connects is turned away, and the server does not spin. */
static void without_descriptors_clients_are_turned_away(void **state)
{
    struct server *server = *state;
    int waiting = connect_to(server->path);
    assert_true(waiting >= 0);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int lowest_free = dup(waiting);
    close(lowest_free);
    const struct rlimit none = {.rlim_cur = (rlim_t)lowest_free, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    turn(server);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_hears_and_ends(
        waiting, "{\"result\":\"error\",\"message\":\"too many open files in the supervisor\"}\n");
    assert_still_serves(server);
}

/* Asks as another user and ends with 0 if it was refused by a line. */
static int ask_as_nobody(const char *path)
{
    if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0) {
        return 10;
    }
    int fd = connect_to(path);
    if (fd < 0) {
        return errno == EACCES ? 1 : 11;
    }
    send(fd, "stop\n", 5, MSG_NOSIGNAL);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    char heard[256];
    if (poll(&readable, 1, PATIENCE_MS) != 1) {
        return 12;
    }
    hear(fd, heard, sizeof heard);
    return strstr(heard, "permission denied") != NULL ? 0 : 13;
}

static int run_as_nobody(struct server *server)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(ask_as_nobody(server->path));
    }
    int status;
    while (waitpid(child, &status, WNOHANG) == 0) {
        poll(&(struct pollfd){.fd = control_fd(server->control), .events = POLLIN}, 1, 10);
        control_process(server->control);
    }
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void another_user_is_refused_even_where_the_socket_is_open_to_all(void **state)
{
    struct server *server = *state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(chmod(server->directory, 0755), 0);
    assert_int_equal(run_as_nobody(server), 1);
    assert_int_equal(chmod(server->path, 0666), 0);
    assert_int_equal(run_as_nobody(server), 0);
    assert_int_equal(server->request_count, 0);
    assert_still_serves(server);
}

/* --- the socket's file -------------------------------------------------------------------------
 */

static void the_socket_is_for_its_user_alone_whatever_the_umask(void **state)
{
    static const mode_t masks[] = {0, 022, 0777};
    struct server *server = *state;
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        control_close(server->control);
        mode_t before = umask(masks[i]);
        struct error error;
        server->control = open_control(server, &error);
        umask(before);
        struct stat status;
        assert_int_equal(lstat(server->path, &status), 0);
        assert_true(S_ISSOCK(status.st_mode));
        assert_int_equal(status.st_mode & 07777, 0600);
    }
}

static void a_stale_socket_is_replaced(void **state)
{
    struct server *server = *state;
    control_close(server->control);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", server->path);
    int stale = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stale, (const struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    struct error error = {.text = ""};
    server->control = open_control(server, &error);
    assert_string_equal(error.text, "");
    assert_still_serves(server);
}

static void a_socket_that_is_answered_on_is_an_error_and_stays(void **state)
{
    struct server *server = *state;
    struct error error;
    assert_null(open_control(server, &error));
    assert_non_null(strstr(error.text, server->path));
    assert_non_null(strstr(error.text, "another supervisor uses it"));
    assert_still_serves(server);
}

static void a_file_in_the_way_is_an_error_and_stays(void **state)
{
    struct server *server = *state;
    control_close(server->control);
    int file = open(server->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    close(file);
    struct error error;
    server->control = open_control(server, &error);
    assert_null(server->control);
    assert_non_null(strstr(error.text, "not a socket"));
    assert_int_equal(access(server->path, F_OK), 0);
}

static void a_path_without_directory_or_too_long_or_empty_is_an_error(void **state)
{
    struct server *server = *state;
    struct error error;
    const struct control_handler handler = {.on_request = on_request, .context = server};
    char path[200];
    snprintf(path, sizeof path, "%s/none/a.sock", server->directory);
    assert_null(control_open(path, &handler, &error));
    assert_non_null(strstr(error.text, path));
    memset(path, 'a', sizeof path - 1);
    path[108] = '\0';
    assert_null(control_open(path, &handler, &error));
    assert_non_null(strstr(error.text, "107"));
    assert_null(control_open("", &handler, &error));
}

static void closing_sends_what_is_queued_and_removes_the_socket(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    ask(server, fd, "stop\n");
    reply(server, server->clients[0], "result", "ok");
    control_close(server->control);
    server->control = NULL;
    assert_hears_and_ends(fd, "{\"result\":\"ok\"}\n");
    assert_int_equal(access(server->path, F_OK), -1);
}

static void closing_leaves_a_successors_socket_alone(void **state)
{
    struct server *server = *state;
    struct control *first = server->control;
    assert_int_equal(unlink(server->path), 0);
    struct error error;
    server->control = open_control(server, &error);
    assert_non_null(server->control);
    control_close(first);
    assert_still_serves(server);
}

static void every_descriptor_is_close_on_exec(void **state)
{
    struct server *server = *state;
    int fd = join(server);
    ask(server, fd, "events\n");
    for (int other = 3; other < 64; other++) {
        int flags = fcntl(other, F_GETFD);
        struct sockaddr_un address = {.sun_path = ""};
        socklen_t length = sizeof address;
        bool is_ours = getsockname(other, (struct sockaddr *)&address, &length) == 0 &&
                       strcmp(address.sun_path, server->path) == 0;
        if (is_ours || other == control_fd(server->control)) {
            assert_true(flags & FD_CLOEXEC);
        }
    }
    close(fd);
    turn(server);
}

#define SERVER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVER_TEST(a_request_is_handed_on_and_its_replies_come_a_line_each),
        SERVER_TEST(a_client_whose_reply_cannot_be_made_reads_an_end),
        SERVER_TEST(a_request_may_come_in_pieces),
        SERVER_TEST(a_client_may_close_its_sending_side_and_still_reads_its_reply),
        SERVER_TEST(a_client_that_asks_and_leaves_at_once_is_heard),
        SERVER_TEST(only_the_first_of_many_requests_in_one_write_is_taken),
        SERVER_TEST(a_request_pipelined_behind_one_under_way_is_not_taken),
        SERVER_TEST(replies_to_a_client_that_is_unknown_or_finished_go_nowhere),
        SERVER_TEST(a_megabyte_without_a_newline_is_an_error),
        SERVER_TEST(the_longest_request_is_taken_and_one_byte_more_is_not),
        SERVER_TEST(zeros_and_other_control_characters_are_an_error),
        SERVER_TEST(zeros_without_a_newline_end_at_the_longest_length),
        SERVER_TEST(rubbish_is_handed_on_as_a_line_like_any_other),
        SERVER_TEST(half_a_line_and_a_hang_up_ask_for_nothing),
        SERVER_TEST(a_client_that_says_nothing_keeps_nobody_waiting),
        SERVER_TEST(a_client_that_stops_reading_is_dropped_while_others_are_served),
        SERVER_TEST(a_dropped_client_is_told_of_by_the_next_turn),
        SERVER_TEST(a_client_that_reads_late_gets_everything_in_order),
        SERVER_TEST(a_client_that_vanishes_in_the_middle_is_told_of_once),
        SERVER_TEST(three_hundred_silent_clients_do_not_keep_one_out_that_asks),
        SERVER_TEST(when_all_wait_for_something_one_more_gets_an_error),
        SERVER_TEST(a_client_that_does_not_take_its_last_reply_gives_its_place),
        SERVER_TEST(without_descriptors_clients_are_turned_away),
        SERVER_TEST(another_user_is_refused_even_where_the_socket_is_open_to_all),
        SERVER_TEST(the_socket_is_for_its_user_alone_whatever_the_umask),
        SERVER_TEST(a_stale_socket_is_replaced),
        SERVER_TEST(a_socket_that_is_answered_on_is_an_error_and_stays),
        SERVER_TEST(a_file_in_the_way_is_an_error_and_stays),
        SERVER_TEST(a_path_without_directory_or_too_long_or_empty_is_an_error),
        SERVER_TEST(closing_sends_what_is_queued_and_removes_the_socket),
        SERVER_TEST(closing_leaves_a_successors_socket_alone),
        SERVER_TEST(every_descriptor_is_close_on_exec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
