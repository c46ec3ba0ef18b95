"""Drawings of a stream's results, with the trails of people."""

from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np

from hrpose.apis.result import Colours, PoseResult
from hrpose.errors import UserError
from hrpose.visualization import draw_trails


class StreamDrawing:
    """Draws the results of a stream, one after the other; each is drawn once, however many ask for it.

    Args:
        threshold: keypoints with a higher score are drawn.
        colours: of people, see `PoseResult.draw`.
        trails: over how many frames the path of the centre of each person's box is drawn; 0 draws none.

    Raises:
        UserError: a negative number of frames.
    """

    def __init__(self, *, threshold: float = 0.2, colours: Colours | None = None, trails: int = 0) -> None:
        if trails < 0:
            raise UserError(f'trails: {trails} frames; give a number of at least 0')
        self.threshold, self.colours, self.trails = threshold, colours, trails
        self._last: PoseResult | None = None
        self._drawn = np.zeros((0, 0, 3), np.uint8)
        self._paths: dict[int, deque[np.ndarray]] = {}

    def __call__(self, result: PoseResult) -> np.ndarray:
        """Return the result's image with its people, (H, W, 3) uint8 RGB; do not change it.

        Raises:
            UserError: trails are asked for and people have no ids, and all that `PoseResult.draw` raises.
        """
        if result is not self._last:
            self._follow(result)
            canvas = result.rgb
            if canvas is not None and self._paths:
                paths = [np.array(path) for path in self._paths.values()]
                canvas = draw_trails(canvas, paths, ids=list(self._paths))
            self._drawn = replace(result, rgb=canvas).draw_rgb(threshold=self.threshold, colours=self.colours)
            self._last = result
        return self._drawn

    def _follow(self, result: PoseResult) -> None:
        """Lengthen the paths by a frame; begin anew where another video, folder or image size begins."""
        if not self.trails:
            return
        if result.track_ids is None:
            raise UserError('trails: people have no ids, by which their paths are drawn; give track=True')
        last = self._last
        same = last is not None and Path(last.name).parent == Path(result.name).parent
        if last is None or not same or last.image_size != result.image_size:
            self._paths = {}
        seen = dict(zip(result.track_ids.tolist(), result.boxes.reshape(-1, 2, 2).mean(axis=1), strict=True))
        for number in seen.keys() - self._paths.keys():
            self._paths[number] = deque(maxlen=self.trails)
        for number, path in self._paths.items():
            path.append(seen.get(number, np.full(2, np.nan)))
        self._paths = {number: path for number, path in self._paths.items() if np.isfinite(path).any()}
