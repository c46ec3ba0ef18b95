"""Tables: what a line looks like."""

import numpy as np

from hrpose.evaluation import format_table


def test_table_is_aligned_with_three_decimals():
    table = format_table(['joint', 'n', 'PCK'], [['nose', 12, 0.5], ['left_ear', np.int64(3), np.nan]])
    assert table.split('\n') == [
        'joint      n    PCK',
        '--------  --  -----',
        'nose      12  0.500',
        'left_ear   3      -',
    ]


def test_table_without_rows_is_its_header():
    assert format_table(['AP', 'AR'], []).split('\n') == ['AP  AR', '--  --']
