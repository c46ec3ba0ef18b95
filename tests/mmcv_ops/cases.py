"""mmcv's ops, and marks for tests that need them compiled or not compiled."""

import pytest

from hrpose.mmcv_ops import has_compiled_ops, supply_mmcv_ops

supply_mmcv_ops()
ops = pytest.importorskip('mmcv.ops')

compiled = pytest.mark.skipif(not has_compiled_ops(), reason="mmcv's compiled ops are not installed")
stand_in = pytest.mark.skipif(has_compiled_ops(), reason="mmcv's compiled ops are installed")
