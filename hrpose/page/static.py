"""A folder that shows the page without a server: the network runs in the browser, by ONNX Runtime Web."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrpose.datasets.metainfo.names import joint_sides
from hrpose.errors import UserError
from hrpose.export.metadata import Metadata
from hrpose.page.limits import Limits
from hrpose.version import __version__

FILES = Path(__file__).parent / 'static-files'
# Of the npm package onnxruntime-web.
RUNTIME = ('ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm')


def describe_page(metainfo: Mapping[str, Any], *, title: str, detects: bool, limits: Limits) -> dict[str, Any]:
    """Return what the page has to know of a network: JSON's types only."""
    return {
        'version': __version__,
        'title': title,
        'detects': detects,
        'names': list(metainfo['keypoint_names']),
        'sides': list(joint_sides(metainfo)),
        'skeleton': [list(map(int, limb)) for limb in metainfo.get('skeleton') or ()],
        'limits': vars(limits),
    }


def write_static_page(folder: Path, model: Path, metadata: Metadata, runtime: Path, limits: Limits) -> None:
    """Write the page, its network and ONNX Runtime Web into a folder, which any server of files can show.

    Args:
        folder: to write to; made if it is not there.
        model: the network, an ONNX file of `hrpose export`.
        metadata: of the network.
        runtime: the unpacked npm package onnxruntime-web.
        limits: of images.

    Raises:
        UserError: the network is no ONNX file, or the package is not there.
    """
    if model.suffix != '.onnx':
        raise UserError(f'{model}: a browser runs ONNX files only; write one by hrpose export --to onnx')
    sources = [runtime / 'dist' / name for name in RUNTIME]
    for source in sources:
        if not source.is_file():
            raise UserError(
                f'{source}: no such file; get ONNX Runtime Web by `npm pack onnxruntime-web`, unpack it, and give its '
                'folder: --onnxruntime-web package'
            )
    folder.mkdir(parents=True, exist_ok=True)
    for source in [*FILES.iterdir(), *sources]:
        if source.name != 'local.js':
            shutil.copyfile(source, folder / source.name)
    shutil.copyfile(FILES / 'local.js', folder / 'server.js')
    shutil.copyfile(model, folder / 'model.onnx')
    page = folder / 'index.html'
    page.write_text(
        page.read_text().replace('Files go to this server alone and are not kept.', 'They stay in this browser.')
    )
    about = describe_page(metadata.metainfo, title=model.stem, detects=False, limits=limits)
    network = {name: getattr(metadata, name) for name in ('input_size', 'padding', 'align_corners', 'batch')}
    (folder / 'about.json').write_text(json.dumps({**about, 'network': network}))
