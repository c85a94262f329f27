/*
 * How a line of the supervisor's looks: text or JSON, with what its way there needs in front. Pure:
 * it takes no memory and asks nobody, so that a line can be made when nothing else works any more.
 * That, and that an object of six flat fields is no document, is why JSON is written by hand here.
 */
#ifndef LOG_FORMAT_H
#define LOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* A line is never longer, its newline included: PIPE_BUF, so that it goes into a pipe whole or not
   at all (pipe(7)). What is longer is cut. */
#define LOG_LINE_MAX 4096
#define LOG_LINE_SIZE (LOG_LINE_MAX + 1)

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVELS };

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Where it goes decides what is in front of a line. */
enum log_sink {
    LOG_SINK_STREAM,   /* the time, and the program with its pid */
    LOG_SINK_TERMINAL, /* the same in colours */
    LOG_SINK_JOURNAL,  /* <PRIORITY>, as sd-daemon(3) has it: the journal knows the rest */
    LOG_SINK_SYSLOG,   /* <PRIORITY>TIME TAG[PID]: without a newline at the end (RFC 3164) */
};

struct log_layout {
    enum log_format format;
    enum log_sink sink;
    const char *program;
    pid_t supervisor;
    int facility;    /* LOG_SINK_SYSLOG: one of syslog(3)'s */
    const char *tag; /* LOG_SINK_SYSLOG */
};

/* What a line is about, as far as the one who says it knows. */
struct log_facts {
    const char *event;   /* NULL: none */
    uint64_t generation; /* 0: none */
    pid_t pid;           /* a worker; 0: none */
};

struct log_record {
    enum log_level level;
    struct timespec time;
    struct log_facts facts;
    const char *message; /* of one line, without a newline; any bytes */
    size_t length;
};

/* Makes the line, of LOG_LINE_MAX bytes at most. Returns its length. */
size_t log_format_line(const struct log_layout *layout, const struct log_record *record,
                       char line[LOG_LINE_SIZE]);

/* True if the line that begins here is one that this layout's supervisor wrote to a stream. */
bool log_format_is_own(const struct log_layout *layout, const char *line);

const char *log_level_name(enum log_level level);

#endif
