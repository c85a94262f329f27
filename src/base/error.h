/*
 * An error is a sentence that names the thing, the reason and what was expected. Functions that can
 * fail return -1 and fill one; only cmd/ and the supervisor decide whether to print it.
 */
#ifndef ERROR_H
#define ERROR_H

struct error {
    char text[512];
};

/* Fills `error` (which may be NULL) and returns -1, so that a failure is one line:
   return error_set(error, "cannot open %s: %s", path, strerror(errno)); */
int error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
