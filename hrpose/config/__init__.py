"""The one door to configs: read the files, apply the options, then fill in what follows from them.

`codec`, `metainfo`, `data_root`, `train_pipeline` and `test_pipeline` stand once, at the top of a config. `link` copies
each to where it is needed, after all merging, so nothing inherited can go stale. A value that is written out and
contradicts its source is an error.
"""

from hrpose.config.data import LOADERS, each_dataset
from hrpose.config.linking import link, unlink
from hrpose.config.options import parse_options
from hrpose.config.read import load_config, read_config

__all__ = ['LOADERS', 'each_dataset', 'link', 'load_config', 'parse_options', 'read_config', 'unlink']
