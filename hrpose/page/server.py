"""The page's server: an image or a video in, poses out as JSON. Nothing is kept.

    a place in the queue -> the body, limited while it arrives -> the network's thread: decode, estimate -> JSON

The body of a request is the file itself. Its name and the boxes stand in the address. A video is answered by a line of
JSON a frame, while it is worked on.
"""

import json
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, aclosing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from hrpose.apis.boxes import WHOLE_IMAGE
from hrpose.apis.result import PoseResult
from hrpose.apis.tracking import with_ids
from hrpose.errors import UserError, printable
from hrpose.images.convert import swap_red_blue
from hrpose.page.guard import LOOPBACK, Guard
from hrpose.page.limits import Limits
from hrpose.page.media import decode_upload, read_video
from hrpose.page.static import FILES, describe_page
from hrpose.page.worker import Worker
from hrpose.tracking import OnlineTracker

# From an image (H, W, 3) uint8 BGR and its boxes, as `PoseInferencer` takes them, to its people.
Estimate = Callable[[np.ndarray, Any], PoseResult]
Lines = Iterator[dict[str, Any]]

MB = 1_000_000


def make_app(
    estimate: Estimate,
    metainfo: Mapping[str, Any],
    *,
    detects: bool,
    title: str = '',
    limits: Limits | None = None,
    hosts: Collection[str] = LOOPBACK,
    stopping: Callable[[], bool] = lambda: False,
) -> Starlette:
    """Return the application that serves the page and its poses.

    Args:
        estimate: a `PoseInferencer`, or what is called like one. It runs in one thread.
        metainfo: of its joints.
        detects: whether it finds people itself; else each request has to bring boxes.
        title: of the network, shown on the page.
        limits: of requests.
        hosts: names by which the server may be reached.
        stopping: whether the server is about to stop; videos are then broken off.
    """
    service = Service(estimate, metainfo, detects=detects, title=title, limits=limits or Limits(), stopping=stopping)
    routes = [
        Route('/about', service.about),
        Route('/image', service.image, methods=['POST']),
        Route('/video', service.video, methods=['POST']),
        Mount('/', StaticFiles(directory=FILES, html=True)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={
            HTTPException: _refuse,
            UserError: _explain,
            ClientDisconnect: _drop,
            Exception: _apologise,
        },
    )


class Service:
    """The answers to the page's requests; see `make_app` for the arguments."""

    def __init__(
        self,
        estimate: Estimate,
        metainfo: Mapping[str, Any],
        *,
        detects: bool,
        title: str,
        limits: Limits,
        stopping: Callable[[], bool],
    ) -> None:
        self.estimate, self.metainfo, self.detects = estimate, metainfo, detects
        self.title, self.limits, self.stopping = title, limits, stopping
        self.worker = Worker(limits.requests)

    async def about(self, request: Request) -> Response:
        """Describe the network and the limits."""
        return JSONResponse(describe_page(self.metainfo, title=self.title, detects=self.detects, limits=self.limits))

    async def image(self, request: Request) -> Response:
        """Answer with the people in the image that is the body."""
        name, boxes, limits = name_of(request), self.boxes_of(request), self.limits
        with self.worker.place():
            try:
                with anyio.fail_after(limits.image_seconds):
                    content = bytearray()
                    async for chunk in limited(request, limits.image_mb):
                        content += chunk
                    result = await self.worker.run(partial(self.people_in, bytes(content), name, boxes))
            except TimeoutError as error:
                reason = f'{name}: no answer within {limits.image_seconds} s; send a smaller image or fewer boxes'
                raise HTTPException(504, reason) from error
        return JSONResponse(result.to_dict())

    def people_in(self, content: bytes, name: str, boxes: Any) -> PoseResult:
        """Return the people in an encoded image."""
        rgb = decode_upload(content, name, megapixels=self.limits.image_megapixels)
        return replace(self.estimate(swap_red_blue(rgb), boxes), source=name)

    async def video(self, request: Request) -> Response:
        """Answer with a line of JSON for each frame of the video that is the body; boxes hold for every frame."""
        name, boxes, limits = name_of(request), self.boxes_of(request), self.limits
        deadline = anyio.current_time() + limits.video_seconds
        with ExitStack() as stack:
            stack.enter_context(self.worker.place())
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix='hrpose-page-'))
            path = Path(folder) / 'video'
            try:
                with anyio.fail_after(deadline - anyio.current_time()):
                    with path.open('wb') as file:
                        async for chunk in limited(request, limits.video_mb):
                            file.write(chunk)
                    lines = self.poses_of(path, name, boxes)
                    # What is wrong with the file shows at the first frame, while the status can still say so.
                    first = await self.worker.run(partial(next, lines))
            except TimeoutError as error:
                raise HTTPException(504, f'{name}: no frame was done within {limits.video_seconds} s') from error
            return LinesResponse(self.answer_lines(first, lines, deadline), stack.pop_all())

    def poses_of(self, path: Path, name: str, boxes: Any) -> Lines:
        """Yield the people of each frame of a video, with ids, and then how it ended."""
        limits, track = self.limits, OnlineTracker(self.metainfo['sigmas'])
        frames = read_video(path, name, megapixels=limits.video_megapixels)
        for index, (time, rgb) in enumerate(islice(frames, limits.video_frames)):
            found = replace(self.estimate(swap_red_blue(rgb), boxes), source=name, frame_index=index)
            ids = track(found.keypoints, found.scores, found.boxes, time=time, image_size=found.image_size)
            yield {'time': time, **with_ids(found, ids).to_dict()}
        is_cut = next(frames, None) is not None
        yield {'end': f'only the first {limits.video_frames} frames were looked at' if is_cut else ''}

    async def answer_lines(self, first: dict[str, Any], rest: Lines, deadline: float) -> AsyncIterator[str]:
        """Yield lines of JSON until the last one, the deadline, or an error, which has a line of its own."""
        line: dict[str, Any] | None = first
        while line is not None:
            yield json.dumps(line, ensure_ascii=False, allow_nan=False) + '\n'
            if self.stopping():
                yield json.dumps({'error': 'the server was stopped'}) + '\n'
                return
            try:
                with anyio.fail_after(deadline - anyio.current_time()):
                    line = await self.worker.run(partial(next, rest, None))
            except TimeoutError:
                reason = f'the time limit of {self.limits.video_seconds} s was reached; later frames are left out'
                yield json.dumps({'end': reason}) + '\n'
                return
            except UserError as error:
                yield json.dumps({'error': printable(str(error))}) + '\n'
                return

    def boxes_of(self, request: Request) -> Any:
        """Return the boxes that a request gives, as the network takes them.

        Raises:
            UserError: they are not numbers, too many, or missing.
        """
        text = request.query_params.get('boxes')
        if text is None:
            if not self.detects:
                raise UserError('no detector is here; draw a box around each person, or take the whole image')
            return None
        if text == WHOLE_IMAGE:
            return text
        try:
            boxes = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f'boxes: {text:.40} is not JSON; give [[x1, y1, x2, y2], …] or {WHOLE_IMAGE}') from error
        if not isinstance(boxes, list):
            raise UserError(f'boxes: {text:.40} is not a list; give [[x1, y1, x2, y2], …] or {WHOLE_IMAGE}')
        if len(boxes) > self.limits.boxes:
            raise UserError(f'{len(boxes)} boxes are too many; the limit is {self.limits.boxes}')
        return boxes


