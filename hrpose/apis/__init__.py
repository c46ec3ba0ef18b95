"""What a program calls: a model from a config and weights, a runner from a config."""

from hrpose.apis.launch import build_runner
from hrpose.apis.model import init_model

__all__ = ['build_runner', 'init_model']
