"""One value of a config at a time: where it is, whether two agree, and filling one in from its source."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrpose.datasets.metainfo import reads_annotations, resolve
from hrpose.errors import UserError


def fill(cfg: Config, part: Any, place: str, needs: Mapping[str, str]) -> None:
    """Give `part` each value it needs from its source in the config, or refuse one that differs."""
    for key, source in needs.items():
        wanted = plain(lookup(cfg, source))
        given = plain(part.get(key))
        if key in part and key == 'metainfo':
            given = _given_metainfo(cfg, part, given, wanted)
        if key in part and given != wanted:
            raise UserError(
                f'{place}.{key} is {_short(given)}, but {source} is {_short(wanted)}: leave {place}.{key} out and it '
                f'follows {source}, or set {source} itself'
            )
        part[key] = _copy(wanted)


def _given_metainfo(cfg: Config, part: Any, given: Any, wanted: Any) -> Any:
    """Return the complete metainfo that is written in a part; what it leaves to the annotations agrees by names."""
    if not reads_annotations(given):
        return plain(resolve(given))
    if given is None or 'ann_file' not in part:
        return wanted
    own = resolve(given, annotations_of(cfg, part))
    return wanted if own['keypoint_names'] == wanted['keypoint_names'] else plain(own)


def annotations_of(cfg: Config, dataset: Any) -> str:
    """Return the path of a data set's annotation file."""
    return str(Path(dataset.get('data_root', cfg.get('data_root', ''))) / dataset.ann_file)


def lookup(cfg: Config, dotted: str) -> Any:
    """Return the value at a dotted place, numbers counting in lists; None where a part of the way is missing."""
    value: Any = cfg
    for key in filter(None, dotted.split('.')):
        if value is None:
            return None
        value = value[int(key)] if isinstance(value, list) else value.get(key)
    return value


def plain(value: Any) -> Any:
    """Return a value with mappings as dicts and sequences as tuples, so that equal ones compare equal."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    return value


def _copy(value: Any) -> Any:
    return {key: _copy(item) for key, item in value.items()} if isinstance(value, dict) else value


def _short(value: Any) -> str:
    text = repr(value.get('dataset_name', value) if isinstance(value, dict) else value)
    return text if len(text) <= 80 else text[:77] + '...'
