"""Write a checkpoint of any known layout in hrpose's form, or in mmpose 1.x's."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from hrpose.checkpoints.families import UNKNOWN, Recognised, recognise
from hrpose.checkpoints.names import locate
from hrpose.checkpoints.plain import plain_checkpoint
from hrpose.checkpoints.read import read_checkpoint
from hrpose.checkpoints.safetensors_file import SUFFIX, write_safetensors
from hrpose.errors import UserError, nearest
from hrpose.files import whole
from hrpose.version import __version__

FORMS = ('hrpose', 'mmpose')

_COARSER_OUTPUT = re.compile(r'backbone\.stage4\.(\d+)\.fuse_layers\.[1-9]\d*\.')


def convert_checkpoint(
    source: str | Path, target: str | Path, *, to: str = 'hrpose', notes: Mapping[str, Any] | None = None
) -> str:
    """Write the weights of `source` to `target`, whole or not at all; returns one line on what was done.

    Only weights and `meta` are kept, without config texts; an optimizer's state and a training's history are not.

    Args:
        source: a path, the name of published weights, or an http(s) address.
        target: a file, never `source` itself; its folder is made. Its suffix says the format: .pth, .pt or
            .safetensors.
        to: 'hrpose' or 'mmpose' (1.x). Both name weights alike; they differ in what `meta` says.
        notes: plain values to write to `meta`, in place of what the source has under these names.

    Raises:
        UserError: a source that cannot be read safely or has no known layout; a target that is the source, or cannot
            be written or has another suffix.
    """
    if to not in FORMS:
        raise UserError(f"to: there is no form '{to}'; {nearest(to, FORMS)}")
    target = Path(target)
    if target.is_dir():
        raise UserError(f'{target}: is a folder; name another file to write')
    if target.suffix not in WRITERS:
        advice = (
            f'give it one of {", ".join(WRITERS)}; hrpose export writes networks as ONNX, OpenVINO and torch.export'
        )
        raise UserError(f"{target}: a checkpoint does not have the suffix '{target.suffix}'; {advice}")
    path = locate(source)
    if target.exists() and target.samefile(path):
        raise UserError(f'{target}: is the source; name another file to write')
    content = read_checkpoint(path)
    found = recognise(content)
    if found.family is UNKNOWN or not found.weights:
        some = ', '.join(list(found.weights)[:3]) or 'none'
        raise UserError(f'{source}: its layout is unknown (weights: {some}); give a pose network or a backbone')
    weights = _pose_network(found)
    meta = _meta(content.get('meta'), path.name, found, to) | dict(notes or {})
    plain = plain_checkpoint({'state_dict': weights, 'meta': meta})
    try:
        with whole(target) as part:
            WRITERS[target.suffix](plain, part)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise UserError(f'{target}: cannot be written ({getattr(error, "strerror", None) or error})') from error
    dropped = len(found.dropped) + len(found.weights) - len(weights)
    return f'{source} ({found.family.name}) -> {target} ({to}): {len(weights)} weights kept, {dropped} dropped'


def _meta(given: Any, source: str, found: Recognised, to: str) -> dict[str, Any]:
    """Return a checkpoint's `meta`: hrpose's form adds where the weights come from, mmpose's leaves that out."""
    own = {'hrpose_version': __version__, 'converted_from': source, 'family': found.family.name}
    given = given if isinstance(given, Mapping) else {}
    return {**own, **given} if to == 'hrpose' else {key: value for key, value in given.items() if key not in own}


def _save(content: dict[str, Any], path: Path) -> None:
    with open(path, 'wb') as file:
        torch.save(content, file)


WRITERS: dict[str, Callable[[dict[str, Any], Path], None]] = {'.pth': _save, '.pt': _save, SUFFIX: write_safetensors}


def _pose_network(found: Recognised) -> dict[str, Tensor]:
    """Leave out what only a classifier has: its layers on top, and the last exchange unit's coarser outputs."""
    if not found.family.is_backbone:
        return found.weights
    weights = {key: value for key, value in found.weights.items() if not key.startswith(found.family.extras)}
    coarser = {key: match[1] for key in weights if (match := _COARSER_OUTPUT.match(key))}
    last = max(coarser.values(), key=int, default=None)
    return {key: value for key, value in weights.items() if key not in coarser or coarser[key] != last}
