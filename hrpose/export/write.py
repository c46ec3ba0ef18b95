"""Write a network to ONNX, OpenVINO or torch.export."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import nn

from hrpose.apis.inferencer import crop_pipeline
from hrpose.codecs.base import aligns_corners
from hrpose.config import text_of
from hrpose.datasets.metainfo import FIELDS
from hrpose.errors import UserError, nearest
from hrpose.export.graph import CropsToKeypoints
from hrpose.export.metadata import KEY, Metadata
from hrpose.hardware import PRECISIONS as DTYPES
from hrpose.models import TopdownPoseEstimator
from hrpose.version import __version__

SUFFIXES = {'onnx': '.onnx', 'openvino': '.xml', 'torch-export': '.pt2'}
# OpenVINO computes in bf16 by itself, and int8 is made by ONNX Runtime.
PRECISIONS = {
    'onnx': ('fp32', 'fp16', 'int8'),
    'openvino': ('fp32', 'fp16', 'bf16', 'int8'),
    'torch-export': ('fp32', 'fp16', 'bf16'),
}
PACKAGES = {'onnx': ('onnx', 'onnxscript'), 'openvino': ('onnx', 'onnxscript', 'openvino'), 'torch-export': ()}
CROPS, OUTPUTS = 'crops', ('keypoints', 'scores')
PIPELINE = ('PadBox', 'WarpAffine', 'PackPose')  # the steps that the runtime has


def export_model(
    model: Any,
    path: str | Path,
    *,
    to: str,
    flip_test: bool = False,
    precision: str = 'fp32',
    batch: int = 0,
    calibration: Sequence[np.ndarray] = (),
) -> Metadata:
    """Write a pose estimator as one file (OpenVINO: two) from crops to keypoints; return its description.

    Args:
        model: a pose estimator with its config as `cfg`, on a CPU.
        path: of the file, with the suffix of its form.
        to: 'onnx', 'openvino' or 'torch-export'.
        flip_test: put the flip test into the graph.
        precision: 'fp32'; 'fp16' or 'bf16' of the network's weights and computation; 'int8' of its convolutions.
        batch: number of people at once; 0 for any number.
        calibration: crops (h, w, 3) uint8 RGB, from which 'int8' takes its ranges.

    Raises:
        UserError: an unknown form, a suffix or precision that the form does not have, a package that is missing, int8
            without crops, or a model that cannot be exported.
    """
    path = Path(path)
    check_target(path, to, precision)
    if precision == 'int8' and not len(calibration):
        raise UserError('int8 needs crops to take its ranges from, and none are given')
    metadata = describe(model, flip_test=flip_test, precision=precision, batch=batch)
    # OpenVINO keeps fp32 in the graph: it narrows weights as it writes, or computes in bf16 as it runs.
    dtype = torch.float32 if to == 'openvino' else DTYPES.get(precision, torch.float32)
    program = exported_program(CropsToKeypoints(model, flip_test=flip_test, dtype=dtype).eval(), metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix='.export_') as name:
        folder, finished = Path(name), Path(name) / 'finished'
        finished.mkdir()
        if to == 'torch-export':
            with quiet():
                torch.export.save(program, finished / path.name, extra_files={f'{KEY}.json': metadata.to_json()})
        else:
            plain = write_onnx(program, folder / 'plain.onnx', [CROPS], OUTPUTS)
            if precision == 'int8':
                plain = quantized(plain, calibration, batch or 1)
            finish = write_openvino if to == 'openvino' else write_described
            finish(plain, metadata, finished / path.name)
        # The weights of OpenVINO's file first, as the file is of no use without them.
        for file in sorted(finished.iterdir(), key=lambda file: file.suffix == path.suffix):
            file.replace(path.with_suffix(file.suffix))
    return metadata


def check_target(path: Path, to: str, precision: str) -> None:
    """Raise `UserError` unless the form exists, has the precision and the suffix, and its packages are installed."""
    if to not in SUFFIXES:
        raise UserError(f"there is no form '{to}' of export; {nearest(to, SUFFIXES)}")
    if path.suffix != SUFFIXES[to]:
        raise UserError(f'{path}: a file of {to} ends in {SUFFIXES[to]}; give such a name')
    if precision not in PRECISIONS[to]:
        raise UserError(f"{to} has no precision '{precision}'; choices: {', '.join(PRECISIONS[to])}")
    for package in (*PACKAGES[to], *(['onnxruntime'] if precision == 'int8' else [])):
        if find_spec(package) is None:
            raise UserError(f"the package {package} is missing, which exports to {to}; pip install 'hrpose[export]'")


def describe(model: Any, *, flip_test: bool, precision: str, batch: int) -> Metadata:
    """Return the description of a pose estimator.

    Raises:
        UserError: it is not a `TopdownPoseEstimator`, or its config crops people by steps that the runtime does not
            have.
    """
    if not isinstance(model, TopdownPoseEstimator):
        raise UserError(f'{type(model).__name__} cannot be exported; only a TopdownPoseEstimator can')
    codec, cfg = model.head.codec, getattr(model, 'cfg', None)
    joints = {field: model.metainfo[field] for field in FIELDS}
    return Metadata(
        **joints,
        input_size=codec.input_size,
        padding=_padding(model),
        align_corners=aligns_corners(codec),
        stride=codec.stride,
        codec=type(codec).__name__,
        flip_test=flip_test,
        precision=precision,
        batch=batch,
        version=__version__,
        config='' if cfg is None else text_of(cfg),
    )


def _padding(model: Any) -> float:
    """Return the padding of boxes in the model's test pipeline."""
    pipeline: Any = crop_pipeline(model)  # mmengine's Compose
    steps = {type(step).__name__: step for step in pipeline.transforms}
    if tuple(steps) != PIPELINE:
        raise UserError(
            f'the test pipeline has the steps {", ".join(steps)} after the image is loaded, but the runtime has '
            f'{", ".join(PIPELINE)} only; export with a config whose test_pipeline has these'
        )
    return float(steps['PadBox'].padding)


