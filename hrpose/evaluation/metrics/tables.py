"""Plain text tables for logs."""

from collections.abc import Sequence

import numpy as np

Cell = str | float | np.integer | np.floating | None


def format_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return an aligned table: the header, a rule and the rows, joined by newlines.

    Text stands to the left, numbers to the right with three decimals; integers are written whole, NaN and None as '-'.
    """
    cells = [list(header)] + [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    align = ['<' if all(isinstance(row[place], str) for row in rows) else '>' for place in range(len(header))]
    cells.insert(1, ['-' * width for width in widths])
    line = '  '.join(f'{{:{side}{width}}}' for side, width in zip(align, widths, strict=True))
    return '\n'.join(line.format(*row).rstrip() for row in cells)


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None or not np.isfinite(cell):
        return '-'
    return str(int(cell)) if isinstance(cell, int | np.integer) else f'{cell:.3f}'
