/*
 * The head of an HTTP/1.x request: its request line and its headers, RFC 9112. Pure parsing: it
 * reads memory that the caller holds, keeps nothing, and knows of no socket.
 */
#ifndef HELLO_REQUEST_H
#define HELLO_REQUEST_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

enum method { METHOD_OTHER, METHOD_GET, METHOD_HEAD, METHOD_POST };

struct request {
    enum method method;
    struct text target; /* points into the parsed memory */
    int minor_version;  /* the 1 of HTTP/1.1 */
    bool keep_alive;    /* the client wants the connection to stay open */
    bool expects_continue;
    uint64_t content_length; /* how many bytes of body follow the head */

    /* What the headers said, until all of them are known. */
    bool has_host;
    bool has_content_length;
    bool has_transfer_encoding;
    bool asks_close;
    bool asks_keep_alive;
};

/*
 * Parses the head that DATA begins with. Returns its length with the empty line that ends it, 0 if
 * it is not complete yet, or, negative, the HTTP status to refuse it with: -400, -411 (the body's
 * length is not told by Content-Length), or -505.
 */
int request_parse(struct request *request, const char *data, size_t length);

#endif
