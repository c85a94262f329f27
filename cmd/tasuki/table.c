#include "table.h"

#include "array.h"
#include "text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

enum { GAP = 2, LEAST_LAST_WIDTH = 20, COLUMNS_MAX = 16 };

static void push(struct table *table, char *cell)
{
    char **grown = array_grow(table->cells, table->cell_count, sizeof *grown);
    if (grown == NULL) {
        free(cell);
        return;
    }
    table->cells = grown;
    grown[table->cell_count++] = cell;
}

void table_add(struct table *table, const char *format, ...)
{
    char *cell = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&cell, format, arguments);
    va_end(arguments);
    if (length < 0) {
        abort(); /* out of memory, in a client */
    }
    text_clean(cell);
    push(table, cell);
}

/* A row whose first cell is NULL is a note, in its second. */
void table_add_note(struct table *table, const char *text)
{
    push(table, NULL);
    table_add(table, "%s", text);
    for (size_t i = 2; i < table->column_count; i++) {
        push(table, NULL);
    }
}

static void measure(const struct table *table, int widths[COLUMNS_MAX])
{
    for (size_t column = 0; column < table->column_count; column++) {
        widths[column] = text_width(table->columns[column].title);
    }
    for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count) {
        bool is_note = table->cells[i] == NULL;
        for (size_t column = 0; column < table->column_count && !is_note; column++) {
            int width = text_width(table->cells[i + column]);
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
}

static void print_padding(FILE *stream, int columns)
{
    fprintf(stream, "%*s", columns > 0 ? columns : 0, "");
}

static void print_last(FILE *stream, const char *text, int column, int width)
{
    text_print_wrapped(stream, text, column,
                       width - column < LEAST_LAST_WIDTH ? column + LEAST_LAST_WIDTH : width);
}

static void print_cell(const struct table *table, FILE *stream, size_t column, const char *text,
                       const int widths[COLUMNS_MAX], int start, int width)
{
    int padding = widths[column] - text_width(text);
    bool is_last = column + 1 == table->column_count;
    bool is_right = table->columns[column].alignment == TABLE_RIGHT;
    if (is_right) {
        print_padding(stream, padding);
    }
    if (is_last) {
        print_last(stream, text, start + (is_right && padding > 0 ? padding : 0), width);
        return;
    }
    fputs(text, stream);
    print_padding(stream, (is_right ? 0 : padding) + GAP);
}

static void print_row(const struct table *table, FILE *stream, char *const *cells,
                      const int widths[COLUMNS_MAX], int indent, int width)
{
    int start = indent;
    print_padding(stream, indent);
    if (cells != NULL && cells[0] == NULL) {
        print_padding(stream, widths[0] + GAP);
        print_last(stream, cells[1], start + widths[0] + GAP, width);
        return;
    }
    for (size_t column = 0; column < table->column_count; column++) {
        const char *text = cells != NULL ? cells[column] : table->columns[column].title;
        print_cell(table, stream, column, text, widths, start, width);
        start += widths[column] + GAP;
    }
}

void table_print(const struct table *table, FILE *stream, int indent, int width)
{
    int widths[COLUMNS_MAX] = {0};
    measure(table, widths);
    print_row(table, stream, NULL, widths, indent, width);
    for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count) {
        print_row(table, stream, table->cells + i, widths, indent, width);
    }
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
}
