"""Published weights by name: mmpose's model zoo, its ImageNet backbones, and its detector of people.

Source of the rows: mmpose 1.x's tables of top-down heatmap models; of the detector, the defaults of its inferencer.
Names are those of the configs in `configs/`. Left out: fp16 twins of a row, models with
another head (UDP with offsets), and SimpleBaseline-R101 at 384x288, whose published address is that of the 256x192
weights.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath

_ZOO = 'https://download.openmmlab.com/mmpose/'
_V1 = 'v1/body_2d_keypoint/topdown_heatmap/coco/td-hm_'
_DETECTORS = 'v1/projects/rtmposev1/'
_HUMAN_ART = 'v1/body_2d_keypoint/topdown_heatmap/human_art/td-hm_'

# Published files carry the first eight digits of their SHA-256 in their name.
_HASH = re.compile(r'-([0-9a-f]{8})[_.]')
_DATE = re.compile(r'20\d{6}')


def hash_in_name(file: str) -> str | None:
    """Return the beginning of the SHA-256 (8 hex digits) that a published file's name carries, if it does."""
    return next((digits for digits in _HASH.findall(file) if not _DATE.fullmatch(digits)), None)


@dataclass(frozen=True)
class Published:
    """A published file."""

    file: str  # its name, the same at every address
    sha256: str  # the first eight hex digits
    addresses: tuple[str, ...]  # tried in this order
    codec: str = ''  # that the network was trained for; '' for a backbone and for a detector


