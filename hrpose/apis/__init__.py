"""What a program calls: a model from a config and weights, a runner from a config, people's boxes and key points."""

from hrpose.apis.detector import Boxes, PersonDetector
from hrpose.apis.inferencer import PoseInferencer
from hrpose.apis.model import init_model
from hrpose.apis.result import PoseResult
from hrpose.engine.launch import build_runner

__all__ = ['Boxes', 'PersonDetector', 'PoseInferencer', 'PoseResult', 'build_runner', 'init_model']
