"""A right answer, for gunicorn (wsgi) and for uvicorn and hypercorn (asgi)."""
import os

GENERATION = os.environb[b"SERVER_STARTER_GENERATION"]
BODY = b"a right answer\n"


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY))),
                              ("X-Generation", GENERATION.decode())])
    return [BODY]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    headers = [(b"Content-Type", b"text/plain"), (b"Content-Length", b"%d" % len(BODY)),
               (b"X-Generation", GENERATION)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})
