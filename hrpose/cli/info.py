"""`hrpose info`: versions, optional packages with how to install them, and registered parts."""

import argparse
import json
import os
import platform
from collections.abc import Iterator, Sequence
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from hrpose.cli.parser import command_parser

EXAMPLES = (
    'hrpose info',
    'hrpose info --json',
)

PACKAGES = ('hrpose', 'torch', 'onedl-mmengine', 'onedl-mmcv', 'numpy', 'opencv-python', 'opencv-python-headless')

# Module of an optional package -> the package, the arguments of `pip install`, and what it is for.
OPTIONAL = {
    'mmdet': ('onedl-mmdetection', "'hrpose[detection]'", "person detectors, and mmdet's backbones"),
    'faster_coco_eval': ('faster-coco-eval', "'hrpose[train]'", 'the fastest COCO evaluation'),
    'xtcocotools.cocoeval': (
        'xtcocotools',
        '--no-build-isolation --no-binary xtcocotools xtcocotools',
        "mmpose's COCO evaluation",
    ),
    'tensorboard': ('tensorboard', "'hrpose[train]'", 'training curves in the browser'),
    'wandb': ('wandb', 'wandb', "logs at Weights & Biases: vis_backends=[dict(type='WandbVisBackend')]"),
}


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    description = 'Show versions, devices, optional packages with how to install them, and registered parts.'
    parser = command_parser(prog, description, EXAMPLES)
    parser.add_argument('--json', action='store_true', help='print one mapping for programs')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Print the three tables."""
    arguments = parser_of(prog).parse_args(words)
    tables = {'versions': versions(), 'optional': optional(), 'registered': registered()}
    if arguments.json:
        print(json.dumps({title: dict(rows) for title, rows in tables.items()}, indent=2))
        return
    for title, rows in tables.items():
        lines = [f'  {name:24}{text}' for name, text in rows]
        print(*([] if title == 'versions' else [f'\n{title}']), *lines, sep='\n')


def versions() -> Iterator[tuple[str, str]]:
    """Yield a name and a text for each package, for the devices, and for the folders that hrpose reads."""
    import torch

    from hrpose.checkpoints.names import weights_folder
    from hrpose.config.shipped import config_folder, config_names
    from hrpose.mmcv_ops import has_compiled_ops

    yield ('python', f'{platform.python_version()} on {platform.platform()}')
    yield from ((name, version) for name in PACKAGES if (version := _version(name)))
    if _version('hrpose') and _version('hrpose-runtime'):
        yield ('hrpose-runtime', 'shares its files with hrpose; remove both, then install one of them')
    if find_spec('mmcv'):
        yield ("mmcv's ops", 'compiled' if has_compiled_ops() else "not compiled; hrpose's stand-in is used")
    yield ('devices', ', '.join(_devices(torch)))
    yield ('configs', f'{len(config_names())} in {config_folder()}')
    yield ('weights', f'{weights_folder()} (set HRPOSE_WEIGHTS to change it)')


def optional() -> Iterator[tuple[str, str]]:
    """Yield a name and a text for each optional package: its version, or the command that installs it."""
    for module, (package, arguments, purpose) in OPTIONAL.items():
        fault = _fault(module)
        how = f'; pip install {arguments}' if fault else ''
        yield (package, f'{fault or _version(package)}: {purpose}{how}')


def registered() -> Iterator[tuple[str, str]]:
    """Yield a name and a text for each of hrpose's registries that has parts."""
    from hrpose import registry

    for name, each in vars(registry).items():
        if isinstance(each, registry.Registry):
            each.import_from_location()
            if each.module_dict:
                yield (name, ' '.join(sorted(each.module_dict)))


def _fault(module: str) -> str | None:
    """Return why a module cannot be imported; None if it can. Only compiled ones are imported to find out."""
    try:
        if find_spec(module.partition('.')[0]) is None:
            return 'missing'
        if '.' in module:
            import_module(module)
    except (ImportError, ValueError, AttributeError) as error:
        return f'broken ({error})'
    return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _devices(torch: Any) -> Iterator[str]:
    from hrpose.hardware import bf16_is_faster, has_bf16

    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield f'cuda:{index} {properties.name}, {properties.total_memory / 2**30:.0f} GiB'
    fast = ', faster in bf16' if bf16_is_faster() else ', slower in bf16' if has_bf16() else ''
    yield f'cpu, {os.cpu_count()} cores{fast}'
