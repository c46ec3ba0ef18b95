"""How a picture and a box become a model's input: the test pipeline of its config, without reading the file."""

from collections.abc import Callable
from typing import Any

from mmengine.config import Config
from mmengine.dataset import Compose

from hrpose.config import each_dataset, link
from hrpose.errors import UserError
from hrpose.registry import TRANSFORMS


def crop_pipeline(model: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what turns a record with `img` and `box` into a packed sample, as `tools/test.py` does it for the model.

    Args:
        model: a pose estimator; its `cfg`, where it has one, has the pipeline, else it is the published one for the
            size that its codec says.

    Raises:
        UserError: a model with neither.
    """
    cfg = getattr(model, 'cfg', None)
    steps = (_steps_of(cfg) if isinstance(cfg, Config) else None) or _published_steps(model)
    # The picture is read already, so that arrays and frames go the same way.
    return Compose([TRANSFORMS.build(dict(step)) for step in steps if 'LoadImage' not in str(step['type'])])


def _steps_of(cfg: Config) -> list[dict[str, Any]] | None:
    """Return the linked test pipeline of a config, None if it has none."""
    if cfg.get('test_dataloader') is None:
        if 'test_pipeline' not in cfg:
            return None
        # Linking fills in a pipeline where a data set has it.
        cfg = link(Config({**cfg._cfg_dict.to_dict(), 'test_dataloader': {'dataset': {}}}))
    _, dataset = next(each_dataset(cfg.test_dataloader.dataset, 'test_dataloader.dataset'))
    return dataset.get('pipeline')


def _published_steps(model: Any) -> list[dict[str, Any]]:
    size = getattr(getattr(getattr(model, 'head', None), 'codec', None), 'input_size', None)
    if size is None:
        raise UserError(
            f'{type(model).__name__} does not say how large its input is: it has neither a config as `cfg` nor a '
            'head with a codec'
        )
    warp = dict(type='WarpAffine', input_size=size, flip_indices=model.metainfo['flip_indices'])
    return [dict(type='PadBox', input_size=size), warp, dict(type='PackPose')]