# Name -> address below `_ZOO`.
_FILES = {
    'hrnet_w32_imagenet': 'pretrain_models/hrnet_w32-36af842e.pth',
    'hrnet_w48_imagenet': 'pretrain_models/hrnet_w48-8ef0771d.pth',
    'hrnet_w32_coco_256x192': f'{_V1}hrnet-w32_8xb64-210e_coco-256x192-81c58e40_20220909.pth',
    'hrnet_w32_coco_384x288': f'{_V1}hrnet-w32_8xb64-210e_coco-384x288-ca5956af_20220909.pth',
    'hrnet_w48_coco_256x192': f'{_V1}hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth',
    'hrnet_w48_coco_384x288': f'{_V1}hrnet-w48_8xb32-210e_coco-384x288-c161b7de_20220915.pth',
    'hrnet_w32_coco_256x192_dark': f'{_V1}hrnet-w32_dark-8xb64-210e_coco-256x192-0e00bf12_20220914.pth',
    'hrnet_w32_coco_384x288_dark': f'{_V1}hrnet-w32_dark-8xb64-210e_coco-384x288-9bab4c9b_20220917.pth',
    'hrnet_w48_coco_256x192_dark': f'{_V1}hrnet-w48_dark-8xb32-210e_coco-256x192-e1ebdd6f_20220913.pth',
    'hrnet_w48_coco_384x288_dark': f'{_V1}hrnet-w48_dark-8xb32-210e_coco-384x288-39c3c381_20220916.pth',
    'hrnet_w32_coco_256x192_udp': f'{_V1}hrnet-w32_udp-8xb64-210e_coco-256x192-73ede547_20220914.pth',
    'hrnet_w32_coco_384x288_udp': f'{_V1}hrnet-w32_udp-8xb64-210e_coco-384x288-9a3f7c85_20220914.pth',
    'hrnet_w48_coco_256x192_udp': f'{_V1}hrnet-w48_udp-8xb32-210e_coco-256x192-3feaef8f_20220913.pth',
    'hrnet_w48_coco_384x288_udp': f'{_V1}hrnet-w48_udp-8xb32-210e_coco-384x288-70d7ab01_20220913.pth',
    'simplebaseline_r50_coco_256x192': f'{_V1}res50_8xb64-210e_coco-256x192-04af38ce_20220923.pth',
    'simplebaseline_r50_coco_384x288': f'{_V1}res50_8xb64-210e_coco-384x288-7b8db90e_20220923.pth',
    'simplebaseline_r101_coco_256x192': f'{_V1}res101_8xb64-210e_coco-256x192-065d3625_20220926.pth',
    'simplebaseline_r152_coco_256x192': f'{_V1}res152_8xb32-210e_coco-256x192-0345f330_20220928.pth',
    'simplebaseline_r152_coco_384x288': f'{_V1}res152_8xb32-210e_coco-384x288-7fbb906f_20220927.pth',
    'simplebaseline_r50_coco_256x192_dark': f'{_V1}res50_dark-8xb64-210e_coco-256x192-c129dcb6_20220926.pth',
    'simplebaseline_r50_coco_384x288_dark': f'{_V1}res50_dark-8xb64-210e_coco-384x288-8b90b538_20220926.pth',
    'simplebaseline_r101_coco_256x192_dark': f'{_V1}res101_dark-8xb64-210e_coco-256x192-528ec248_20220926.pth',
    'simplebaseline_r101_coco_384x288_dark': f'{_V1}res101_dark-8xb64-210e_coco-384x288-487d40a4_20220926.pth',
    'simplebaseline_r152_coco_256x192_dark': f'{_V1}res152_dark-8xb32-210e_coco-256x192-f754df5f_20221031.pth',
    'simplebaseline_r152_coco_384x288_dark': f'{_V1}res152_dark-8xb32-210e_coco-384x288-329f8454_20221031.pth',
    'hourglass52_coco_256x256': 'top_down/hourglass/hourglass52_coco_256x256-4ec713ba_20200709.pth',
    'hourglass52_coco_384x384': 'top_down/hourglass/hourglass52_coco_384x384-be91ba2b_20200812.pth',
    'hrnet_w32_mpii_256x256': 'top_down/hrnet/hrnet_w32_mpii_256x256-6c4f923f_20200812.pth',
    'hrnet_w48_mpii_256x256': 'top_down/hrnet/hrnet_w48_mpii_256x256-92cab7bd_20200812.pth',
    'hrnet_w32_mpii_256x256_dark': 'top_down/hrnet/hrnet_w32_mpii_256x256_dark-f1601c5b_20200927.pth',
    'hrnet_w48_mpii_256x256_dark': 'top_down/hrnet/hrnet_w48_mpii_256x256_dark-0decd39f_20200927.pth',
    'simplebaseline_r50_mpii_256x256': 'top_down/resnet/res50_mpii_256x256-418ffc88_20200812.pth',
    'simplebaseline_r101_mpii_256x256': 'top_down/resnet/res101_mpii_256x256-416f5d71_20200812.pth',
    'simplebaseline_r152_mpii_256x256': 'top_down/resnet/res152_mpii_256x256-3ecba29d_20200812.pth',
    'hourglass52_mpii_256x256': 'top_down/hourglass/hourglass52_mpii_256x256-ae358435_20200812.pth',
    'hourglass52_mpii_384x384': 'top_down/hourglass/hourglass52_mpii_384x384-04090bc3_20200812.pth',
    'hrnet_w32_aic_256x192': 'top_down/hrnet/hrnet_w32_aic_256x192-30a4e465_20200826.pth',
    'hrnet_w32_humanart_256x192': f'{_HUMAN_ART}hrnet-w32_8xb64-210e_humanart-256x192-0773ef0b_20230614.pth',
    'hrnet_w48_humanart_256x192': f'{_HUMAN_ART}hrnet-w48_8xb32-210e_humanart-256x192-05178983_20230614.pth',
    'hrnet_w32_ap10k_256x256': 'animal/hrnet/hrnet_w32_ap10k_256x256-18aac840_20211029.pth',
    'hrnet_w48_ap10k_256x256': 'animal/hrnet/hrnet_w48_ap10k_256x256-d95ab412_20211029.pth',
    'simplebaseline_r50_ap10k_256x256': 'animal/resnet/res50_ap10k_256x256-35760eb8_20211029.pth',
    'simplebaseline_r101_ap10k_256x256': 'animal/resnet/res101_ap10k_256x256-9edfafb9_20211029.pth',
    **{
        f'simplebaseline_r50_jhmdb_sub{split}_256x256': f'top_down/resnet/res50_jhmdb_sub{split}_256x256-{end}.pth'
        for split, end in enumerate(('932cb3b4_20201122', '83d606f7_20201122', 'c4ec1a0b_20201122'), 1)
    },
    'hrnet_w32_wholebody_256x192': 'top_down/hrnet/hrnet_w32_coco_wholebody_256x192-853765cd_20200918.pth',
    'hrnet_w32_wholebody_384x288': 'top_down/hrnet/hrnet_w32_coco_wholebody_384x288-78cacac3_20200922.pth',
    'hrnet_w48_wholebody_256x192': 'top_down/hrnet/hrnet_w48_coco_wholebody_256x192-643e18cb_20200922.pth',
    'hrnet_w48_wholebody_384x288': 'top_down/hrnet/hrnet_w48_coco_wholebody_384x288-6e061c6a_20200922.pth',
    'hrnet_w32_wholebody_256x192_dark': 'top_down/hrnet/hrnet_w32_coco_wholebody_256x192_dark-469327ef_20200922.pth',
    'hrnet_w48_wholebody_384x288_dark': 'top_down/hrnet/hrnet_w48_coco_wholebody_384x288_dark-f5726563_20200918.pth',
    'simplebaseline_r50_wholebody_256x192': 'top_down/resnet/res50_coco_wholebody_256x192-9e37ed88_20201004.pth',
    'simplebaseline_r50_wholebody_384x288': 'top_down/resnet/res50_coco_wholebody_384x288-ce11e294_20201004.pth',
    'simplebaseline_r101_wholebody_256x192': 'top_down/resnet/res101_coco_wholebody_256x192-7325f982_20201004.pth',
    'simplebaseline_r101_wholebody_384x288': 'top_down/resnet/res101_coco_wholebody_384x288-6c137b9a_20201004.pth',
    'simplebaseline_r152_wholebody_256x192': 'top_down/resnet/res152_coco_wholebody_256x192-5de8ae23_20201004.pth',
    'simplebaseline_r152_wholebody_384x288': 'top_down/resnet/res152_coco_wholebody_384x288-eab8caa8_20201004.pth',
    'simplebaseline_r101_aic_256x192': 'top_down/resnet/res101_aic_256x192-79b35445_20200826.pth',
    'detection/rtmdet_m_coco_person': f'{_DETECTORS}rtmdet_m_8xb32-100e_coco-obj365-person-235e8209.pth',
}


def _published(name: str, address: str) -> Published:
    file = address.rsplit('/', 1)[-1]
    sha256 = hash_in_name(file)
    assert sha256 is not None, f'{file} carries no hash'
    has_no_codec = name.endswith('_imagenet') or name.startswith('detection/')
    codec = '' if has_no_codec else _CODECS.get(name.rsplit('_', 1)[-1], 'MSRAHeatmap')
    return Published(file, sha256, (_ZOO + address,), codec)


# By the last word of a name.
_CODECS = {'dark': 'DarkHeatmap', 'udp': 'UDPHeatmap'}
PUBLISHED = {name: _published(name, address) for name, address in _FILES.items()}


def trained_codec(checkpoint: str) -> str:
    """Return the codec that published weights were trained for, by their name or that of their file, else ''."""
    name = PurePath(checkpoint).name
    return next((row.codec for known, row in PUBLISHED.items() if name in (known, row.file)), '')
