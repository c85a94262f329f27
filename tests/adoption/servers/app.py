"""One application, for WSGI and for ASGI. It takes a moment, as one that asks a database does."""
import asyncio
import time

MOMENT = 0.01
ANSWER = b"a right answer\n"
HEAD = [("Content-Type", "text/plain"), ("Content-Length", str(len(ANSWER)))]


def wsgi(environ, start_response):
    time.sleep(MOMENT)
    start_response("200 OK", HEAD)
    return [ANSWER]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    await asyncio.sleep(MOMENT)
    headers = [(name.lower().encode(), value.encode()) for name, value in HEAD]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})
