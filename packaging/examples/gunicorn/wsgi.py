import os

BODY = b"generation %s\n" % os.environb[b"SERVER_STARTER_GENERATION"]


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [BODY]
