#include "json_text.h"

#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the text ----------------------------------------------------------------------------------
 */

static int make_room(struct json_text *json, size_t size)
{
    if (json->has_failed) {
        return -1;
    }
    if (json->length + size + 1 > json->capacity) {
        size_t capacity = (json->length + size + 1) * 2;
        char *grown = realloc(json->bytes, capacity);
        if (grown == NULL) {
            json->has_failed = true;
            return -1;
        }
        json->bytes = grown;
        json->capacity = capacity;
    }
    return 0;
}

static void add(struct json_text *json, const char *bytes, size_t size)
{
    if (make_room(json, size) == 0) {
        memcpy(json->bytes + json->length, bytes, size);
        json->length += size;
        json->bytes[json->length] = '\0';
    }
}

static void add_text(struct json_text *json, const char *text)
{
    add(json, text, strlen(text));
}

static void add_quoted(struct json_text *json, const char *text)
{
    add_text(json, "\"");
    for (size_t left = strlen(text); left > 0;) {
        char escaped[JSON_ESCAPED_MAX];
        size_t taken;
        add(json, escaped, json_escape(text, left, &taken, escaped));
        text += taken;
        left -= taken;
    }
    add_text(json, "\"");
}

/* What goes in front of a value. */
static void begin(struct json_text *json, const char *key)
{
    const char *last = json->length > 0 ? json->bytes + json->length - 1 : "[";
    if (*last != '{' && *last != '[') {
        add_text(json, ",");
    }
    if (key != NULL) {
        add_quoted(json, key);
        add_text(json, ":");
    }
}

const char *json_text_line(const struct json_text *json)
{
    return json->has_failed ? NULL : json->bytes;
}

void json_text_free(struct json_text *json)
{
    free(json->bytes);
    *json = (struct json_text){.length = 0};
}

size_t json_escape(const char *text, size_t size, size_t *taken, char escaped[JSON_ESCAPED_MAX])
{
    static const char digits[] = "0123456789abcdef";
    uint32_t code_point;
    size_t length = utf8_decode(text, size, &code_point);
    *taken = length > 0 ? length : 1;
    if (length == 0) {
        memcpy(escaped, UTF8_REPLACEMENT, sizeof UTF8_REPLACEMENT - 1);
        return sizeof UTF8_REPLACEMENT - 1;
    }
    if (code_point == '"' || code_point == '\\') {
        escaped[0] = '\\';
        escaped[1] = *text;
        return 2;
    }
    if (code_point < 0x20) {
        const char unicode[] = {
            '\\', 'u', '0', '0', digits[code_point >> 4], digits[code_point & 0xF]};
        memcpy(escaped, unicode, sizeof unicode);
        return sizeof unicode;
    }
    memcpy(escaped, text, length);
    return length;
}

/* --- values ------------------------------------------------------------------------------------
 */

void json_text_open(struct json_text *json, const char *key, char bracket)
{
    begin(json, key);
    add(json, &bracket, 1);
}

void json_text_close(struct json_text *json, char bracket)
{
    add(json, &bracket, 1);
}

void json_text_null(struct json_text *json, const char *key)
{
    begin(json, key);
    add_text(json, "null");
}

void json_text_string(struct json_text *json, const char *key, const char *text)
{
    if (text == NULL) {
        json_text_null(json, key);
    } else {
        begin(json, key);
        add_quoted(json, text);
    }
}

void json_text_number(struct json_text *json, const char *key, int64_t number)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%" PRId64, number);
    begin(json, key);
    add_text(json, digits);
}

void json_text_known(struct json_text *json, const char *key, int64_t number)
{
    if (number < 0) {
        json_text_null(json, key);
    } else {
        json_text_number(json, key, number);
    }
}

void json_text_seconds(struct json_text *json, const char *key, double seconds)
{
    bool is_negative = seconds < 0;
    int64_t microseconds = (int64_t)((is_negative ? -seconds : seconds) * 1e6 + 0.5);
    char digits[48];
    int length = snprintf(digits, sizeof digits, "%s%" PRId64 ".%06" PRId64, is_negative ? "-" : "",
                          microseconds / 1000000, microseconds % 1000000);
    while (digits[length - 1] == '0' && digits[length - 2] != '.') {
        length--;
    }
    begin(json, key);
    add(json, digits, (size_t)length);
}

void json_text_bool(struct json_text *json, const char *key, bool value)
{
    begin(json, key);
    add_text(json, value ? "true" : "false");
}
