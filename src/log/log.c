#include "log.h"

#include "journal.h"
#include "log_output.h"
#include "syslog_socket.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* How long lines that wait hold up the end. */
#define CLOSE_PATIENCE_MS 2000

/* The program has one standard error, and so one log. */
static struct {
    const char *program;
    struct log_settings settings;
    int floor;
    enum log_sink stream; /* what standard error is */
    struct log_output output;
    struct syslog_socket syslog;
} the_log = {
    .program = "tasuki",
    .settings = {.level = LOG_LEVEL_INFO, .syslog_facility = -1},
    .output = {.fd = STDERR_FILENO, .own_fd = -1},
    .syslog = {.path = _PATH_LOG, .fd = -1},
};

/* --- where lines go ----------------------------------------------------------------------------
 */

void log_set_name(const char *name)
{
    the_log.program = name;
}

static bool wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR"); /* no-color.org: set, and not empty */
    const char *terminal = getenv("TERM");
    return (no_colour == NULL || *no_colour == '\0') &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0) && isatty(STDERR_FILENO);
}

void log_follow_stream(void)
{
    log_output_set(&the_log.output, STDERR_FILENO, the_log.floor);
    the_log.stream = journal_is_stream(STDERR_FILENO) ? LOG_SINK_JOURNAL
                     : wants_colour()                 ? LOG_SINK_TERMINAL
                                                      : LOG_SINK_STREAM;
}

void log_open(const struct log_settings *settings, int floor)
{
    the_log.settings = *settings;
    the_log.floor = floor;
    the_log.syslog.floor = floor;
    log_follow_stream();
}

static struct log_layout layout_for(enum log_sink sink)
{
    const struct log_settings *settings = &the_log.settings;
    return (struct log_layout){
        .format = settings->format,
        .sink = sink,
        .program = the_log.program,
        .supervisor = getpid(),
        .facility = settings->syslog_facility,
        .tag = settings->syslog_tag != NULL ? settings->syslog_tag : the_log.program,
    };
}

static bool send_to_syslog(const struct log_record *record)
{
    char line[LOG_LINE_SIZE];
    if (the_log.settings.syslog_facility < 0) {
        return false;
    }
    const struct log_layout layout = layout_for(LOG_SINK_SYSLOG);
    return syslog_socket_send(&the_log.syslog, line, log_format_line(&layout, record, line));
}

static void write_to_stream(const struct log_record *record)
{
    char line[LOG_LINE_SIZE];
    const struct log_layout layout = layout_for(the_log.stream);
    log_output_write(&the_log.output, line, log_format_line(&layout, record, line));
}

/* What was lost is said as soon as something can be said again. */
static void tell_lost_lines(const struct timespec *time)
{
    size_t lost = log_output_take_lost(&the_log.output);
    if (lost > 0) {
        char message[128];
        int length =
            snprintf(message, sizeof message, "lost %zu line%s of this log (output not writable)",
                     lost, lost == 1 ? "" : "s");
        write_to_stream(&(struct log_record){.level = LOG_LEVEL_WARNING,
                                             .time = *time,
                                             .message = message,
                                             .length = (size_t)length});
    }
}

/* While no syslog daemon takes a line, standard error does: it is not lost. */
static void say(const struct log_record *record)
{
    if (!send_to_syslog(record)) {
        log_flush();
        write_to_stream(record);
    }
}

bool log_is_stalled(void)
{
    return log_output_is_stalled(&the_log.output);
}

void log_flush(void)
{
    struct timespec now;
    log_output_flush(&the_log.output);
    clock_gettime(CLOCK_REALTIME, &now);
    tell_lost_lines(&now);
}

void log_close(void)
{
    log_output_close(&the_log.output, CLOSE_PATIENCE_MS);
    syslog_socket_close(&the_log.syslog);
}

/* --- lines -------------------------------------------------------------------------------------
 */

/* Room for a sentence; what the supervisor says is shorter. Small, because a stack's pages stay. */
#define SENTENCE_SIZE 1024

static struct log_record begin_record(enum log_level level, const struct log_facts *facts)
{
    struct log_record record = {.level = level, .facts = *facts};
    clock_gettime(CLOCK_REALTIME, &record.time);
    return record;
}

/* Takes the first line off a text. */
static size_t cut_line(const char **text)
{
    size_t length = strcspn(*text, "\n");
    *text += length;
    *text += **text == '\n';
    return length;
}

static void say_formatted(enum log_level level, const struct log_facts *facts, const char *format,
                          va_list arguments)
{
    char sentence[SENTENCE_SIZE];
    if (level > the_log.settings.level ||
        vsnprintf(sentence, sizeof sentence, format, arguments) < 0) {
        return;
    }
    struct log_record record = begin_record(level, facts);
    for (const char *text = sentence; *text != '\0';) {
        record.message = text;
        record.length = cut_line(&text);
        say(&record);
    }
}

void log_about(enum log_level level, const struct log_facts *facts, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_formatted(level, facts, format, arguments);
    va_end(arguments);
}

static const struct log_facts no_facts = {.event = NULL};

void log_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_formatted(LOG_LEVEL_ERROR, &no_facts, format, arguments);
    va_end(arguments);
}

void log_warning(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_formatted(LOG_LEVEL_WARNING, &no_facts, format, arguments);
    va_end(arguments);
}

void log_info(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_formatted(LOG_LEVEL_INFO, &no_facts, format, arguments);
    va_end(arguments);
}

void log_debug(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_formatted(LOG_LEVEL_DEBUG, &no_facts, format, arguments);
    va_end(arguments);
}

void log_text(enum log_level level, const char *head, const char *text)
{
    struct log_record record = begin_record(level, &no_facts);
    while (level <= the_log.settings.level && *text != '\0') {
        char line[LOG_LINE_SIZE];
        const char *start = text;
        size_t length = cut_line(&text);
        int written = snprintf(line, sizeof line, "%s%.*s", head, (int)length, start);
        record.message = line;
        record.length = (size_t)written < sizeof line ? (size_t)written : sizeof line - 1;
        say(&record);
    }
}

bool log_is_own_line(const char *line)
{
    const struct log_layout layout = layout_for(LOG_SINK_STREAM);
    return log_format_is_own(&layout, line);
}
