"""A generated COCO evaluation, of val2017's size unless another is given."""

from typing import Any

import numpy as np

from hrpose.datasets.metainfo import resolve

# val2017: its images, its annotated people (some without labelled joints), and the detections of a usual detector with
# a score above 0, at most 20 an image.
IMAGES, PEOPLE, DETECTIONS = 5000, 11004, 60000


def coco_case(
    seed: int = 0, *, images: int | None = None, people: int | None = None, detections: int | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]], tuple[float, ...]]:
    """Return ground truth, results, and sigmas of the joints, as `evaluate_coco` takes them.

    The first results are the ground truth with errors of a tenth of the box, the others are random poses. The ground
    truth also serves as an annotation file of `CocoDataset`; there are no image files.
    """
    images, people, detections = images or IMAGES, people or PEOPLE, detections or DETECTIONS
    rng = np.random.default_rng(seed)
    coco = resolve('coco')
    sigmas = coco['sigmas']
    joints = len(sigmas)
    image = np.sort(rng.integers(0, images, people))
    size = np.exp(rng.normal(4.5, 0.8, people)).clip(12, 480)
    corner = rng.uniform(0, 400, (people, 2))
    poses = corner[:, None] + rng.uniform(0, 1, (people, joints, 2)) * size[:, None, None]
    visible = rng.integers(0, 3, (people, joints))
    annotations = [
        {
            'id': number + 1,
            'image_id': int(image[number]),
            'category_id': 1,
            'iscrowd': 0,
            'bbox': [*corner[number].tolist(), float(size[number]), float(size[number])],
            'area': float(0.5 * size[number] ** 2),
            'num_keypoints': int((visible[number] > 0).sum()),
            'keypoints': np.column_stack([poses[number], visible[number]]).ravel().tolist(),
        }
        for number in range(people)
    ]
    truth = {
        'images': [{'id': n, 'file_name': f'{n:012d}.jpg', 'width': 960, 'height': 960} for n in range(images)],
        'annotations': annotations,
        'categories': [{'id': 1, 'name': 'person', 'keypoints': list(coco['keypoint_names'])}],
    }
    return truth, _results(rng, image, poses, size, detections), sigmas


def _results(
    rng: np.random.Generator, image: np.ndarray, poses: np.ndarray, size: np.ndarray, count: int
) -> list[dict[str, Any]]:
    """Return `count` results for poses (N, K, 2) in images (N,), of people of `size` (N,) px."""
    copied = np.resize(np.arange(len(poses)), count)
    is_random = np.arange(count) >= len(poses)
    spread = np.where(is_random, 1.0, 0.1) * size[copied]
    found = poses[copied] + spread[:, None, None] * rng.standard_normal((count, *poses.shape[1:]))
    scores = rng.uniform(0, 1, count) * np.where(is_random, 0.5, 1.0)
    triples = np.concatenate([found, np.ones((*found.shape[:2], 1))], axis=2).reshape(count, -1).tolist()
    rows = zip(image[copied].tolist(), triples, scores.tolist(), strict=True)
    return [{'image_id': n, 'category_id': 1, 'keypoints': joints, 'score': score} for n, joints, score in rows]
