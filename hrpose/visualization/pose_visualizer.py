"""The registered visualizer, which adds images of samples to training logs (TensorBoard, local files)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.visualization import Visualizer

from hrpose.errors import UserError
from hrpose.images.files import save_image
from hrpose.registry import VISUALIZERS
from hrpose.visualization.samples import draw_samples


@VISUALIZERS.register_module()
class PoseVisualizer(Visualizer):
    """mmengine's visualizer, with images of samples drawn by `draw_samples`."""

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: Any,
        *,
        metainfo: Mapping[str, Any] | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        threshold: float = 0.2,
        out_file: str | Path | None = None,
        step: int = 0,
    ) -> None:
        """Draw the people in one image, ground truth beside prediction, and add the drawing to each back end.

        Args:
            name: of the drawing in the logs.
            image: (H, W, 3) uint8 RGB.
            data_sample: a `PoseDataSample`, or a list with one a person.
            metainfo: of the data set; by default the visualizer's `dataset_meta`, which mmengine's loops set.
            draw_gt: draw the ground truth.
            draw_pred: draw the prediction.
            threshold: leave out predicted joints whose score is not above it.
            out_file: also write the drawing to this file.
            step: of training.

        Raises:
            UserError: no metainfo is known.
        """
        metainfo = metainfo or self.dataset_meta
        if metainfo is None:
            raise UserError('PoseVisualizer.add_datasample: no data set has set dataset_meta; give metainfo=…')
        drawn = draw_samples(
            np.asarray(image), data_sample, metainfo, threshold=threshold, draw_gt=draw_gt, draw_pred=draw_pred
        )
        if out_file is not None:
            save_image(out_file, drawn)
        self.add_image(name, drawn, step)
