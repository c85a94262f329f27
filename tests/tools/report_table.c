/*
 * Prints the table of reports, for the test of the documents: name and fields, a tab
 * between them.
 */
#include "report.h"

#include <stdio.h>

int main(void)
{
    char fields[256];
    for (size_t i = 0; report_kind_at(i) != NULL; i++) {
        const struct report_kind *kind = report_kind_at(i);
        printf("%s\t%s\n", report_name(kind), report_kind_fields(kind, fields, sizeof fields));
    }
    return 0;
}
