/*
 * A table of text: columns as wide as what they hold, the last one wrapped to the width that is
 * left.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdio.h>

enum table_alignment { TABLE_LEFT, TABLE_RIGHT };

struct table_column {
    const char *title;
    enum table_alignment alignment;
};

struct table {
    const struct table_column *columns; /* the caller's */
    size_t column_count;
    char **cells; /* owned, row by row; a note is a NULL and its text */
    size_t cell_count;
};

#define TABLE(column_array)                                                                        \
    {                                                                                              \
        .columns = (column_array), .column_count = sizeof(column_array) / sizeof(column_array)[0]  \
    }

/* Adds the next cell of a row; the rows follow from the number of columns. Made harmless first. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a row that is one text, wrapped, from the second column on. */
void table_add_note(struct table *table, const char *text);

/* Prints it, each line after `indent` spaces and no wider than `width` where the last column can
   be wrapped to that. */
void table_print(const struct table *table, FILE *stream, int indent, int width);

void table_free(struct table *table);

#endif
