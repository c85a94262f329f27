#include "json_field.h"

#include "builder.h"
#include "utf8.h"

#include <string.h>

/* Of a number that has been rounded so, as many digits as a double surely has. */
#define DIGITS 15

json_t *json_text(const char *text)
{
    AUTO_BUILDER struct builder clean = {.length = 0};
    for (size_t left = strlen(text); left > 0;) {
        uint32_t code_point;
        size_t length = utf8_decode(text, left, &code_point);
        if (length > 0) {
            builder_add_bytes(&clean, text, length);
        } else {
            builder_add_bytes(&clean, UTF8_REPLACEMENT, sizeof UTF8_REPLACEMENT - 1);
            length = 1;
        }
        text += length;
        left -= length;
    }
    return builder_is_whole(&clean) ? json_string_nocheck(builder_text(&clean)) : NULL;
}

void field_set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, text != NULL ? json_text(text) : json_null());
}

void field_set_number(json_t *object, const char *key, int64_t number)
{
    json_object_set_new(object, key, json_integer(number));
}

void field_set_known(json_t *object, const char *key, int64_t number)
{
    json_object_set_new(object, key, number < 0 ? json_null() : json_integer(number));
}

void field_set_seconds(json_t *object, const char *key, double seconds)
{
    double rounded = (double)(int64_t)(seconds * 1e6 + (seconds < 0 ? -0.5 : 0.5)) / 1e6;
    json_object_set_new(object, key, json_real(rounded));
}

void field_set_bool(json_t *object, const char *key, bool value)
{
    json_object_set_new(object, key, json_boolean(value));
}

static json_t *add(json_t *parent, const char *key, json_t *child)
{
    int result = key != NULL ? json_object_set_new(parent, key, child)
                             : json_array_append_new(parent, child);
    return result == 0 ? child : NULL;
}

json_t *field_add_object(json_t *parent, const char *key)
{
    return add(parent, key, json_object());
}

json_t *field_add_array(json_t *parent, const char *key)
{
    return add(parent, key, json_array());
}

char *json_line(const json_t *object)
{
    return object != NULL ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS)) : NULL;
}

int64_t field_number(const json_t *object, const char *key, int64_t missing)
{
    const json_t *field = json_object_get(object, key);
    return json_is_integer(field) ? json_integer_value(field) : missing;
}

double field_seconds(const json_t *object, const char *key, double missing)
{
    const json_t *field = json_object_get(object, key);
    return json_is_number(field) ? json_number_value(field) : missing;
}

const char *field_text(const json_t *object, const char *key, const char *missing)
{
    const json_t *field = json_object_get(object, key);
    return json_is_string(field) ? json_string_value(field) : missing;
}
