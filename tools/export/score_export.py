"""Score exported networks on the validation data of their config, as `hrpose test` scores the one in PyTorch.

For instance: python tools/export/score_export.py hrnet_w16_synthetic_128x96 net.onnx net_int8.onnx
"""

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope

from hrpose.cli.arguments import config_of, config_parser
from hrpose.cli.run import run
from hrpose.export.runtime import run_filled
from hrpose.export.verify import load_any
from hrpose.models.estimators.topdown import attach_predictions
from hrpose.registry import DATASETS

PEOPLE = 8  # at once


def main() -> None:
    """Print the metrics of each file."""
    parser = config_parser(__doc__)
    parser.add_argument('files', nargs='+', type=Path, metavar='FILE', help='exported networks')
    arguments = parser.parse_args()
    cfg = config_of(arguments)
    for path in arguments.files:
        metrics = score(cfg, path)
        print(f'{path}: ' + ', '.join(f'{name} {value:.4f}' for name, value in metrics.items()), flush=True)


def score(cfg: Config, path: Path) -> dict[str, Any]:
    """Return the metrics of an exported network on the test data of a linked config."""
    people = DATASETS.build(cfg.test_dataloader.dataset)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'hrpose')):
        evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = people.metainfo
    graph, metadata = load_any(path)
    size = metadata.batch or PEOPLE
    for start in range(0, len(people), size):
        packed = [people[index] for index in range(start, min(start + size, len(people)))]
        crops = np.stack([each['inputs'].permute(1, 2, 0).numpy() for each in packed])
        keypoints, scores = run_filled(graph, crops, metadata.batch)
        samples = [each['data_samples'] for each in packed]
        evaluator.process(attach_predictions(samples, np.dstack([keypoints, scores]), metadata.input_size))
    return evaluator.evaluate(len(people))


if __name__ == '__main__':
    run(main)
