"""A WSGI application that gives one right answer, and tells which generation gave it."""

import os

BODY = b"a right answer\n"


def app(environ, start_response):
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/plain"),
            ("Content-Length", str(len(BODY))),
            ("X-Generation", os.environ["SERVER_STARTER_GENERATION"]),
        ],
    )
    return [BODY]
