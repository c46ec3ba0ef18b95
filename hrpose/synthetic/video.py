"""Writing videos of generated people in PoseTrack18's layout, for tracking.

    annotations/{train,val}/000001_synthetic.json   one file a video: images and annotations
    images/{train,val}/000001_synthetic/000000.jpg  its frames

A person keeps one `track_id` throughout a video, also after leaving the image. As in PoseTrack18, joints outside the
image or behind somebody or something else are not labelled, ears never are, and `bbox` is the extent of the labelled
joints with 15 % of it added on each side. A person of whom little is visible is an ignored region. A video depends on
(seed, split, index, frames, size) alone, not on the number of workers or videos.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.synthetic.appearance import sample_light
from hrpose.synthetic.background import sample_background
from hrpose.synthetic.camera import Camera
from hrpose.synthetic.folder import LICENSE, check_request, fill, in_processes, write_bytes, write_json
from hrpose.synthetic.motion import RATE, Shot, sample_shot
from hrpose.synthetic.render import DEPTHS, Drawing, Seen, develop

VERSION = 1  # of the generator; raise it when the same seed gives other videos
SPLITS = {'train': 0, 'val': 500_000}  # what the numbers of videos begin after
SIZE = (320, 240)
LEAST_FRAMES = 12  # fewer leave no time to cross, leave and return
MARGIN = 0.15  # of the labelled joints' extent, on each side of `bbox`

JOINTS: tuple[str, ...] = resolve('posetrack18')['keypoint_names']
_DEPTHS = {'head_bottom': 0.05, 'head_top': 0.03, **DEPTHS}
JOINT_DEPTHS = {name: _DEPTHS[name] for name in JOINTS}
_EARS = [JOINTS.index(f'{side}_ear') for side in ('left', 'right')]

# Less of a person is an ignored region: joints, share of what would be visible with nothing in front, image pixels.
LEAST_JOINTS, LEAST_SHARE, LEAST_AREA = 4, 0.25, 150


def make_videos(
    out: str | Path,
    *,
    train: int,
    val: int,
    frames: int = 60,
    seed: int = 0,
    workers: int = 2,
    overwrite: bool = False,
    size: tuple[int, int] = SIZE,
) -> bool:
    """Write `train` + `val` videos of `frames` frames to the folder `out`.

    Repeating a finished request changes nothing; an interrupted one starts again.

    Args:
        out: the folder.
        train: videos in the training split.
        val: videos in the validation split.
        frames: of each video, 15 a second. In fewer than 45 people run.
        seed: 0 or more.
        workers: processes.
        overwrite: whether to replace another data set of this package.
        size: (width, height) of the images, even numbers.

    Returns:
        Whether anything was written.

    Raises:
        UserError: no videos or a count below 0, too few frames, a negative seed, no worker, or `out` has other content
            and `overwrite` is off.
    """
    out = Path(out)
    width, height = size
    request = {'video': VERSION, 'train': train, 'val': val, 'frames': frames, 'seed': seed}
    request |= {'width': width, 'height': height}
    check_request(request, workers, 'video')
    if frames < LEAST_FRAMES:
        raise UserError(
            f'--frames {frames}: ask for at least {LEAST_FRAMES}, so that people can cross, leave and return'
        )
    names = [(split, video_name(split, index)) for split in SPLITS for index in range(request[split])]
    files = [out / 'annotations' / split / f'{name}.json' for split, name in names]
    files += [out / _file_name(split, name, frame) for split, name in names for frame in range(frames)]

    def write() -> None:
        for split in SPLITS:
            job = partial(_write_video, out=out, split=split, seed=seed, frames=frames, size=size)
            videos = in_processes(job, request[split], workers, together=1)
            for _ in tqdm(videos, split, request[split], unit='video', mininterval=1):
                pass

    return fill(out, request, files, write, overwrite=overwrite)


def video_name(split: str, index: int) -> str:
    """Return the name of video `index` (from 0) of a split; its first six digits are its `vid_id`."""
    return f'{SPLITS[split] + index + 1:06d}_synthetic'


def make_video(
    seed: int, split: str, index: int, frames: int, size: tuple[int, int] = SIZE
) -> Iterator[tuple[np.ndarray, list[Seen], np.ndarray]]:
    """Yield the frames of a video.

    Returns:
        Each frame as an image (height, width, 3) uint8 BGR, the N people in the order of their track ids, from 0, with
        `JOINTS` as keypoints, and the boxes (N, 4) of their heads, xywh in image px.
    """
    rng = np.random.default_rng([seed, list(SPLITS).index(split), index])
    shot = sample_shot(size, frames, rng)
    light, darkness = sample_light(rng), rng.uniform(0.25, 0.5)
    backdrop = Backdrop(shot, rng)
    properties, grain = rng.integers(2**32), np.random.default_rng(rng.integers(2**32))
    for scene in shot.scenes():
        drawing = Drawing.of(scene)
        image = drawing.paint(*backdrop(scene.camera), light, darkness)
        # The camera's properties are drawn anew from the same seed for each frame, and so are the same.
        pixels = develop(image, np.random.default_rng(properties), grain)
        heads = [
            head_box(person.skeleton.points['head'], person.skeleton.size.head, scene.camera) for person in scene.people
        ]
        yield pixels, drawing.seen(JOINT_DEPTHS), np.array(heads)


class Backdrop:
    """The background of a shot, drawn once and wide, and where it shows the ground.

    The cameras of a shot turn and zoom without leaving their place, so a homography maps the background exactly.
    """

    def __init__(self, shot: Shot, rng: np.random.Generator) -> None:
        first = shot.cameras[0]
        width, height = first.size
        mean = replace(first, pitch=float(np.mean([camera.pitch for camera in shot.cameras])), yaw=0.0)
        zoom = max(camera.zoom for camera in shot.cameras)
        self.camera = replace(mean, zoom=zoom, size=(2 * width, 2 * (3 * height // 4)))
        deepest = max(-body.points['pelvis'][2] for bodies in shot.people for body in bodies)
        self.image, self.ground = sample_background(self.camera, deepest + rng.uniform(0.8, 3.0), rng)

    def __call__(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Return the background (height, width, 3) float32 BGR of a camera, and its ground (height, width) bool."""
        turn = self.camera.rotation @ camera.rotation.T
        matrix = _intrinsics(self.camera) @ turn @ np.linalg.inv(_intrinsics(camera))
        options: dict[str, Any] = {'dsize': camera.size, 'borderMode': cv2.BORDER_REPLICATE}
        inverse = cv2.WARP_INVERSE_MAP
        image = cv2.warpPerspective(self.image, matrix, flags=inverse | cv2.INTER_LINEAR, **options)
        ground = cv2.warpPerspective(self.ground.astype(np.uint8), matrix, flags=inverse | cv2.INTER_NEAREST, **options)
        return image, ground.astype(bool)


