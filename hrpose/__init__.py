"""hrpose: HRNet human pose estimation, assembled from Python configs, run by mmengine's Runner.

The public names are imported when they are first used, so `import hrpose` is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hrpose.version import __version__

if TYPE_CHECKING:
    from hrpose.apis import PersonDetector, PoseInferencer, PoseResult, init_model
    from hrpose.config import load_config

__all__ = ['PersonDetector', 'PoseInferencer', 'PoseResult', '__version__', 'init_model', 'load_config']


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'hrpose' has no attribute '{name}'")
    return getattr(import_module('hrpose.config' if name == 'load_config' else 'hrpose.apis'), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
