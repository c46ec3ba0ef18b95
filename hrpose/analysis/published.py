"""Published accuracy and cost of the networks that hrpose has configs of. Nothing here was measured by hrpose.

Sources: the tables of the HRNet paper (Sun et al., CVPR 2019; val2017, and section 3.4 for the ablations), and the
readme of its official release (MPII val). All COCO results but Hourglass's and CPN's are on the boxes of the official
detector (56.4 AP); those two are as the HRNet paper reports them, on other boxes.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """What was published of one network.

    Attributes:
        metric: 'AP' on COCO val2017, or 'PCKh' (at 0.5) on MPII's validation split; 0 to 100.
        value: of that metric.
        parameters: in millions.
        gflops: by the count of the official release.
    """

    metric: str
    value: float
    parameters: float | None = None
    gflops: float | None = None


PUBLISHED: dict[str, Published] = {
    'hourglass8_coco_256x256': Published('AP', 66.9, 25.1, 14.3),  # at 256x192
    'cpn_r50_coco_256x192': Published('AP', 68.6, 27.0, 6.2),
    'cpn_r50_ohkm_coco_256x192': Published('AP', 69.4, 27.0, 6.2),
    'simplebaseline_r50_coco_256x192': Published('AP', 70.4, 34.0, 8.9),
    'simplebaseline_r101_coco_256x192': Published('AP', 71.4, 53.0, 12.4),
    'simplebaseline_r152_coco_256x192': Published('AP', 72.0, 68.6, 15.7),
    'hrnet_w32_coco_256x192': Published('AP', 74.4, 28.5, 7.1),
    'hrnet_w48_coco_256x192': Published('AP', 75.1, 63.6, 14.6),
    # Ablations: trained from scratch, where the whole network has 73.4; those of maps from ImageNet's weights.
    'hrnet_w32_coco_256x192_final_exchange': Published('AP', 70.8),
    'hrnet_w32_coco_256x192_across_exchange': Published('AP', 71.9),
    'hrnet_w24_coco_256x192_all_branches': Published('AP', 72.5),
    'hrnet_w32_coco_256x192_map_2x': Published('AP', 68.9),
    'hrnet_w32_coco_256x192_map_4x': Published('AP', 55.0),
    'simplebaseline_r50_coco_384x288': Published('AP', 72.2, 34.0, 20.0),
    'simplebaseline_r101_coco_384x288': Published('AP', 73.6, 53.0, 27.9),
    'simplebaseline_r152_coco_384x288': Published('AP', 74.3, 68.6, 35.3),
    'hrnet_w32_coco_384x288': Published('AP', 75.8, 28.5, 16.0),
    'hrnet_w48_coco_384x288': Published('AP', 76.3, 63.6, 32.9),
    'hourglass8_mpii_256x256': Published('PCKh', 90.2, 25.1, 19.1),
    'hourglass2_mpii_256x256': Published('PCKh', 88.3),
    'simplebaseline_r50_mpii_256x256': Published('PCKh', 88.5, 34.0),
    'simplebaseline_r101_mpii_256x256': Published('PCKh', 89.1, 53.0),
    'simplebaseline_r152_mpii_256x256': Published('PCKh', 89.6, 68.6, 20.9),
    'hrnet_w32_mpii_256x256': Published('PCKh', 90.3, 28.5, 9.5),
}
