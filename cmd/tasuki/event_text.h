/*
 * Events of a supervisor as sentences.
 */
#ifndef EVENT_TEXT_H
#define EVENT_TEXT_H

#include <jansson.h>
#include <stddef.h>

#define EVENT_TEXT_SIZE 1024

/* Writes what an event says. One that is not known here (a newer supervisor's) is written as its
   name and its fields. */
void event_text(const json_t *event, char *buffer, size_t size);

/* How a worker ended, from the fields "exit_status" or "signal". */
void event_ending(const json_t *event, char *buffer, size_t size);

/* The field of an object, or what stands for one that is missing or of another type. */
json_int_t field_number(const json_t *object, const char *key, json_int_t missing);
double field_seconds(const json_t *object, const char *key, double missing);
const char *field_text(const json_t *object, const char *key, const char *missing);

#endif
