/*
 * The fields of the JSON objects on the control socket, written and read with jansson. A field that
 * cannot be written (no memory) is missing; a missing field, or one of another type, reads as the
 * default that the caller gives.
 */
#ifndef JSON_FIELD_H
#define JSON_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* NULL gives null. Text of any bytes: each that is not part of valid UTF-8 (a character cut in two,
   say) is replaced by U+FFFD. */
void field_set_text(json_t *object, const char *key, const char *text);
void field_set_number(json_t *object, const char *key, int64_t number);
/* A negative number is not known, and gives null. */
void field_set_known(json_t *object, const char *key, int64_t number);
/* Rounded to ten microseconds. */
void field_set_seconds(json_t *object, const char *key, double seconds);
void field_set_bool(json_t *object, const char *key, bool value);

/* A string of any bytes, as field_set_text makes it; to be owned. NULL without memory. */
json_t *json_text(const char *text);

/* A new object, or array, that `parent` owns: its member of that key, or its next item for NULL. */
json_t *field_add_object(json_t *parent, const char *key);
json_t *field_add_array(json_t *parent, const char *key);

/* The object as one line, to be freed; NULL without memory. */
char *json_line(const json_t *object);

int64_t field_number(const json_t *object, const char *key, int64_t missing);
double field_seconds(const json_t *object, const char *key, double missing);
const char *field_text(const json_t *object, const char *key, const char *missing);

#endif
