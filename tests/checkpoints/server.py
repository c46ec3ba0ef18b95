"""A server on this machine that serves one file, as badly as a test asks."""

import hashlib
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

CONTENT = np.random.default_rng(0).bytes(3_200_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one content at every path, as badly as a test asks.

    Attributes:
        asked: the `Range` of each request, None for the whole.
        paths: the path of each request.
        breaks: after how many bytes the connection of each next request breaks.
        pause: how many seconds it is silent before it breaks.
        ranges: whether a part can be asked for.
        statuses: what each next request is answered; 200 is all right.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.content, self.ranges, self.pause = CONTENT, True, 0.0
        self.asked: list[str | None] = []
        self.paths: list[str] = []
        self.breaks: list[int] = []
        self.statuses: list[int] = []

    @property
    def base(self) -> str:
        return f'http://127.0.0.1:{self.server_address[1]}'

    @property
    def address(self) -> str:
        return f'{self.base}/weights.pth'


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, given = self.server, self.headers.get('Range')
        server.asked.append(given)
        server.paths.append(self.path)
        start = int(re.fullmatch(r'bytes=(\d+)-', given)[1]) if given and server.ranges else 0
        status = server.statuses.pop(0) if server.statuses else 200
        if status != 200 or start >= len(server.content):
            self.send_error(status if status != 200 else 416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header('Content-Length', str(len(body)))
        if start:
            self.send_header('Content-Range', f'bytes {start}-{len(server.content) - 1}/{len(server.content)}')
        self.end_headers()
        if server.breaks:
            self.wfile.write(body[: server.breaks.pop(0)])
            time.sleep(server.pause)
        else:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
