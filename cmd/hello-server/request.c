/* The parser that request.h declares: one pass, line by line, from the start at every call. */
#include "request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool equals(struct text text, const char *word)
{
    return text.length == strlen(word) && memcmp(text.data, word, text.length) == 0;
}

static bool equals_ignoring_case(struct text text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.data, word, text.length) == 0;
}

/* A token is what RFC 9110 makes methods and header names of. */
static bool is_token(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (!isalnum(c) && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return text.length > 0;
}

static bool has_control_character(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static struct text without_outer_blanks(struct text text)
{
    while (text.length > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 &&
           (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

/* Cuts what stands before the first SEPARATOR off REST. Without one, that is all of it. */
static struct text take_until(struct text *rest, char separator)
{
    struct text taken = *rest;
    const char *found = memchr(rest->data, separator, rest->length);
    if (found == NULL) {
        *rest = (struct text){rest->data + rest->length, 0};
        return taken;
    }
    taken.length = (size_t)(found - rest->data);
    rest->data = found + 1;
    rest->length -= taken.length + 1;
    return taken;
}

static enum method method_of(struct text name)
{
    if (equals(name, "GET")) {
        return METHOD_GET;
    }
    if (equals(name, "HEAD")) {
        return METHOD_HEAD;
    }
    return equals(name, "POST") ? METHOD_POST : METHOD_OTHER;
}

/* Returns 0, or the status to refuse the request with, as do the functions below. */
static int parse_request_line(struct request *request, struct text line)
{
    struct text rest = line;
    struct text method = take_until(&rest, ' ');
    request->target = take_until(&rest, ' ');
    struct text version = rest;

    if (!is_token(method) || request->target.length == 0 || has_control_character(line)) {
        return 400;
    }
    if (version.length != strlen("HTTP/1.1") || memcmp(version.data, "HTTP/", 5) != 0 ||
        !isdigit((unsigned char)version.data[5]) || version.data[6] != '.' ||
        !isdigit((unsigned char)version.data[7])) {
        return 400;
    }
    if (version.data[5] != '1') {
        return 505;
    }
    request->minor_version = version.data[7] - '0';
    request->method = method_of(method);
    return 0;
}

static int parse_content_length(struct request *request, struct text value)
{
    /* Two lengths would let two readers of one stream see different requests in it. */
    if (value.length == 0 || request->has_content_length) {
        return 400;
    }
    uint64_t length = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (!isdigit((unsigned char)value.data[i]) || length > UINT64_MAX / 10 - 1) {
            return 400;
        }
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    request->has_content_length = true;
    request->content_length = length;
    return 0;
}

static void parse_connection(struct request *request, struct text value)
{
    while (value.length > 0) {
        struct text option = without_outer_blanks(take_until(&value, ','));
        request->asks_close |= equals_ignoring_case(option, "close");
        request->asks_keep_alive |= equals_ignoring_case(option, "keep-alive");
    }
}

static int parse_header(struct request *request, struct text line)
{
    if (memchr(line.data, ':', line.length) == NULL) {
        return 400;
    }
    struct text value = line;
    struct text name = take_until(&value, ':');
    value = without_outer_blanks(value);
    /* A blank before the colon, or at the start of the line, is no token either. */
    if (!is_token(name) || has_control_character(value)) {
        return 400;
    }
    if (equals_ignoring_case(name, "Content-Length")) {
        return parse_content_length(request, value);
    }
    if (equals_ignoring_case(name, "Connection")) {
        parse_connection(request, value);
    } else if (equals_ignoring_case(name, "Transfer-Encoding")) {
        request->has_transfer_encoding = true;
    } else if (equals_ignoring_case(name, "Expect")) {
        request->expects_continue = equals_ignoring_case(value, "100-continue");
    } else if (equals_ignoring_case(name, "Host")) {
        if (request->has_host) {
            return 400;
        }
        request->has_host = true;
    }
    return 0;
}

/* All headers are known: do they make sense together? */
static int complete(struct request *request)
{
    if (request->minor_version >= 1 && !request->has_host) {
        return 400;
    }
    if (request->has_transfer_encoding) {
        return request->has_content_length ? 400 : 411;
    }
    request->keep_alive =
        !request->asks_close && (request->minor_version >= 1 || request->asks_keep_alive);
    request->expects_continue = request->expects_continue && request->minor_version >= 1;
    return 0;
}

int request_parse(struct request *request, const char *data, size_t length)
{
    *request = (struct request){0};
    struct text rest = {data, length};
    bool is_first = true;
    while (memchr(rest.data, '\n', rest.length) != NULL) {
        struct text line = take_until(&rest, '\n');
        if (line.length > 0 && line.data[line.length - 1] == '\r') {
            line.length--;
        }
        if (line.length == 0 && !is_first) {
            int status = complete(request);
            return status == 0 ? (int)(rest.data - data) : -status;
        }
        int status = is_first ? parse_request_line(request, line) : parse_header(request, line);
        if (status != 0) {
            return -status;
        }
        is_first = false;
    }
    return 0;
}
