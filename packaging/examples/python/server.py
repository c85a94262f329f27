import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"generation %s\n" % os.environb[b"SERVER_STARTER_GENERATION"])


class Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for the answers that are under way


server = Server(("", 8080), Hello)
server.socket.setblocking(False)  # another generation may be faster
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
