"""Images from a web server and from an object store: mmengine's backends, through the data set and its workers."""

import functools
import sys
import threading
import types
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from hrpose.datasets import CocoDataset
from hrpose.datasets.transforms import LoadImage, PackPose, PadBox, WarpAffine
from hrpose.errors import UserError
from hrpose.images.files import ImageError


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder; ends in the middle of what is called cut.jpg."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:  # noqa: N802 (the library's name)
        if not self.path.endswith('cut.jpg'):
            return super().do_GET()
        self.send_response(200)
        self.send_header('Content-Length', '1000')
        self.end_headers()
        self.wfile.write(b'\xff\xd8\xff')
        return None


@pytest.fixture
def served() -> Iterator:
    """Serve a folder on this machine; returns its address."""
    servers = []

    def serve(folder: Path) -> str:
        server = ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f'http://127.0.0.1:{server.server_port}'

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def store(monkeypatch):
    """An object store's client as `petrel_client` has it, over a folder; returns the calls that it got."""
    calls = []

    def install(folder: Path) -> list[str]:
        class Client:
            def __init__(self, conf_path=None, enable_mc=True):
                self.conf_path = conf_path

            def Get(self, address):  # noqa: N802 (the library's name)
                calls.append(address)
                path = folder / address.removeprefix('s3://bucket/')
                return path.read_bytes() if path.is_file() else None

        package, module = types.ModuleType('petrel_client'), types.ModuleType('petrel_client.client')
        module.Client, package.client = Client, module
        monkeypatch.setattr('mmengine.fileio.io.backend_instances', {})
        monkeypatch.setitem(sys.modules, 'petrel_client', package)
        monkeypatch.setitem(sys.modules, 'petrel_client.client', module)
        return calls

    return install


def dataset_of(data, prefix: str, backend_args=None, **options) -> CocoDataset:
    steps = [LoadImage(backend_args), PadBox((64, 64)), WarpAffine((64, 64), range(5)), PackPose()]
    arguments = {**data.arguments, 'data_prefix': {'img': prefix}}
    return CocoDataset(**arguments, pipeline=steps, **options)


def inputs_of(dataset, workers: int = 0) -> list[np.ndarray]:
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    return [sample['inputs'].numpy() for sample in loader]


@pytest.mark.parametrize('backend_args', [None, {'backend': 'http'}], ids=['by address', 'named'])
def test_people_on_a_web_server_are_those_of_the_folder(backend_args, tiny_coco, served):
    data = tiny_coco(images=3)
    far = dataset_of(data, served(data.images), backend_args)
    np.testing.assert_array_equal(inputs_of(far, workers=2), inputs_of(dataset_of(data, str(data.images))))


def test_people_in_an_object_store_are_those_of_the_folder(tiny_coco, store):
    data = tiny_coco(images=3)
    calls = store(data.images)
    far = dataset_of(data, 's3://bucket', {'backend': 'petrel'})
    np.testing.assert_array_equal(inputs_of(far), inputs_of(dataset_of(data, str(data.images))))
    assert sorted(calls) == sorted(f's3://bucket/{path.name}' for path in data.images.iterdir())


def test_a_failed_download_names_its_address(tiny_coco, served):
    data = tiny_coco(images=1)
    address = served(data.images)
    load = LoadImage()
    for path, reason in ((f'{address}/none.jpg', '404'), (f'{address}/cut.jpg', 'IncompleteRead')):
        with pytest.raises(ImageError, match=f'cannot read the image {path}: .*{reason}'):
            load({'img_path': path})
    with pytest.raises(ImageError, match='cannot read the image http://127.0.0.1:1/a.jpg: .*refused'):
        load({'img_path': 'http://127.0.0.1:1/a.jpg'})


def test_an_image_missing_in_a_store_names_its_address(store, tmp_path):
    store(tmp_path)
    with pytest.raises(ImageError, match='cannot read the image s3://bucket/none.jpg: there is nothing'):
        LoadImage({'backend': 'petrel'})({'img_path': 's3://bucket/none.jpg'})


def test_a_store_without_its_client_is_refused(monkeypatch):
    monkeypatch.setattr('mmengine.fileio.io.backend_instances', {})
    monkeypatch.setitem(sys.modules, 'petrel_client', None)
    with pytest.raises(UserError, match='petrel_client'):
        LoadImage({'backend': 'petrel'})
