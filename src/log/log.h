/*
 * The supervisor's own lines: which of them are said, and where they go. Standard error, in one
 * write(2) each, so that they are never torn by what a worker writes there; or syslog. It never
 * waits for who reads them, takes no memory while they are read, and never ends the program.
 */
#ifndef LOG_H
#define LOG_H

#include "log_format.h"

#include <stdbool.h>

struct log_settings {
    enum log_level level; /* the least urgent that is said */
    enum log_format format;
    int syslog_facility;    /* one of syslog(3)'s; -1: no syslog */
    const char *syslog_tag; /* NULL: the program's name */
};

/* The name that each line begins with; the caller's. */
void log_set_name(const char *name);

/* How lines are said from now on: `settings` are copied, their text stays the caller's. Until then
   they go to standard error as text. Descriptors that it opens get numbers of at least `floor`. */
void log_open(const struct log_settings *settings, int floor);

/* To be called when standard error has become something else. */
void log_follow_stream(void);

/* True if lines wait for a stalled reader or a full disk; log_flush tries them again. */
bool log_is_stalled(void);
void log_flush(void);

/* Gives lines that wait a last chance, for a bounded time. What is said afterwards goes to standard
   error all the same. */
void log_close(void);

/* A line. No newline at the end of `format`; text of several lines becomes as many lines. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with what it is about, for who reads the log with a program. */
void log_about(enum log_level level, const struct log_facts *facts, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A text of several lines that somebody else wrote, with `head` in front of each. */
void log_text(enum log_level level, const char *head, const char *text);

/* True if the line that begins here was written by this supervisor. */
bool log_is_own_line(const char *line);

#endif
