"""Connections to http(s) addresses: nothing but http, at a least rate, with passwords kept to the server named."""

import io
import time
from base64 import b64encode
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import IO, Any
from urllib.parse import unquote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from hrpose.errors import UserError, shown

# A server has to send this much in each span, its headers included; a download is a hundred thousand times as fast.
LEAST_BYTES, SPAN = 10 * 1024, 60.0  # bytes, seconds


def is_address(text: str) -> bool:
    """Return whether `text` is meant as an http(s) address."""
    return text.lower().startswith(('http://', 'https://'))


def require_address(text: str) -> str:
    """Return the path of an http(s) address; raise `UserError` for one that no server can be asked for."""
    try:
        parts = urlsplit(text)
        is_valid = bool(parts.hostname) and parts.port != 0
    except ValueError:  # an odd port, or brackets that do not close
        is_valid = False
    if not (is_valid and text.isascii() and text.isprintable() and ' ' not in text):
        raise UserError(f'{shown(text)}: not a valid address; give http(s)://host/path, with other signs as %XX')
    return parts.path


def open_address(address: str, headers: dict[str, str], *, timeout: float) -> Any:
    """Return the response of an address; its status may be 206 if `headers` ask for a range.

    Args:
        address: http(s); a user and password in it are sent to this server only.
        headers: of the request.
        timeout: seconds without an answer.

    Raises:
        OSError, HTTPException, ValueError: no answer, an HTTP error, a wrong address, or a server that is too slow.
    """
    scheme, _, rest = address.partition('://')
    server, slash, path = rest.partition('/')
    credentials, _, host = server.rpartition('@')
    request = Request(f'{scheme}://{host}{slash}{path}', headers=headers)
    if credentials:
        request.add_unredirected_header('Authorization', f'Basic {b64encode(unquote(credentials).encode()).decode()}')
    opener = OpenerDirector()  # urllib's own follows a redirection to ftp too
    for handler in (
        ProxyHandler,
        UnknownHandler,
        HTTPDefaultErrorHandler,
        _Redirects,
        HTTPErrorProcessor,
        _Http,
        _Https,
    ):
        opener.add_handler(handler())
    return opener.open(request, timeout=timeout)


class _Redirects(HTTPRedirectHandler):
    """Follows redirections, but not from https to http."""

    def redirect_request(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> Any:
        if req.type == 'https' and not newurl.lower().startswith('https:'):
            raise ConnectionError('the server redirects to an address without encryption')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Paced(io.RawIOBase):
    """The bytes of a socket, which have to arrive at the least rate."""

    def __init__(self, source: io.RawIOBase) -> None:
        self._source, self._since, self._count = source, time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._source.readinto(buffer)
        self._count += count or 0
        now = time.monotonic()
        if now - self._since > SPAN:
            if count and self._count < LEAST_BYTES:
                raise ConnectionError(f'the server sent {self._count} bytes in {now - self._since:.0f} s')
            self._since, self._count = now, 0
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = io.BufferedReader(_Paced(self.fp.detach()))


class _HttpConnection(HTTPConnection):
    response_class = _Response


class _HttpsConnection(HTTPSConnection):
    response_class = _Response


class _Http(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_HttpConnection, req)


class _Https(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_HttpsConnection, req)
