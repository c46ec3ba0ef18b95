"""The functions and classes that programs call: models and runners from configs, people's boxes and keypoints."""

from typing import TYPE_CHECKING

from hrpose.apis.boxes import Boxes
from hrpose.apis.result import PoseResult
from hrpose.lazy import lazy

if TYPE_CHECKING:
    from hrpose.apis.detector import PersonDetector
    from hrpose.apis.inferencer import PoseInferencer
    from hrpose.apis.model import init_model
    from hrpose.engine.launch import build_runner

__all__ = ['Boxes', 'PersonDetector', 'PoseInferencer', 'PoseResult', 'build_runner', 'init_model']

__getattr__ = lazy(
    __name__,
    {
        'PersonDetector': 'hrpose.apis.detector',
        'PoseInferencer': 'hrpose.apis.inferencer',
        'init_model': 'hrpose.apis.model',
        'build_runner': 'hrpose.engine.launch',
    },
)
