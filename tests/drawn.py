"""Drawn samples of COCO, MPII, CrowdPose, PoseTrack18 and LSP in the layouts of their releases.

They stand in for the small real samples that may lie beside the repository in `shared/data`: the same files, ids and
numbers of people, but every image, box and joint is made up here, from a seed.

J joints of a figure, K joints of a data set.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.golden import golden

# A person who stands and faces the camera, in heights from the top of the head: the middle and the person's left side.
MIDDLE = {'head_top': (0, 0), 'nose': (0, 0.09), 'neck': (0, 0.17), 'thorax': (0, 0.21), 'pelvis': (0, 0.5)}
LEFT = {
    'eye': (0.025, 0.065), 'ear': (0.05, 0.075), 'shoulder': (0.11, 0.2), 'elbow': (0.16, 0.34), 'wrist': (0.2, 0.47),
    'hip': (0.08, 0.5), 'knee': (0.09, 0.73), 'ankle': (0.09, 0.95),
}  # fmt: skip
STANDING = {
    **MIDDLE,
    **{f'left_{name}': place for name, place in LEFT.items()},
    **{f'right_{name}': (-x, y) for name, (x, y) in LEFT.items()},
}
LIMBS = [('shoulder', 'elbow'), ('elbow', 'wrist'), ('shoulder', 'hip'), ('hip', 'knee'), ('knee', 'ankle')]
# What data sets call the joints of a figure.
ALIASES = {'head': 'head_top', 'head_bottom': 'neck', 'upper_neck': 'neck'}
MPII_JOINTS = (
    'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'pelvis', 'thorax', 'upper_neck',
    'head_top', 'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist',
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A drawn person: joints (2,) in image px by name, and the box xywh around all that is drawn of it."""

    joints: dict[str, np.ndarray]
    box: list[float]

    def of(self, names: Sequence[str], hidden: Sequence[str] = ()) -> np.ndarray:
        """Return (K, 3) the joints in the order of `names`, flag 2; those in `hidden` are not labelled, all zeros."""
        rows = [(0, 0, 0) if name in hidden else (*self.joints[ALIASES.get(name, name)], 2) for name in names]
        return np.array(rows, dtype=float)


