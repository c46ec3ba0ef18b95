"""The metrics of a config: their joints and truth, and which checkpoint counts as the best."""

from pathlib import Path

from mmengine.config import Config
from mmengine.evaluator import DumpResults  # noqa: F401  # registers mmengine's own metrics
from mmengine.registry import METRICS as MMENGINE_METRICS

from hrpose.config.values import fill

EVALUATORS = ('val_evaluator', 'test_evaluator')

# The argument that tells a metric its truth, and the name of that file beside the data set's annotations.
TRUTH_FILES = {
    'CocoMetric': ('ann_file', '{0.name}'),
    'CrowdPoseMetric': ('ann_file', '{0.name}'),
    'MpiiMetric': ('gt_file', 'gt_{0.stem}.mat'),
    'PoseTrack18Metric': ('ann_file', '{0.name}'),
}

# Metrics of which less is better; the best checkpoint is chosen by the first metric's first figure.
ERRORS = ('EPE', 'EPEMetric')


def link_evaluation(cfg: Config) -> None:
    """Give each metric its joints and truth, and the test its metrics where only validation has them."""
    if 'test_evaluator' not in cfg and cfg.get('val_evaluator') is not None:
        copied = cfg._cfg_dict.to_dict()['val_evaluator']
        cfg.test_evaluator = copied
    for name in EVALUATORS:
        loader = cfg.get(name.replace('evaluator', 'dataloader'))
        if cfg.get(name) is None or loader is None:
            continue
        metrics = cfg[name] if isinstance(cfg[name], list) else [cfg[name]]
        for metric in metrics:
            if metric['type'] not in MMENGINE_METRICS:
                fill(cfg, metric, name, {'metainfo': 'metainfo'})
            if metric['type'] in TRUTH_FILES and 'ann_file' in loader.dataset:
                key, pattern = TRUTH_FILES[metric['type']]
                annotations = Path(loader.dataset.get('data_root', '')) / loader.dataset.ann_file
                metric.setdefault(key, str(annotations.with_name(pattern.format(annotations))))
        cfg[name] = metrics
    _link_best_checkpoint(cfg)


def _link_best_checkpoint(cfg: Config) -> None:
    hook, metrics = (cfg.get('default_hooks') or {}).get('checkpoint'), cfg.get('val_evaluator')
    if hook and hook.get('save_best'):
        first = metrics[0] if isinstance(metrics, list) else metrics or {}
        hook.setdefault('rule', 'less' if first.get('type') in ERRORS else 'greater')
