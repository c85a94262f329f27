/*
 * JSON under construction (RFC 8259), written straight into a text: a reply of the supervisor's. It
 * makes no tree of values and prints no floating-point number, for what a library needs for that
 * would stay in the supervisor's memory: 150 kB, the tenth part of it. It owns the text. It cannot
 * read JSON; who has to (the client commands) uses jansson.
 *
 * `key` is the member's name inside an object, and NULL everywhere else. Where memory runs out,
 * nothing more is written, and json_text_line says so.
 */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins as all zeros. */
struct json_text {
    char *bytes; /* owned; ended by a NUL */
    size_t length;
    size_t capacity;
    bool has_failed;
};

#define AUTO_JSON_TEXT __attribute__((cleanup(json_text_free)))

/* '{' or '[', and the bracket that closes it. */
void json_text_open(struct json_text *json, const char *key, char bracket);
void json_text_close(struct json_text *json, char bracket);

/* A string of any bytes: each that is not part of valid UTF-8 (a multibyte character that was cut
   in two, say) is replaced by U+FFFD. NULL gives null. */
void json_text_string(struct json_text *json, const char *key, const char *text);

void json_text_number(struct json_text *json, const char *key, int64_t number);
/* The same, but a negative number gives null: it is not known. */
void json_text_known(struct json_text *json, const char *key, int64_t number);
/* To the microsecond, which is more than anybody reads. */
void json_text_seconds(struct json_text *json, const char *key, double seconds);
void json_text_bool(struct json_text *json, const char *key, bool value);
void json_text_null(struct json_text *json, const char *key);

/* What has been made, until the text is freed; NULL if memory has run out. */
const char *json_text_line(const struct json_text *json);

void json_text_free(struct json_text *json);

#define JSON_ESCAPED_MAX 6

/* One character of a string: what stands for that which `text` begins with is put into `escaped`;
   `size` is at least 1. Returns how much that is, and in `taken` how much of the text it is. */
size_t json_escape(const char *text, size_t size, size_t *taken, char escaped[JSON_ESCAPED_MAX]);

#endif
