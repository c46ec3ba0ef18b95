"""Exported files in ONNX Runtime or OpenVINO, on the CPU."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hrpose.errors import UserError, nearest
from hrpose.export.metadata import ANY, KEY, Description, read_metadata

# Backend -> the suffixes of the files that it reads. The first that is installed is taken.
BACKENDS = {'onnxruntime': ('.onnx',), 'openvino': ('.xml', '.onnx')}


class Session(Protocol):
    """An exported file that is loaded.

    Attributes:
        metadata: the description of the file.
        shapes: of its inputs; a dimension that is not fixed is no int, or 0.
    """

    metadata: Any
    shapes: Sequence[Sequence[Any]]

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return both outputs for the inputs in their order."""
        ...


def load_session(
    path: str | Path, kind: type[Description], backend: str | None = None, *, threads: int | None = None
) -> Session:
    """Load an exported file.

    Args:
        path: .onnx or .xml. A .pt2 is for PyTorch: `torch.export.load`.
        kind: of its description.
        backend: 'onnxruntime' or 'openvino'; by default the first that is installed and reads the file.
        threads: of the backend; by default its own choice.

    Raises:
        UserError: there is no such file, hrpose did not export it as this kind, or no backend can run it.
    """
    path = Path(path)
    if backend is not None and backend not in BACKENDS:
        raise UserError(f"there is no backend '{backend}'; {nearest(backend, BACKENDS)}")
    if not path.is_file():
        raise UserError(f'there is no file {path}; check the path')
    fitting = [name for name, suffixes in BACKENDS.items() if path.suffix in suffixes]
    if not fitting:
        raise UserError(f"{path}: the runtime reads no files with the suffix '{path.suffix}'; give an .onnx or .xml")
    if backend is not None and backend not in fitting:
        raise UserError(f'{path}: {backend} reads no {path.suffix} files; take {" or ".join(fitting)}')
    wanted = [backend] if backend else fitting
    installed = [name for name in wanted if find_spec(name)]
    if not installed:
        raise UserError(f'{path} needs {" or ".join(wanted)}, which is not installed; pip install {wanted[0]}')
    kinds: dict[str, Callable[..., Session]] = {'onnxruntime': OnnxSession, 'openvino': OpenVinoSession}
    session = kinds[installed[0]](path, kind, threads)
    wanted, found = session.metadata.input_shapes(), [list(shape) for shape in session.shapes]
    fits = [len(shape) for shape in wanted] == [len(shape) for shape in found] and all(
        side in (size, ANY)
        for one, other in zip(wanted, found, strict=True)
        for side, size in zip(one, other, strict=True)
    )
    if not fits:
        raise UserError(
            f'{path}: its description says inputs of {wanted}, but its graph takes {found}; export it again'
        )
    return session


class OnnxSession:
    """An exported file in ONNX Runtime, on the CPU."""

    def __init__(self, path: Path, kind: type[Description], threads: int | None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        if threads:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        except Exception as error:  # ONNX Runtime's errors have no common class
            raise _unreadable(path, 'ONNX Runtime', error) from error
        text = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        self.metadata: Any = read_metadata(kind, text, str(path))
        self._names = [port.name for port in self._session.get_inputs()]
        self.shapes: Sequence[Sequence[Any]] = [port.shape for port in self._session.get_inputs()]

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return both outputs for the inputs in their order."""
        first, second = self._session.run(None, dict(zip(self._names, inputs, strict=True)))
        return first, second


class OpenVinoSession:
    """An exported file in OpenVINO, on the CPU."""

    def __init__(self, path: Path, kind: type[Description], threads: int | None) -> None:
        import openvino

        core = openvino.Core()
        try:
            content = core.read_model(str(path))
        except Exception as error:  # OpenVINO raises RuntimeError and errors of its own
            raise _unreadable(path, 'OpenVINO', error) from error
        # In an .xml the description stands by itself, of an .onnx OpenVINO keeps it under 'framework'.
        place = [KEY] if path.suffix == '.xml' else ['framework', KEY]
        text = content.get_rt_info(place).value if content.has_rt_info(place) else None
        self.metadata: Any = read_metadata(kind, text, str(path))
        dimensions = [list(port.partial_shape) for port in content.inputs]
        self.shapes: Sequence[Sequence[Any]] = [
            [0 if each.is_dynamic else each.get_length() for each in shape] for shape in dimensions
        ]
        narrow = self.metadata.precision == 'bf16'
        if narrow and 'BF16' not in core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES'):
            raise UserError(f'{path} computes in bf16, for which this processor has no instructions; export fp32')
        settings: dict[str, Any] = {'INFERENCE_PRECISION_HINT': 'bf16' if narrow else 'f32'}
        if threads:
            settings['INFERENCE_NUM_THREADS'] = threads
        self._compiled = core.compile_model(content, 'CPU', settings)

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return both outputs for the inputs in their order."""
        found = self._compiled(list(inputs))
        return found[0], found[1]


def _unreadable(path: Path, backend: str, error: Exception) -> UserError:
    reason = ' '.join(str(error).split())
    return UserError(f'{path} is not a network that {backend} can load ({reason:.200}); export it again')
