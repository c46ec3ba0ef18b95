"""Plain text tables for logs."""

from collections.abc import Sequence

import numpy as np

Cell = str | float | np.integer | np.floating | None


def format_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return an aligned table: text to the left, numbers to the right, three decimals.

    Args:
        header: one title a column.
        rows: cells; integers are written whole, NaN and None as '-'.

    Returns:
        Lines joined by newlines: the header, a rule, the rows.
    """
    cells = [list(header)] + [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    to_left = [all(isinstance(row[i], str) for row in rows) for i in range(len(header))]
    lines = [_line(row, widths, to_left) for row in cells]
    lines.insert(1, '  '.join('-' * width for width in widths))
    return '\n'.join(lines)


def _line(texts: Sequence[str], widths: Sequence[int], to_left: Sequence[bool]) -> str:
    columns = zip(texts, widths, to_left, strict=True)
    return '  '.join(t.ljust(w) if left else t.rjust(w) for t, w, left in columns).rstrip()


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None or not np.isfinite(cell):
        return '-'
    return str(int(cell)) if isinstance(cell, int | np.integer) else f'{cell:.3f}'
