"""A web server that knows which bytes of its one file reached the other side: by what TCP has acknowledged, not by what was handed to send()."""
import http.server
import socket
import struct
import threading
import time

CHUNK = 16 << 10
BYTES_ACKED = 120  # tcpi_bytes_acked in struct tcp_info, <linux/tcp.h>


class Connection:
    """What was sent on one connection: heads, and ranges of the file, in order."""

    def __init__(self, sock):
        self.sock, self.parts, self.acked = sock, [], 0  # parts: (bytes, first byte of the file or None)

    def look(self):
        try:
            info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            self.acked = max(self.acked, struct.unpack_from("<Q", info, BYTES_ACKED)[0])
        except OSError:
            pass  # closed: what was seen last counts

    def arrived(self):
        """Pieces (first, size) of the file that the other side has acknowledged."""
        left = max(0, self.acked - 1)  # the SYN counts as one
        for size, first in self.parts:
            taken = min(size, left)
            left -= taken
            if first is not None and taken:
                yield first, taken


class Server:
    """Serves `content` at every path, with ranges; use with `with`."""

    def __init__(self, content, address="127.0.0.1", bytes_per_s=None):
        self.content, self.bytes_per_s, self.connections, self.requests, self.lock = content, bytes_per_s, [], [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                self.tally = Connection(self.connection)
                with outer.lock:
                    outer.connections.append(self.tally)

            def finish(self):
                self.tally.look()
                super().finish()

            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # clients of these tests die

        self.listener = Listener((address, 0), Handler)
        self.url = f"http://{address}:{self.listener.server_port}/update.aloft"

    def __enter__(self):
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown()
        self.listener.server_close()

    def answer(self, handler):
        asked = handler.headers.get("Range")
        first, last = 0, len(self.content) - 1
        if asked:
            start, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(start), min(int(end or last), last)
        self.requests.append(asked)
        body = memoryview(self.content)[first:last + 1]
        head = (f"HTTP/1.1 {'206 Partial Content' if asked else '200 OK'}\r\nContent-Length: {len(body)}\r\nETag: \"one\"\r\n"
                + (f"Content-Range: bytes {first}-{last}/{len(self.content)}\r\n" if asked else "") + "\r\n").encode()
        tally = handler.tally
        tally.parts += [(len(head), None), (len(body), first)]
        try:
            handler.wfile.write(head)
            for at in range(0, len(body), CHUNK):
                handler.wfile.write(body[at:at + CHUNK])
                tally.look()
                if self.bytes_per_s:
                    time.sleep(CHUNK / self.bytes_per_s)
        except OSError:
            handler.close_connection = True
        tally.look()

    def arrived(self):
        """Every piece (first, size) that reached a client, over all connections."""
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.look()
        return [piece for connection in connections for piece in connection.arrived()]


def twice(pieces, start=0):
    """Bytes from `start` on that are in more than one piece, counted once for each time too many."""
    clipped = [(max(first, start), first + size) for first, size in pieces if first + size > start]
    covered = end = 0
    for first, last in sorted(clipped):
        covered += max(0, last - max(first, end))
        end = max(end, last)
    return sum(last - first for first, last in clipped) - covered