def background(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return an image (h, w, 3) of smooth colours, as a wall in changing light is, with a little noise."""
    coarse = cv2.resize(rng.integers(60, 200, (5, 6, 3), dtype=np.uint8), size, interpolation=cv2.INTER_CUBIC)
    noise = rng.integers(0, 9, (size[1], size[0], 1), dtype=np.uint8)
    return cv2.subtract(coarse, np.repeat(noise, 3, axis=2))


def draw_figure(image: np.ndarray, top: tuple[float, float], height: float, rng: np.random.Generator) -> Figure:
    """Draw a person into `image` whose head's top is at `top` (x, y) px; returns the figure.

    Joints are rounded to px, so that a drawing and its labels agree exactly.
    """
    places = np.array(list(STANDING.values())) + rng.normal(0, 0.012, (len(STANDING), 2))
    joints = dict(zip(STANDING, np.rint(np.add(top, height * places)), strict=True))
    thick = max(2, int(height * 0.035))
    skin, cloth = (rng.integers(0, 256, 3).tolist() for _ in range(2))

    def line(a: str, b: str, colour: list[int]) -> None:
        start, end = (tuple(joints[name].astype(int).tolist()) for name in (a, b))
        cv2.line(image, start, end, colour, thick)

    line('thorax', 'pelvis', cloth)
    line('left_shoulder', 'right_shoulder', cloth)
    line('left_hip', 'right_hip', cloth)
    line('thorax', 'head_top', skin)
    for side in ('left', 'right'):
        for a, b in LIMBS:
            # The sides differ, so that a network can tell them.
            line(f'{side}_{a}', f'{side}_{b}', [255 - value for value in cloth] if side == 'left' else skin)
    points = np.array(list(joints.values()))
    low, high = points.min(axis=0) - thick, points.max(axis=0) + thick
    return Figure(joints, [*low.tolist(), *(high - low).tolist()])


def category(name: str) -> list[dict[str, Any]]:
    """Return the categories of a release's annotations: names of joints and limbs are the release's own."""
    return [{'id': 1, 'name': 'person', 'supercategory': 'person', **golden('categories.json')[name]}]


def annotation(figure: Figure, joints: np.ndarray, *, image: int, number: int) -> dict[str, Any]:
    """Return a person in COCO's layout with joints (K, 3)."""
    return {
        'id': number,
        'image_id': image,
        'category_id': 1,
        'iscrowd': 0,
        'bbox': figure.box,
        'area': 0.6 * figure.box[2] * figure.box[3],
        'num_keypoints': int(np.count_nonzero(joints[:, 2])),
        'keypoints': joints.ravel().tolist(),
    }


def detections(people: Sequence[dict[str, Any]], size: tuple[int, int], count: int, rng: np.random.Generator) -> list:
    """Return `count` detections of an image of `size` (w, h), best first: all its people, then boxes anywhere."""
    boxes = [np.add(person['bbox'], rng.normal(0, 2, 4)).tolist() for person in people]
    while len(boxes) < count:
        low = rng.uniform(0, 0.8 * np.array(size))
        boxes.append([*low.tolist(), *rng.uniform(0.05, 0.2, 2).tolist() * np.array(size)])
    scores = [
        *np.sort(rng.uniform(0.6, 1, len(people)))[::-1],
        *np.sort(rng.uniform(0, 0.45, count - len(people)))[::-1],
    ]
    image = people[0]['image_id']
    return [
        {'image_id': image, 'category_id': 1, 'bbox': np.array(box).tolist(), 'score': float(score)}
        for box, score in zip(boxes, scores, strict=True)
    ]


def save(path: Path, content: Any) -> None:
    """Write an image (h, w, 3) or JSON, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, np.ndarray):
        cv2.imwrite(str(path), content)
    else:
        path.write_text(json.dumps(content))


# By image: its id, its size, and for each person the number of joints without a label, or None where no joint has one.
COCO = {
    785: ((640, 425), [0]),
    40083: ((640, 427), [3, 2, None]),
    196141: ((640, 429), [2, 2, None, 5, 0]),
    197388: ((640, 392), [1, 1, 2, 1, 4]),
}
COCO_DETECTIONS = {785: 22, 40083: 26, 196141: 33, 197388: 37}


def draw_people(size: tuple[int, int], count: int, rng: np.random.Generator) -> tuple[np.ndarray, list[Figure]]:
    """Return an image (h, w, 3) with `count` people side by side, and their figures."""
    image, (width, height) = background(size, rng), size
    figures = []
    for place in range(count):
        tall = rng.uniform(0.5, 0.8) * min(height, 2.2 * width / count)
        top = width * (place + 0.5) / count, rng.uniform(0.05, 0.15) * height
        figures.append(draw_figure(image, top, tall, rng))
    return image, figures


def draw_coco(root: Path) -> None:
    """Draw COCO: 4 images, 14 people, of whom 2 have no labelled joint, and 118 detections."""
    rng = np.random.default_rng(1)
    content: dict[str, Any] = {'categories': category('coco'), 'images': [], 'annotations': []}
    names, found = content['categories'][0]['keypoints'], []
    for image_id, (size, unlabelled) in COCO.items():
        image, figures = draw_people(size, len(unlabelled), rng)
        name = f'{image_id:012d}.jpg'
        save(root / name, image)
        content['images'].append({'id': image_id, 'file_name': name, 'width': size[0], 'height': size[1]})
        people = []
        for figure, count in zip(figures, unlabelled, strict=True):
            hidden = rng.choice(names, len(names) if count is None else count, replace=False)
            number = 1000 + len(content['annotations']) + len(people)
            people.append(annotation(figure, figure.of(names, hidden), image=image_id, number=number))
        content['annotations'] += people
        found += detections(people, size, COCO_DETECTIONS[image_id], rng)
    save(root / 'test_coco.json', content)
    save(root / 'test_coco_det_AP_H_56.json', found)


CROWDPOSE = {106848: ((640, 425), 0.33, [123803, 131039, 147481]), 103319: ((640, 480), 0.39, [127068, 129014])}


def draw_crowdpose(root: Path) -> None:
    """Draw CrowdPose: 2 images with a crowd index, 5 people without areas, one without a joint, and 6 detections."""
    rng = np.random.default_rng(2)
    content: dict[str, Any] = {'categories': category('crowdpose'), 'images': [], 'annotations': []}
    names, found = content['categories'][0]['keypoints'], []
    for image_id, (size, crowding, numbers) in CROWDPOSE.items():
        image, figures = draw_people(size, len(numbers), rng)
        save(root / f'{image_id}.jpg', image)
        entry = {'id': image_id, 'file_name': f'{image_id}.jpg', 'width': size[0], 'height': size[1]}
        content['images'].append({**entry, 'crowdIndex': crowding})
        for figure, number in zip(figures, numbers, strict=True):
            person = annotation(
                figure, figure.of(names, names if number == 131039 else ()), image=image_id, number=number
            )
            del person['area']
            # Head and neck do not count.
            person['num_keypoints'] = max(0, person['num_keypoints'] - 2)
            content['annotations'].append(person)
        people = [person for person in content['annotations'] if person['image_id'] == image_id]
        found += detections(people, size, 3, rng)
    save(root / 'test_crowdpose.json', content)
    save(root / 'test_crowdpose_det_AP_40.json', found)


def draw_mpii(root: Path) -> None:
    """Draw MPII: 5 images of one person, in the layout of the HRNet release; it counts from 1."""
    rng, people = np.random.default_rng(3), []
    for name in ('005808361', '051423444', '052475643', '004645041', '060754485'):
        image, (figure,) = draw_people((1280, 720), 1, rng)
        save(root / f'{name}.jpg', image)
        middle = np.add(figure.box[:2], np.divide(figure.box[2:], 2)) + 1
        person = {'image': f'{name}.jpg', 'center': middle.tolist(), 'scale': figure.box[3] / 200}
        people.append({**person, 'joints': (figure.of(MPII_JOINTS)[:, :2] + 1).tolist(), 'joints_vis': [1] * 16})
    save(root / 'test_mpii.json', people)


POSETRACK = {'012834': 11, '009473': 2, '003418': 1}  # people of a video
EARS = ('left_ear', 'right_ear')


def draw_posetrack18(root: Path) -> None:
    """Draw PoseTrack18: a frame of 3 videos each, 14 people, 278 detections, and a clip of 5 frames."""
    rng, size = np.random.default_rng(4), (1920, 1080)
    joined: dict[str, Any] = {'categories': category('posetrack18'), 'images': [], 'annotations': []}
    names, found = joined['categories'][0]['keypoints'], []
    for video, count in POSETRACK.items():
        image, figures = draw_people(size, count, rng)
        image_id, file_name = 10_000_000_000 + int(video) * 10_000, f'images/val/{video}_mpii_test/000000.jpg'
        save(root / file_name, image)
        regions = [star((1700, 900), rng), star(figures[0].joints['left_ankle'], rng)]
        entry = {'id': image_id, 'frame_id': image_id, 'file_name': file_name, 'vid_id': video, 'nframes': 100}
        entry |= {'width': size[0], 'height': size[1], 'is_labeled': True}
        entry |= {
            f'ignore_regions_{axis}': [region[:, n].tolist() for region in regions] for n, axis in enumerate('xy')
        }
        people = []
        for number, figure in enumerate(figures):
            hidden = [*EARS, *rng.choice(names[5:], rng.integers(0, 4), replace=False)]
            person = annotation(figure, figure.of(names, hidden), image=image_id, number=100 * image_id + number)
            person['keypoints'][2::3] = [min(flag, 1) for flag in person['keypoints'][2::3]]
            low, high = figure.joints['head_top'], figure.joints['neck']
            head = [*(low - (high[1] - low[1]) / 2).tolist(), *[float(high[1] - low[1])] * 2]
            del person['area']
            people.append({**person, 'track_id': number, 'bbox_head': head, 'scores': []})
        content = {'categories': joined['categories'], 'images': [entry], 'annotations': people}
        save(root / 'annotations/val' / f'{video}_mpii_test.json', content)
        joined['images'].append(entry)
        joined['annotations'] += people
        found += detections(people, size, 78 if video == '009473' else 100, rng)
    save(root / 'annotations/test_posetrack18_val.json', joined)
    save(root / 'annotations/test_posetrack18_human_detections.json', found)
    draw_clip(root / 'videos/000001_mpiinew_test')


def star(middle: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Return a polygon (40, 2) with many notches around `middle` (x, y), image px."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.rint(middle + rng.uniform(30, 120, (40, 1)) * np.column_stack([np.cos(angles), np.sin(angles)]))


def draw_clip(folder: Path) -> None:
    """Draw 5 frames of a person who walks to the right, as images and as a video."""
    folder.mkdir(parents=True)
    path = folder / '000001_mpiinew_test.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 30, (1280, 720))
    for number in range(5):
        rng = np.random.default_rng(5)
        image = background((1280, 720), rng)
        draw_figure(image, (400 + 40 * number, 60), 600, rng)
        save(folder / f'{number:06d}.jpg', image)
        writer.write(image)
    writer.release()


def draw_lsp(root: Path, count: int = 20) -> None:
    """Draw the validation set of LSP Extended: images of one person each."""
    rng = np.random.default_rng(6)
    content: dict[str, Any] = {'categories': category('lspet'), 'images': [], 'annotations': []}
    names = content['categories'][0]['keypoints']
    for number in range(2001, 2001 + count):
        image, (figure,) = draw_people((240, 320), 1, rng)
        name = f'im{number:05d}.jpg'
        save(root / 'images' / name, image)
        content['images'].append({'id': number, 'file_name': name, 'width': 240, 'height': 320})
        content['annotations'].append(annotation(figure, figure.of(names), image=number, number=number))
    save(root / 'annotations/lspet_val.json', content)


def draw_samples(root: Path) -> Path:
    """Draw all samples into `root`, a folder each; returns it."""
    draw_coco(root / 'coco')
    draw_crowdpose(root / 'crowdpose')
    draw_mpii(root / 'mpii')
    draw_posetrack18(root / 'posetrack18')
    draw_lsp(root / 'lspet')
    return root
