"""What a program calls: a model from a config and weights, a runner from a config, people's boxes and key points."""

from hrpose.apis.detector import Boxes, PersonDetector
from hrpose.apis.inferencer import PoseInferencer
from hrpose.apis.launch import build_runner
from hrpose.apis.model import init_model
from hrpose.apis.result import PoseResult

__all__ = ['Boxes', 'PersonDetector', 'PoseInferencer', 'PoseResult', 'build_runner', 'init_model']
