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
        if not is_main_process():
            return
        from hrpose.images.files import read_image, save_image
        from hrpose.visualization import draw_samples

        dataset, by_image = runner.test_dataloader.dataset, defaultdict(list)
        for person in people:
            by_image[person.img_path].append(person)
        for path, samples in by_image.items():
            image = read_image(path, getattr(dataset, 'backend_args', None))
            save_image(self.out_dir / f'{Path(path).stem}.jpg', draw_samples(image, samples, dataset.metainfo))
        runner.logger.info(f'{len(by_image)} images drawn in {self.out_dir}')
