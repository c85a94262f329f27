#include "event_text.h"

#include "builder.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

static void write_unknown(const json_t *event, struct builder *builder)
{
    const char *key;
    const json_t *value;
    builder_add(builder, "%s", field_text(event, "event", "?"));
    json_object_foreach((json_t *)event, key, value)
    {
        if (strcmp(key, "event") != 0 && strcmp(key, "time") != 0) {
            char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
            builder_add(builder, " %s=%s", key, text != NULL ? text : "?");
            free(text);
        }
    }
}

void event_text(const json_t *event, char *buffer, size_t size)
{
    const struct report report = report_from_json(event);
    if (report.kind != NULL) {
        report_sentence(&report, buffer, size);
    } else {
        struct builder builder = builder_in(buffer, size);
        write_unknown(event, &builder);
    }
}