class LinesResponse(StreamingResponse):
    """Lines of JSON; what they need is released when the last one is sent or the reader has gone.

    Args:
        lines: one after the other.
        resources: closed at the end.
    """

    def __init__(self, lines: AsyncIterator[str], resources: ExitStack) -> None:
        super().__init__(lines, media_type='application/x-ndjson')
        self.lines, self.resources = lines, resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines."""
        with self.resources:
            async with aclosing(self.lines):  # type: ignore[type-var]
                await super().__call__(scope, receive, send)


async def limited(request: Request, megabytes: int) -> AsyncIterator[bytes]:
    """Yield the body of a request as it arrives.

    Raises:
        HTTPException: it is longer than the limit (413), seen as soon as it is.
    """
    reason = f'{name_of(request)}: the file is larger than the limit of {megabytes} MB'
    stated = request.headers.get('content-length', '0')
    received = int(stated) if stated.isdecimal() else 0
    if received > megabytes * MB:
        raise HTTPException(413, reason)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > megabytes * MB:
            raise HTTPException(413, reason)
        yield chunk


def name_of(request: Request) -> str:
    """Return the name of the file in a request, fit to stand in a message."""
    return printable(request.query_params.get('name', ''))[:200] or 'the file'


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({'error': error.detail}, error.status_code, error.headers)


async def _explain(request: Request, error: Exception) -> Response:
    return JSONResponse({'error': printable(str(error))}, 422)


async def _drop(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # the browser has closed the connection, so this answer is never sent


async def _apologise(request: Request, error: Exception) -> Response:
    return JSONResponse({'error': 'the server failed at this file; its terminal shows why'}, 500)
