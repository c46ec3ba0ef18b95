"""How long each stage takes, from the picture to the figures, alone or against a peer in the same run."""

from hrpose.analysis.benchmark.report import as_chain, as_json, as_table
from hrpose.analysis.benchmark.sides import STAGES, VARIANTS, Bench
from hrpose.analysis.benchmark.timing import Timing, Work, measure

__all__ = ['STAGES', 'VARIANTS', 'Bench', 'Timing', 'Work', 'as_chain', 'as_json', 'as_table', 'measure']
