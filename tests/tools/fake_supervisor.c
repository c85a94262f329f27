/*
 * A supervisor for the tests of its clients: listens on a control socket and answers each request
 * from a script. It starts nothing and knows no lifecycle.
 *
 *   fake_supervisor SOCKET SCRIPT
 *
 * A script is lines: "on REQUEST" begins what happens upon that request, and then, in order:
 *
 *   {…}            is sent; "@SECONDS" in it stands for a time so far from now, as "@-180"
 *   raw TEXT       is sent as a JSON string, which is no reply
 *   sleep SECONDS  waits, and serves others meanwhile
 *   await FILE     waits until the file is there
 *   touch FILE     makes it
 *   hold           goes no further; the client stays connected
 *   quit           ends the process in order, socket and all
 *   crash          ends it at once
 *
 * The client is finished at the end. Requests that the script does not know get an error. Each
 * request is printed to standard output.
 */
#include "control.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINES_MAX = 1000, PLAYS_MAX = 64, TICK_MS = 10 };

struct play {
    uint64_t client; /* 0: none */
    size_t line;     /* the next of the script */
    double until;    /* of a sleep; 0: none */
};

struct fake {
    struct control *control;
    char *lines[LINES_MAX];
    size_t line_count;
    struct play plays[PLAYS_MAX];
};

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "fake_supervisor: %s\n", what);
    exit(1);
}

/* --- the script --------------------------------------------------------------------------------
 */

static void read_script(struct fake *fake, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    if (file == NULL) {
        fail("cannot open the script");
    }
    while (getline(&line, &size, file) > 0 && fake->line_count < LINES_MAX) {
        line[strcspn(line, "\n")] = '\0';
        const char *text = line + strspn(line, " ");
        if (*text != '\0' && *text != '#') {
            fake->lines[fake->line_count++] = strdup(text);
        }
    }
    free(line);
    fclose(file);
}

/* What stands behind a word at the beginning of a line, or NULL. */
static const char *after(const char *line, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(line, word, length) != 0 || (line[length] != ' ' && line[length] != '\0')) {
        return NULL;
    }
    return line + length + (line[length] == ' ');
}

/* --- what is sent ------------------------------------------------------------------------------
 */

static json_t *with_times(json_t *value);

static json_t *with_times_in_array(json_t *array)
{
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item)
    {
        json_array_set_new(array, i, with_times(json_incref(item)));
    }
    return array;
}

static json_t *with_times_in_object(json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        json_object_set_new(object, key, with_times(json_incref(value)));
    }
    return object;
}

/* Takes a value over and returns it with its times filled in. */
static json_t *with_times(json_t *value)
{
    if (json_is_array(value)) {
        return with_times_in_array(value);
    }
    if (json_is_object(value)) {
        return with_times_in_object(value);
    }
    if (json_is_string(value) && json_string_value(value)[0] == '@') {
        double offset = strtod(json_string_value(value) + 1, NULL);
        json_decref(value);
        return json_real(now(CLOCK_REALTIME) + offset);
    }
    return value;
}

static void send_json(struct fake *fake, uint64_t client, const char *text)
{
    json_error_t error;
    json_t *object = json_loads(text, 0, &error);
    if (object == NULL) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        fail("a line of the script is no JSON");
    }
    object = with_times(object);
    char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(16));
    control_send(fake->control, client, line);
    free(line);
    json_decref(object);
}

static void send_raw(struct fake *fake, uint64_t client, const char *text)
{
    json_t *array = json_pack("[s]", text);
    char *line = json_dumps(array, JSON_COMPACT);
    control_send(fake->control, client, line);
    free(line);
    json_decref(array);
}

/* --- playing -----------------------------------------------------------------------------------
 */

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
    }
}

/* Returns true when the line is done, false when the play has to wait at it. */
static bool play_line(struct fake *fake, struct play *play, const char *line)
{
    const char *rest;
    if (*line == '{') {
        send_json(fake, play->client, line);
    } else if ((rest = after(line, "raw")) != NULL) {
        send_raw(fake, play->client, rest);
    } else if ((rest = after(line, "touch")) != NULL) {
        touch(rest);
    } else if ((rest = after(line, "await")) != NULL) {
        return access(rest, F_OK) == 0;
    } else if ((rest = after(line, "sleep")) != NULL) {
        double time = now(CLOCK_MONOTONIC);
        play->until = play->until > 0 ? play->until : time + strtod(rest, NULL);
        if (time < play->until) {
            return false;
        }
        play->until = 0;
    } else if (after(line, "hold") != NULL) {
        return false;
    } else if (after(line, "quit") != NULL) {
        control_close(fake->control);
        exit(0);
    } else if (after(line, "crash") != NULL) {
        _exit(1);
    } else {
        fail(line);
    }
    return true;
}

static void go_on(struct fake *fake, struct play *play)
{
    while (play->client != 0) {
        if (play->line == fake->line_count || after(fake->lines[play->line], "on") != NULL) {
            control_finish(fake->control, play->client);
            play->client = 0;
        } else if (play_line(fake, play, fake->lines[play->line])) {
            play->line++;
        } else {
            return;
        }
    }
}

static void on_request(void *context, uint64_t client, const char *request)
{
    struct fake *fake = context;
    size_t line = 0;
    size_t slot = 0;
    printf("%s\n", request);
    while (line < fake->line_count) {
        const char *known = after(fake->lines[line++], "on");
        if (known != NULL && strcmp(known, request) == 0) {
            while (slot < PLAYS_MAX && fake->plays[slot].client != 0) {
                slot++;
            }
            if (slot == PLAYS_MAX) {
                fail("too many clients");
            }
            fake->plays[slot] = (struct play){.client = client, .line = line};
            go_on(fake, &fake->plays[slot]);
            return;
        }
    }
    send_json(fake, client, "{\"result\": \"error\", \"message\": \"no such request\"}");
    control_finish(fake->control, client);
}

static void on_gone(void *context, uint64_t client)
{
    struct fake *fake = context;
    for (size_t i = 0; i < PLAYS_MAX; i++) {
        if (fake->plays[i].client == client) {
            fake->plays[i].client = 0;
        }
    }
}

int main(int argc, char *argv[])
{
    static struct fake fake;
    struct error error;
    const struct control_handler handler = {
        .on_request = on_request, .on_gone = on_gone, .context = &fake};
    if (argc != 3) {
        fail("usage: fake_supervisor SOCKET SCRIPT");
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    read_script(&fake, argv[2]);
    fake.control = control_open(argv[1], &handler, &error);
    if (fake.control == NULL) {
        fail(error.text);
    }
    for (;;) {
        struct pollfd readable = {.fd = control_fd(fake.control), .events = POLLIN};
        poll(&readable, 1, TICK_MS);
        control_process(fake.control);
        for (size_t i = 0; i < PLAYS_MAX; i++) {
            go_on(&fake, &fake.plays[i]);
        }
    }
}
