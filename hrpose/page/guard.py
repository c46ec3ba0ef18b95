"""What keeps other sites out: checks of the Host and Origin headers, and headers that restrict the page."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({'127.0.0.1', 'localhost', '::1'})
READING = ('GET', 'HEAD')
HEADERS = {
    # A dropped video plays from a blob: address that the page makes; all else comes from this server.
    'Content-Security-Policy': (
        "default-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(self), microphone=(), geolocation=()',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
}


class Guard:
    """Middleware that answers only requests of the page itself, and of programs without an Origin header.

    Args:
        app: the guarded application.
        hosts: names by which the server may be reached. Any other may be a stranger's domain that was made to point
            here (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app, self.hosts = app, frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope['type'] != 'http':
            return await self.app(scope, receive, send)

        async def send_restricted(message: Message) -> None:
            if message['type'] == 'http.response.start':
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        status, reason = self._objection(scope['method'], Headers(scope=scope))
        answer = JSONResponse({'error': reason}, status) if reason else self.app
        await answer(scope, receive, send_restricted)

    def _objection(self, method: str, headers: Headers) -> tuple[int, str]:
        """Return the status and the reason of a refusal; the reason is '' if there is none."""
        host = headers.get('host', '')
        if host_name(host) not in self.hosts:
            return 421, 'this server does not go by the name in the address; use the address that it printed'
        if method in READING:
            return 200, ''
        origin = headers.get('origin')
        from_elsewhere = headers.get('sec-fetch-site', 'same-origin') not in ('same-origin', 'none')
        if from_elsewhere or (origin is not None and urlsplit(origin).netloc.lower() != host.lower()):
            return 403, 'another site may not send files to this server'
        return 200, ''


def host_name(host: str) -> str:
    """Return the name in a Host header without its port, in lower case; '' if it is malformed."""
    try:
        return urlsplit(f'//{host}').hostname or ''
    except ValueError:
        return ''
