"""Draw the predictions of a test beside the ground truth, one file an image."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import collect_results, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from hrpose.registry import HOOKS
from hrpose.structures import PoseDataSample


@HOOKS.register_module()
class PoseVisualizationHook(Hook):
    """A hook that draws each image of a test with all its people.

    Args:
        out_dir: folder for the drawings, which are called like the images.
    """

    def __init__(self, out_dir: str) -> None:
        self.out_dir = Path(out_dir)
        self.samples: list[PoseDataSample] = []

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Keep the predictions of a batch."""
        self.samples.extend(outputs or ())

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Draw the images of all processes in process 0."""
        # 'gpu' sends them through the process group, on CPUs too; 'cpu' would need a folder shared by all machines.
        people = collect_results(self.samples, len(runner.test_dataloader.dataset), 'gpu')
        self.samples = []
        if is_main_process():
            dataset = runner.test_dataloader.dataset
            count = draw_images(people, dataset.metainfo, self.out_dir, getattr(dataset, 'backend_args', None))
            runner.logger.info(f'{count} images drawn in {self.out_dir}')


def draw_images(
    people: Sequence[PoseDataSample],
    metainfo: dict[str, Any],
    out_dir: Path,
    backend_args: dict[str, Any] | None = None,
) -> int:
    """Draw each image with its people into `out_dir`; return the number of images."""
    from hrpose.images.files import read_image, save_image
    from hrpose.visualization import draw_samples

    by_image: dict[str, list[PoseDataSample]] = defaultdict(list)
    for person in people:
        by_image[person.img_path].append(person)
    out_dir.mkdir(parents=True, exist_ok=True)
    for path, samples in by_image.items():
        drawn = draw_samples(read_image(path, backend_args), samples, metainfo)
        save_image(out_dir / f'{Path(path).stem}.jpg', drawn)
    return len(by_image)
