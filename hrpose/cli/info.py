"""`hrpose info`: what is installed here, what is missing and how to get it, what is registered."""

import argparse
import os
import platform
from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from typing import Any

PACKAGES = ('hrpose', 'torch', 'onedl-mmengine', 'onedl-mmcv', 'numpy', 'opencv-python-headless')

# Optional: the module, what it is for, what to install it with.
OPTIONAL = (
    ('mmdet', "people's boxes by a detector; mmdet's backbones", 'pip install onedl-mmdetection'),
    (
        'xtcocotools',
        'the published COCO evaluation',
        'pip install --no-build-isolation --no-binary xtcocotools xtcocotools',
    ),
    ('faster_coco_eval', 'the fastest COCO evaluation', 'pip install faster-coco-eval'),
    ('tensorboard', 'curves of a training in the browser', 'pip install tensorboard'),
    ('wandb', "logs at Weights & Biases: vis_backends=[dict(type='WandbVisBackend')]", 'pip install wandb'),
)
DISTRIBUTION = {'mmdet': 'onedl-mmdetection', 'faster_coco_eval': 'faster-coco-eval'}


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog=prog, description='Show versions, devices, optional parts and how to get them, and what is registered.'
    )
    parser.parse_args(words)
    for title, lines in (('', versions()), ('optional', optional()), ('registered', registered())):
        print(*([f'\n{title}'] if title else []), *lines, sep='\n')


def versions() -> Iterator[str]:
    """Yield a line for each package, for the devices and for the places that hrpose reads."""
    import torch

    from hrpose.checkpoints.names import weights_folder
    from hrpose.mmcv_ops import has_compiled_ops
    from hrpose.shipped import config_folder, config_names

    yield _row('python', f'{platform.python_version()} on {platform.platform()}')
    yield from (_row(name, _version(name) or 'not installed') for name in PACKAGES)
    ops = 'compiled' if has_compiled_ops() else "not compiled: hrpose's stand-in supplies what detectors call"
    yield _row("mmcv's ops", ops)
    yield _row('devices', ', '.join(_devices(torch)))
    yield _row('configs', f'{len(config_names())} in {config_folder()}')
    yield _row('weights', f'{weights_folder()} (HRPOSE_WEIGHTS changes it)')


def optional() -> Iterator[str]:
    """Yield a line for each optional part: its version, or the command that installs it."""
    for module, purpose, command in OPTIONAL:
        version = _version(DISTRIBUTION.get(module, module)) if find_spec(module) else None
        yield _row(module, f'{version}; {purpose}' if version else f'missing: {purpose}; {command}')


def registered() -> Iterator[str]:
    """Yield a line for each registry that has parts of hrpose's, or of a plug-in's that was imported."""
    from hrpose import registry

    for name, each in vars(registry).items():
        if isinstance(each, registry.Registry):
            each.import_from_location()
            if each.module_dict:
                yield _row(name, ' '.join(sorted(each.module_dict)))


def _row(name: str, text: str) -> str:
    return f'  {name:24}{text}'


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _devices(torch: Any) -> Iterator[str]:
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        yield f'cuda:{index} {properties.name}, {properties.total_memory / 2**30:.0f} GiB'
    fast = ' with bf16' if torch.cpu.get_capabilities().get('avx512_bf16') else ''
    yield f'cpu, {os.cpu_count()} cores{fast}'