def _intrinsics(camera: Camera) -> np.ndarray:
    """Return the matrix (3, 3) from rays to image pixels."""
    width, height = camera.size
    return np.array([[camera.zoom, 0, (width - 1) / 2], [0, camera.zoom, (height - 1) / 2], [0, 0, 1]])


def head_box(centre: np.ndarray, half: float, camera: Camera) -> list[float]:
    """Return the box of a head, xywh in image px, from its `centre` (3,) in camera space and half its height."""
    radius = camera.zoom * half / max(float(centre[2]), 0.1)
    x, y = camera.to_image(centre)
    return [float(x) - 0.8 * radius, float(y) - radius, 1.6 * radius, 2 * radius]


def _write_video(index: int, *, out: Path, split: str, seed: int, frames: int, size: tuple[int, int]) -> None:
    """Write the frames of one video, then its annotations."""
    name = video_name(split, index)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for frame, (pixels, people, heads) in enumerate(make_video(seed, split, index, frames, size)):
        file_name = _file_name(split, name, frame)
        _, data = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, 88])
        write_bytes(out / file_name, data.tobytes())
        number = int(f'1{name[:6]}{frame:04d}')
        shown, regions = annotate(people, heads)
        images.append(
            {
                'id': number,
                'frame_id': number,
                'vid_id': name[:6],
                'file_name': file_name,
                'nframes': frames,
                'is_labeled': True,
                'width': size[0],
                'height': size[1],
                'ignore_regions_x': [[x, x + w, x + w, x] for x, _, w, _ in regions],
                'ignore_regions_y': [[y, y, y + h, y + h] for _, y, _, h in regions],
            }
        )
        annotations += ({'id': 100 * number + n, 'image_id': number, **each} for n, each in enumerate(shown))
    skeleton = [[a + 1, b + 1] for a, b in resolve('posetrack18')['skeleton']]  # COCO counts from 1
    person = {'id': 1, 'name': 'person', 'supercategory': 'person', 'keypoints': list(JOINTS), 'skeleton': skeleton}
    info = {'description': f'hrpose generated video, {split}', 'version': str(VERSION), 'seed': seed, 'rate': RATE}
    content = {'info': info, 'licenses': [LICENSE], 'images': images, 'annotations': annotations}
    write_json(out / 'annotations' / split / f'{name}.json', {**content, 'categories': [person]})


def _file_name(split: str, name: str, frame: int) -> str:
    return f'images/{split}/{name}/{frame:06d}.jpg'


def annotate(people: list[Seen], heads: np.ndarray) -> tuple[list[dict[str, Any]], list[tuple[int, int, int, int]]]:
    """Return what PoseTrack18 says of a frame.

    Args:
        people: N, in the order of their track ids.
        heads: (N, 4) xywh.

    Returns:
        The annotations without ids, and a box xywh for each ignored region.
    """
    annotations: list[dict[str, Any]] = []
    regions: list[tuple[int, int, int, int]] = []
    for track, (person, head) in enumerate(zip(people, heads, strict=True)):
        labelled = (person.keypoints[:, 2] > 0) & ~person.covered
        labelled[_EARS] = False
        area = int(person.mask.sum())
        if not area:
            continue
        if labelled.sum() < LEAST_JOINTS or person.share < LEAST_SHARE or area < LEAST_AREA:
            x, y, width, height = cv2.boundingRect(person.mask.astype(np.uint8))
            regions.append((x, y, width, height))
            continue
        keypoints = np.column_stack([person.keypoints[:, :2], labelled]) * labelled[:, None]
        low, high = keypoints[labelled, :2].min(axis=0), keypoints[labelled, :2].max(axis=0)
        margin = MARGIN * (high - low)
        annotations.append(
            {
                'track_id': track,
                'category_id': 1,
                'iscrowd': 0,
                'num_keypoints': int(labelled.sum()),
                'keypoints': keypoints.round(2).ravel().tolist(),
                'bbox': np.concatenate([low - margin, high - low + 2 * margin]).round(2).tolist(),
                'bbox_head': head.round(2).tolist(),
                'area': area,
                'scores': [],
            }
        )
    return annotations, regions
