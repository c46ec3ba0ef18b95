"""What a user writes for weights becomes a file: a path, a name, an address."""

import hashlib
import re
from pathlib import Path

import pytest

from hrpose.apis import init_model
from hrpose.checkpoints import convert_checkpoint, locate
from hrpose.checkpoints.names import weights_folder
from hrpose.checkpoints.table import PUBLISHED, Published, hash_in_name, trained_codec
from hrpose.config import load_config
from hrpose.config.shipped import config_names
from hrpose.errors import UserError
from tests.checkpoints.cases import clone, saved, small_model
from tests.checkpoints.server import CONTENT, SHA256
from tests.checkpoints.test_families import pretrained
from tests.golden import golden, golden_data_sets

FILE = f'hrnet_tiny-{SHA256[:8]}_20200101.pth'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """An empty folder of weights, and nothing else that this machine's user has set."""
    monkeypatch.setenv('HRPOSE_WEIGHTS', str(tmp_path / 'weights'))
    monkeypatch.delenv('HRPOSE_WEIGHTS_MIRRORS', raising=False)
    return tmp_path / 'weights'


@pytest.fixture
def published(monkeypatch, server) -> str:
    """A name that the table knows, whose file the server has."""
    monkeypatch.setitem(PUBLISHED, 'hrnet_tiny', Published(FILE, SHA256[:8], (f'{server.base}/zoo/{FILE}',)))
    return 'hrnet_tiny'


def test_every_row_agrees_with_the_published_facts():
    facts = golden('weights.json')
    hashes = {row['weights']: row['sha256_prefix'] for row in facts['models']}
    for kind in ('models', 'detectors'):
        hashes |= {row['weights']: row['sha256_prefix'] for row in golden_data_sets()[kind]}
    hashes |= {row['url']: row['sha256_prefix'] for row in facts['imagenet_backbones']}
    assert {row.addresses[0]: row.sha256 for row in PUBLISHED.values()}.items() <= hashes.items()
    assert len({row.addresses[0] for row in PUBLISHED.values()}) == len(PUBLISHED)


def words_of(file: str) -> set[str]:
    """Return what a published file's name says, in a config's words."""
    return set(re.split('[-_.]', re.sub(r'res(\d)', r'r\1', file)))


def test_every_name_says_what_its_file_is():
    for name, row in PUBLISHED.items():
        said = set(re.sub('^(simplebaseline_|detection/)|_imagenet$', '', name).split('_'))
        assert said <= words_of(row.file), name
        assert {'dark', 'udp'} & said == {'dark', 'udp'} & words_of(row.file), name


def test_every_published_network_has_a_config_of_its_codec():
    networks = {name: row.codec for name, row in PUBLISHED.items() if row.codec}
    assert set(networks) <= set(config_names())
    assert {name: load_config(name).codec.type for name in networks} == networks


# The paper publishes no weights at the other sizes of its figure 6.
PUBLISHED_NETWORKS = r'hrnet_w(32|48)_(coco_(256x192|384x288)|mpii_256x256)'


def test_every_hrnet_config_has_its_published_weights(repository):
    configs = [path.stem for path in (repository / 'configs').glob('hrnet_w[34]*_[0-9]*x[0-9]*.py')]
    published = [name for name in configs if re.fullmatch(PUBLISHED_NETWORKS, name)]
    assert len(published) == 6
    assert set(published) <= set(PUBLISHED)


def test_weights_know_the_codec_that_they_were_trained_for():
    assert trained_codec('hrnet_w48_coco_384x288_udp') == 'UDPHeatmap'
    assert trained_codec(f'/weights/{PUBLISHED["simplebaseline_r50_mpii_256x256"].file}') == 'MSRAHeatmap'
    assert trained_codec('https://example.org/' + PUBLISHED['hrnet_w32_mpii_256x256_dark'].file) == 'DarkHeatmap'
    assert trained_codec('my_dark_room.pth') == trained_codec('hrnet_w32_imagenet') == ''
    assert trained_codec('detection/rtmdet_m_coco_person') == ''


@pytest.mark.parametrize(
    ('file', 'found'),
    [
        ('hrnet_w32-36af842e.pth', '36af842e'),
        ('td-hm_res50_8xb64-210e_coco-256x192-04af38ce_20220923.pth', '04af38ce'),
        ('model-20220923.pth', None),
        ('model-20220923-36af842e.pth', '36af842e'),
        ('pose_hrnet_w32_256x192.pth', None),
        ('model-36AF842E.pth', None),
        ('model-36af842e00.pth', None),
    ],
)
def test_the_hash_in_a_files_name_is_found_and_a_date_is_none(file, found):
    assert hash_in_name(file) == found


