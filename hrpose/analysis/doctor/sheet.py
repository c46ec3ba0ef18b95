"""The overlay sheet: people that findings are about, and some others, cut out with their joints and box."""

from collections.abc import Sequence
from itertools import chain, zip_longest

import numpy as np

from hrpose.analysis.doctor.finding import Finding
from hrpose.analysis.doctor.images import Load
from hrpose.analysis.doctor.people import People
from hrpose.visualization import contact_sheet, crop_around, draw_boxes, draw_pose

CELL, COLUMNS = (240, 300), 8


def overlay_sheet(
    people: People, findings: Sequence[Finding], folder: str, load: Load, *, number: int = 32
) -> np.ndarray | None:
    """Return the sheet, (h, w, 3) uint8 RGB; None if no image can be read.

    Up to half of it shows people that findings are about, in turn, each under its fault's name. The rest is drawn
    evenly from the people that training uses.
    """
    chosen = [(row, fault, _tile(people, row, folder, load)) for row, fault in _choose(people, findings, number)]
    shown = [(tile, f'{fault} {people.ids[row]}'.strip()) for row, fault, tile in chosen if tile is not None]
    if not shown:
        return None
    tiles, captions = zip(*shown, strict=True)
    return contact_sheet(tiles, COLUMNS, cell=CELL, captions=captions)


def _choose(people: People, findings: Sequence[Finding], number: int) -> list[tuple[int, str]]:
    """Return the rows to draw, each with the fault that it is an example of, or ''."""
    shown = [[(row, finding.fault) for row in finding.people] for finding in findings if finding.people]
    in_turn = [pair for pair in chain.from_iterable(zip_longest(*shown)) if pair is not None]
    examples = list({row: fault for row, fault in reversed(in_turn)}.items())[::-1][: number // 2]
    used = np.flatnonzero(people.used)
    spread = used[np.unique(np.linspace(0, len(used) - 1, min(number, len(used))).astype(int))].tolist()
    others = [(row, '') for row in spread if row not in dict(examples)]
    return [*examples, *others][:number]


def _tile(people: People, row: int, folder: str, load: Load) -> np.ndarray | None:
    """Return one person, cut out to show the box and every labelled joint; None if the image cannot be read."""
    try:
        image = load({'img_path': people.path(int(people.image[row]), folder)})['img']
    except ValueError:
        return None
    box = people.boxes_xywh[row]
    corners = np.stack([box[:2], box[:2] + box[2:]])
    shown = np.concatenate([corners, people.keypoints[row][people.labelled[row]]])
    size = np.array(image.shape[1::-1])
    shown = shown.clip(-size, 2 * size)  # what is farther away would leave nothing of the image
    view = np.concatenate([shown.min(axis=0), shown.max(axis=0)])
    tile, to_tile = crop_around(image, view, (2 * CELL[0], 2 * CELL[1]), padding=1.15)
    points, ends = (xy @ to_tile[:, :2].T + to_tile[:, 2] for xy in (people.keypoints[row], corners))
    return draw_pose(draw_boxes(tile, ends.reshape(1, 4)), points, people.flags[row], people.metainfo, threshold=0)
