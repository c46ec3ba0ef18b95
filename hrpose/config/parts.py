"""The parts of a config, and the values that each of them says it takes.

A class says so in its attribute `linked`, argument -> source, which its subclasses inherit. A source is one of

- a place in the config: 'metainfo', 'codec.input_size'; a value that differs from it is an error,
- a length: 'len(metainfo.keypoint_names)',
- for a metric, a path made from its data set's `ann_file`: '{ann_file.parent}/truth.mat'; another path may be given.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmengine.config import Config

from hrpose.errors import UserError
from hrpose.registry import (
    CODECS,
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    METRICS,
    MODELS,
    TRANSFORMS,
    VISBACKENDS,
    VISUALIZERS,
    Registry,
)

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')

# The registry of the parts under a key; under any other key it is that of the part around it.
ROOTS: dict[str, Registry] = {
    'codec': CODECS,
    **dict.fromkeys(LOADERS, DATASETS),
    'model': MODELS,
    **dict.fromkeys(EVALUATORS, METRICS),
    'visualizer': VISUALIZERS,
    **dict.fromkeys(('default_hooks', 'custom_hooks'), HOOKS),
}
REGISTRIES: dict[str, Registry] = {
    **ROOTS,
    **dict.fromkeys(('dataset', 'datasets'), DATASETS),
    **dict.fromkeys(('sampler', 'batch_sampler'), DATA_SAMPLERS),
    **dict.fromkeys(('pipeline', 'transforms'), TRANSFORMS),
    'metrics': METRICS,
    'vis_backends': VISBACKENDS,
}

# Toolboxes that know nothing of `linked`; importing mmdet to find that out takes seconds.
WITHOUT_LINKS = ('mmcv', 'mmdet', 'mmengine')


class Part(NamedTuple):
    """A part that takes values from elsewhere in the config."""

    place: str  # dotted, numbers in lists
    config: Any
    linked: Mapping[str, str]  # argument -> source
    in_mixture: bool  # a data set inside one that takes the metainfo: it may have joints of its own


def parts_of(cfg: Config) -> Iterator[Part]:
    """Yield each part that takes values, also inside other parts; what it contains is looked at after it is yielded."""
    for name, registry in ROOTS.items():
        yield from _parts(cfg.get(name), name, registry, cfg.get('default_scope', 'hrpose'), False)


def _parts(value: Any, place: str, registry: Registry, scope: str, in_mixture: bool) -> Iterator[Part]:
    if isinstance(value, Mapping):
        linked = getattr(class_of(value, registry, scope), 'linked', None)
        if isinstance(linked, Mapping):
            is_dataset = registry is DATASETS
            yield Part(place, value, linked, in_mixture and is_dataset)
            in_mixture |= is_dataset and 'metainfo' in linked
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in list(items):
        yield from _parts(item, f'{place}.{key}', REGISTRIES.get(key, registry), scope, in_mixture)


def class_of(part: Mapping[str, Any], registry: Registry, scope: str) -> Any:
    """Return the class that a part's `type` names; None if there is none, which whoever builds the part explains."""
    name = part.get('type')
    if not isinstance(name, str):
        return name
    scope = part.get('_scope_', scope)
    if '.' not in name and scope != registry.scope:
        name = f'{scope}.{name}'
    words = name.split('.')
    if not all(word.isidentifier() for word in words) or words[0] in WITHOUT_LINKS:
        return None
    try:
        return registry.get(name) if name in registry else None
    except UserError:  # from another toolbox's registry
        return None
