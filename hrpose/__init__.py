"""hrpose: HRNet human pose estimation, assembled from Python configs, run by mmengine's Runner."""

from hrpose.version import __version__

__all__ = ['__version__']
