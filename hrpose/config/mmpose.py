"""Recognise mmpose's configs, which hrpose does not build but migrates, and the names that mmpose gives them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from hrpose.checkpoints.table import PUBLISHED
from hrpose.errors import UserError

# td-hm_NETWORK_[KIND-]GPUSxbBATCH-EPOCHSe_DATA-SIZE, or its beginning.
_NAME = re.compile(
    r'td-hm_(?P<network>hrnet-w\d+|res\d+|hourglass52)'
    r'(_((?P<kind>[a-z0-9-]+)-)?\d+xb\d+-\d+e(_(?P<data>[a-z0-9]+(-[a-z][a-z0-9]*)*)(-(?P<size>\d+x\d+))?)?)?'
)
# What a name here ends with. mmpose's mixed precision is an option here.
_KINDS = {None: '', 'fp16': '', 'dark': '_dark', 'udp': '_udp'}
RECIPE = '_mmpose_recipe'


def is_mmpose(cfg: Any) -> bool:
    """Say whether a config is one of mmpose 1.x: its scope says so, or its head has mmpose's `decoder`."""
    model = cfg.get('model')
    head = model.get('head') if isinstance(model, Mapping) else None
    return cfg.get('default_scope') == 'mmpose' or (isinstance(head, Mapping) and 'decoder' in head)


def refuse_mmpose(cfg: Any) -> None:
    """Raise `UserError` for a config of mmpose; the message names the command that turns it into one of hrpose."""
    if is_mmpose(cfg):
        file = getattr(cfg, 'filename', None)
        raise UserError(
            f'{file or "the config"}: a config of mmpose, which hrpose does not build; turn it into one of hrpose: '
            f'hrpose migrate {file or "CONFIG.py"} --out mine.py'
        )


def names_here(given: str, known: Iterable[str]) -> list[str] | None:
    """Return those of hrpose's names that stand for a config or checkpoint of mmpose; None if it is not mmpose's name.

    Args:
        given: for instance 'td-hm_hrnet-w32_8xb64-210e_coco-256x192', a beginning of it, or a checkpoint's file name.
        known: hrpose's names of configs and weights.
    """
    file = PurePath(given).name
    found = _NAME.match(file)
    if found is None:
        return sorted(name for name, row in PUBLISHED.items() if row.file == file) or None
    network = found['network'].replace('hrnet-', 'hrnet_').replace('res', 'simplebaseline_r')
    data = (found['data'] or '').removeprefix('coco-').replace('-', '_')  # coco-wholebody, jhmdb-sub1
    beginning = '_'.join(filter(None, (network, data, found['size'])))
    if found['kind'] not in _KINDS:
        return []
    ending = _KINDS[found['kind']]
    if found['size']:
        return sorted({beginning + ending, beginning + ending + RECIPE} & set(known))
    return sorted(name for name in known if f'{name}_'.startswith(f'{beginning}_') and name.endswith(ending))
