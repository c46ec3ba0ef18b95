"""Backbones: images (B, 3, H, W) -> list of feature maps, finest first."""

from hrpose.models.backbones.hourglass import Hourglass52, HourglassStem
from hrpose.models.backbones.hrnet import HRNet
from hrpose.models.backbones.resnet import ResNet

__all__ = ['HRNet', 'Hourglass52', 'HourglassStem', 'ResNet']
