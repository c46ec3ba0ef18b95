"""The one place where hrpose changes OpenMMLab's packages."""

from importlib.util import find_spec

from mmengine.registry import registry as mmengine_registry

from hrpose.checkpoints import guard_mmengine
from hrpose.errors import UserError
from hrpose.mmcv_ops import supply_mmcv_ops
from hrpose.plugins.registered import registered_part


def prepare_openmmlab() -> None:
    """Change mmcv and mmengine as hrpose needs them. Repeated calls change nothing.

    - `import mmcv.ops` works where mmcv was installed without compiled ops.
    - mmengine reads checkpoints without running code from them.
    - mmengine builds registered parts only, even from a full name such as 'mmengine.model.ImgDataPreprocessor'.

    `load_config`, `init_model`, `PoseInferencer`, `PersonDetector`, `PoseRunner` and the commands call it.
    """
    supply_mmcv_ops()
    guard_mmengine()
    mmengine_registry.get_object_from_string = registered_part


def require_mmdet() -> None:
    """Import mmdet's models.

    Raises:
        UserError: mmdet is not installed or cannot be imported.
    """
    prepare_openmmlab()
    if find_spec('mmdet') is None:
        raise UserError(
            "mmdet is not installed, and detectors need it; install it with: pip install 'hrpose[detection]'"
        )
    try:
        import mmdet.models  # noqa: F401
    except ImportError as error:
        raise UserError(f'mmdet is installed, but cannot be imported: {error}') from error
