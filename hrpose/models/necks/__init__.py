"""Necks: the backbone's feature maps -> what a head takes."""

from hrpose.models.necks.hrnet_classification import HRNetClassificationNeck

__all__ = ['HRNetClassificationNeck']
