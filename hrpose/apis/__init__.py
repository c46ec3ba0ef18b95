"""The functions and classes that programs call: models and runners from configs, people's boxes and keypoints."""

from hrpose.apis.boxes import Boxes
from hrpose.apis.detector import PersonDetector
from hrpose.apis.inferencer import PoseInferencer
from hrpose.apis.model import init_model
from hrpose.apis.result import PoseResult
from hrpose.engine.launch import build_runner

__all__ = ['Boxes', 'PersonDetector', 'PoseInferencer', 'PoseResult', 'build_runner', 'init_model']