def test_a_path_is_itself_and_a_home_is_found(tmp_path, monkeypatch):
    path = saved({}, tmp_path / 'a.pth')
    monkeypatch.setenv('HOME', str(tmp_path))
    assert locate(path) == locate(str(path)) == locate('~/a.pth') == path


def test_a_name_is_downloaded_once_and_kept(published, server, folder):
    path = locate(published)
    assert path == folder / FILE
    assert path.read_bytes() == CONTENT
    assert locate(published) == path
    assert server.asked == [None]


def test_a_file_in_the_local_folder_is_enough(published, server, folder):
    folder.mkdir()
    (folder / FILE).write_bytes(CONTENT)
    assert locate(published).read_bytes() == CONTENT
    assert server.asked == []


def test_the_default_folder_is_in_the_users_cache(monkeypatch):
    monkeypatch.delenv('HRPOSE_WEIGHTS')
    monkeypatch.setenv('HOME', '/home/somebody')
    assert weights_folder() == Path('/home/somebody/.cache/hrpose/weights')


def test_a_damaged_file_in_the_local_folder_is_refused_and_left(published, server, folder):
    folder.mkdir()
    (folder / FILE).write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=f'{FILE}: not the published file, or damaged'):
        locate(published)
    assert (folder / FILE).read_bytes() == CONTENT[:-1]
    assert server.asked == []


def test_mirrors_are_asked_first_in_their_order(published, make_server, server, monkeypatch):
    without, mirror = make_server(), make_server()
    without.statuses = [404]
    monkeypatch.setenv('HRPOSE_WEIGHTS_MIRRORS', f' {without.base}  {mirror.base}/deep/ ')
    assert locate(published).read_bytes() == CONTENT
    assert (without.paths, mirror.paths, server.paths) == ([f'/{FILE}'], [f'/deep/{FILE}'], [])


def test_offline_the_message_names_the_file_the_folder_and_the_address(monkeypatch, folder):
    row = Published(FILE, SHA256[:8], (f'http://127.0.0.1:9/{FILE}',))
    monkeypatch.setitem(PUBLISHED, 'hrnet_tiny', row)
    with pytest.raises(UserError) as error:
        locate('hrnet_tiny')
    assert str(folder / FILE) in str(error.value)
    assert row.addresses[0] in str(error.value)


def test_an_address_with_a_hash_in_its_name_is_verified(server, folder):
    address = f'{server.base}/any/where/{FILE}?raw=1'
    assert locate(address) == folder / FILE
    with pytest.raises(UserError, match='another SHA-256'):
        locate(f'{server.base}/other-00000000.pth')


def test_addresses_without_a_hash_do_not_mistake_one_another(server, folder):
    first, second = f'{server.base}/one/checkpoint.pth', f'{server.base}/two/checkpoint.pth'
    assert locate(first).parent == locate(second).parent == folder
    assert locate(first) != locate(second)
    assert server.paths == ['/one/checkpoint.pth', '/two/checkpoint.pth']


@pytest.mark.parametrize(
    ('given', 'complaint'),
    [
        ('hrnet_w32_coco', 'nor published weights of that name; nearest: hrnet_w32_coco_'),
        ('/nowhere/a.pth', '^checkpoint /nowhere/a.pth: no such file; check the path$'),
        ('a.pth', '^checkpoint a.pth: no such file; check the path$'),
        ('torchvision://resnet50', 'torchvision://resnet50: not http'),
        ('s3://bucket/a.pth', 's3://bucket/a.pth: not http'),
        ('file:///etc/passwd', 'an address of a local file; give its path, /etc/passwd$'),
        ('https://example.com', 'names no file'),
    ],
)
def test_what_is_neither_is_refused_by_name(given, complaint):
    with pytest.raises(UserError, match=complaint):
        locate(given)


@pytest.fixture
def small_weights(monkeypatch, folder) -> str:
    """The name of published weights that fit the small model, whose file lies in the local folder."""
    folder.mkdir()
    path = saved(clone(small_model(5).state_dict()), folder / 'small.pth')
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    monkeypatch.setitem(PUBLISHED, 'hrnet_small', Published('small.pth', sha256, ('http://127.0.0.1:9/small.pth',)))
    return 'hrnet_small'


def test_a_name_works_in_init_model_init_cfg_and_conversion(small_weights, tiny_coco, tiny_config, tmp_path, messages):
    init_model(tiny_config(tiny_coco(images=1)), small_weights)
    pretrained(small_weights, 'w16_small')
    convert_checkpoint(small_weights, tmp_path / 'converted.pth')
    assert [line.split(' (')[0] for line in messages] == ['hrnet_small', 'HRNet from hrnet_small']
    assert (tmp_path / 'converted.pth').is_file()