def exported_program(graph: nn.Module, metadata: Metadata) -> torch.export.ExportedProgram:
    """Return PyTorch's export of a graph, for one number of people or any."""
    width, height = metadata.input_size
    crops = torch.zeros(metadata.batch or 2, height, width, 3, dtype=torch.uint8)
    shapes = None if metadata.batch else ({0: torch.export.Dim('people', min=1, max=4096)},)
    with torch.no_grad():
        return torch.export.export(graph, (crops,), dynamic_shapes=shapes)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings of PyTorch's exporters that are about their own parts and about torchvision."""
    logger = logging.getLogger('torch.onnx._internal.exporter._registration')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)


def write_onnx(
    program: torch.export.ExportedProgram, path: Path, inputs: Sequence[str], outputs: Sequence[str]
) -> Path:
    """Write an exported program as ONNX by PyTorch's own exporter; return the path.

    Raises:
        UserError: this exporter cannot write it.
    """
    try:
        with quiet():
            torch.onnx.export(
                program, f=str(path), input_names=inputs, output_names=outputs, external_data=False, verbose=False
            )
    except torch.onnx.OnnxExporterError as error:
        cause = str(error.__cause__ or error).partition('\n')[0].partition(' : ')[0]  # the rest is PyTorch's graph
        raise UserError(
            f'the ONNX exporter of PyTorch {torch.__version__} cannot write this network ({cause}); a newer one may'
        ) from error
    return path


def write_described(plain: Path, metadata: Metadata, path: Path) -> None:
    """Write an ONNX file with a description inside."""
    import onnx

    content = onnx.load(str(plain))
    onnx.helper.set_model_props(content, {KEY: metadata.to_json()})
    onnx.save(content, str(path))


def quantized(plain: Path, crops: Sequence[np.ndarray], batch: int) -> Path:
    """Return an ONNX file with 8-bit convolutions, whose ranges are those of crops.

    Args:
        plain: the file in fp32.
        crops: (h, w, 3) uint8 RGB; each is seen `batch` times at once, as the graph may take no fewer.
        batch: number of people that the graph takes at once.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Crops(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(crops)

        def get_next(self) -> dict[str, np.ndarray] | None:
            crop = next(self.rest, None)
            return None if crop is None else {CROPS: np.repeat(crop[None], batch, axis=0)}

    ready, path = plain.with_name('ready.onnx'), plain.with_name('int8.onnx')
    quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
    quantize_static(
        str(ready),
        str(path),
        Crops(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=['Conv', 'ConvTranspose'],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return path


def write_openvino(plain: Path, metadata: Metadata, path: Path) -> None:
    """Write OpenVINO's two files, .xml and .bin, from an ONNX file."""
    import openvino

    content = openvino.convert_model(str(plain))
    content.set_rt_info(metadata.to_json(), KEY)
    openvino.save_model(content, str(path), compress_to_fp16=metadata.precision == 'fp16')
