/*
 * Events of a supervisor as sentences.
 */
#ifndef EVENT_TEXT_H
#define EVENT_TEXT_H

#include "json_field.h"

#include <stddef.h>

#define EVENT_TEXT_SIZE 1024

/* Writes what an event says. One that is not known here (a newer supervisor's) is written as its
   name and its fields. */
void event_text(const json_t *event, char *buffer, size_t size);

#endif
