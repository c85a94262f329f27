/*
 * A [listen NAME] section of a configuration file: one socket, with its options as keys. It is put
 * together as --port or --path would have it, so that one parser knows both notations.
 */
#ifndef LISTENER_SECTION_H
#define LISTENER_SECTION_H

#include "config_errors.h"
#include "config_file.h"
#include "option_value.h"

#include <stdbool.h>

/* A section of one socket: entries[0] is its own line. */
struct listener_section {
    const struct config_entry *entries;
    size_t count;
    const struct config_entry *address; /* its port or path; NULL: not found yet */
};

/* The NAME of such a section; NULL: it is another one. */
const char *listener_section_name(const char *section);

/* Finds the address, and what is there twice or does not belong there. Returns true if all is well;
   what is not is told. */
bool listener_section_check(struct listener_section *section, struct config_errors *errors);

/* The section, once checked, as text, as far as its first `count` entries go; its own line has the
   name. To be freed; NULL: no memory. */
char *listener_section_compose(const struct listener_section *section, size_t count);

/* The parser names the option, not the line: that is the first one without which it is content.
   `row` is the address's. */
unsigned listener_section_line_at_fault(const struct listener_section *section,
                                        const struct option_row *row);

#endif
