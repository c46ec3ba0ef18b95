"""Checkpoints: found by path, name or address, read without running anything in them, recognised, fitted, converted."""

from hrpose.checkpoints.convert import convert_checkpoint
from hrpose.checkpoints.families import Recognised, recognise, state_dict_of
from hrpose.checkpoints.fit import load_weights
from hrpose.checkpoints.guard import Pretrained, guard_mmengine
from hrpose.checkpoints.names import locate
from hrpose.checkpoints.plain import plain_checkpoint, resumable
from hrpose.checkpoints.read import read_checkpoint

__all__ = [
    'Pretrained',
    'Recognised',
    'convert_checkpoint',
    'guard_mmengine',
    'load_weights',
    'locate',
    'plain_checkpoint',
    'read_checkpoint',
    'recognise',
    'resumable',
    'state_dict_of',
]
