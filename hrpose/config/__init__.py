"""Configs: read the files, apply the options, then fill in what follows from the top-level values.

`codec`, `metainfo`, `data_root`, `train_pipeline` and `test_pipeline` stand once, at the top of a config. `link` copies
each to the parts that take it, after all merging, so no inherited copy can go stale. A part says what it takes in a
class attribute, for instance `linked = {'input_size': 'codec.input_size'}`; see `hrpose.config.parts`.
"""

from hrpose.config.linking import LOADERS, each_dataset, link, unlink
from hrpose.config.options import parse_options
from hrpose.config.read import load_config, read_config
from hrpose.config.text import text_of

__all__ = ['LOADERS', 'each_dataset', 'link', 'load_config', 'parse_options', 'read_config', 'text_of', 'unlink']
