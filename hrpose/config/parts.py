"""Find the parts of a config, and the values that each says it takes.

A class says so in its attribute `linked`, a dict of argument -> source that subclasses inherit. A source is one of

- a place in the config: 'metainfo', 'codec.input_size'. A part that writes another value is an error.
- an attribute of a part's class: 'type(codec).align_corners', False if the class has none. The same holds.
- a length: 'len(metainfo.keypoint_names)'. The same holds.
- a path made from the `ann_file` of a metric's data set: '{ann_file.parent}/truth.mat'. A metric may write another.

A metric of another toolbox has no `linked`; its config writes `ann_file='{ann_file}'`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mmengine.config import Config

from hrpose import registry as kinds
from hrpose.errors import UserError
from hrpose.registry import Registry

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')

# The registry of the parts under a key. Under other keys it is that of the enclosing part.
ROOTS: dict[str, Registry] = {
    'codec': kinds.CODECS,
    **dict.fromkeys(LOADERS, kinds.DATASETS),
    'model': kinds.MODELS,
    **dict.fromkeys(EVALUATORS, kinds.METRICS),
    'visualizer': kinds.VISUALIZERS,
    **dict.fromkeys(('default_hooks', 'custom_hooks'), kinds.HOOKS),
}
REGISTRIES: dict[str, Registry] = {
    **ROOTS,
    **dict.fromkeys(('dataset', 'datasets'), kinds.DATASETS),
    **dict.fromkeys(('sampler', 'batch_sampler'), kinds.DATA_SAMPLERS),
    **dict.fromkeys(('pipeline', 'transforms'), kinds.TRANSFORMS),
    'metrics': kinds.METRICS,
    'vis_backends': kinds.VISBACKENDS,
}

# Toolboxes whose parts have no `linked`; importing mmdet to find that out would take seconds.
WITHOUT_LINKS = ('mmcv', 'mmdet', 'mmengine')


class Part(NamedTuple):
    """A part that takes values from elsewhere in the config."""

    place: str  # dotted, numbers in lists
    config: Any
    linked: Mapping[str, str]  # argument -> source
    in_mixture: bool  # whether it is a data set inside one that takes the metainfo, so it may have its own joints


def parts_of(cfg: Config) -> Iterator[Part]:
    """Yield each part that takes values, also inside other parts. Changes made to it are seen by what follows."""
    for name, registry in ROOTS.items():
        yield from _parts(cfg.get(name), name, registry, cfg.get('default_scope', 'hrpose'), False)


def _parts(value: Any, place: str, registry: Registry, scope: str, in_mixture: bool) -> Iterator[Part]:
    if isinstance(value, Mapping):
        linked = getattr(class_of(value, registry, scope), 'linked', None)
        if isinstance(linked, Mapping):
            is_dataset = registry is kinds.DATASETS
            yield Part(place, value, linked, in_mixture and is_dataset)
            in_mixture |= is_dataset and 'metainfo' in linked
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in list(items):
        yield from _parts(item, f'{place}.{key}', REGISTRIES.get(key, registry), scope, in_mixture)


def class_of(part: Mapping[str, Any], registry: Registry, scope: str) -> Any:
    """Return the class that a part's `type` names; None if there is none, which the registry explains on building."""
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
