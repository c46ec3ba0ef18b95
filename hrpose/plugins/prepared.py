"""Importing this module calls `prepare_openmmlab`.

A config that another toolbox's tools read asks for it: `custom_imports = dict(imports=['hrpose.plugins.prepared'])`.
"""

from hrpose.plugins.openmmlab import prepare_openmmlab

prepare_openmmlab()
