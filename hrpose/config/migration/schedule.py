"""Translate the schedule and the runtime of an mmpose config."""

from collections.abc import Mapping
from typing import Any

from hrpose import registry
from hrpose.config.migration.model import migrate_checkpoint
from hrpose.config.migration.notes import Notes, kind_of

Part = dict[str, Any]
# Optimizers that PyTorch updates in one kernel a step; hrpose's recipes do.
FUSED = ('Adam', 'AdamW', 'SGD')
# What mmpose's runtime has and hrpose's own does in another way.
OWN_HOOKS = ('timer', 'logger', 'param_scheduler', 'checkpoint', 'sampler_seed')
STOCK_BACKENDS = (['LocalVisBackend'], ['LocalVisBackend', 'TensorboardVisBackend'])
# Metrics that `save_best` names in mmpose's configs; hrpose's 'auto' takes the same.
BEST = ('coco/AP', 'coco-wholebody/AP', 'crowdpose/AP', 'PCK', 'posetrack18/Total AP', 'auto')
PASSED_ON = ('work_dir', 'randomness', 'resume', 'log_level', 'launcher', 'find_unused_parameters', 'compile')


def migrate_schedule(cfg: Mapping[str, Any], notes: Notes) -> Part:
    """Return the training loop, optimizer and learning rates of an mmpose config."""
    loop = cfg.get('train_cfg')
    epochs = (loop or {}).get('max_epochs')
    schedule: Part = {'train_cfg': None if loop is None else {'by_epoch': True, **loop}}
    schedule['optim_wrapper'] = _optimizer(cfg.get('optim_wrapper'), notes)
    rates = cfg.get('param_scheduler') or []
    rates = [_rate(rate, epochs) for rate in (rates if isinstance(rates, list | tuple) else [rates])]
    schedule['param_scheduler'] = rates or None
    schedule['auto_scale_lr'] = cfg.get('auto_scale_lr')
    for key in schedule:
        if key in cfg and key != 'optim_wrapper':
            notes.became(key, 'as it is' if key != 'param_scheduler' else ', '.join(map(kind_of, rates)))
    return schedule


def _optimizer(value: Mapping[str, Any] | None, notes: Notes) -> Part | None:
    if value is None:
        return None
    wrapper = {key: item for key, item in value.items() if (key, item) != ('type', 'OptimWrapper')}
    known = {'optimizer': registry.OPTIMIZERS, 'constructor': registry.OPTIM_WRAPPER_CONSTRUCTORS}
    for key, kinds in known.items():
        name = wrapper[key].get('type') if key == 'optimizer' else wrapper.get(key)
        if name is not None and name not in kinds:
            notes.lacks(f'optim_wrapper.{key}', f'{name} is not registered here', 'choose another, or import a plug-in')
            if key == 'constructor':
                del wrapper[key]
    optimizer = dict(wrapper['optimizer'])
    if kind_of(optimizer) in FUSED and not {'fused', 'foreach'} & set(optimizer):
        optimizer['fused'] = True
    wrapper['optimizer'] = optimizer
    notes.became(
        'optim_wrapper',
        f'{kind_of(wrapper) or "OptimWrapper"} of {kind_of(optimizer)} with a rate of {optimizer.get("lr")}, as it is',
    )
    return wrapper


def _rate(value: Mapping[str, Any], epochs: int | None) -> Part:
    """Return a learning rate's schedule without what is so anyway."""
    rate = dict(value)
    by_epoch = rate.get('by_epoch', True)
    if by_epoch and rate.get('end') == epochs and kind_of(rate) == 'MultiStepLR':
        del rate['end']
    return {key: item for key, item in rate.items() if (key, item) not in (('begin', 0), ('by_epoch', True))}


def migrate_runtime(cfg: Mapping[str, Any], runtime: Mapping[str, Any], top: Part, notes: Notes) -> Part:
    """Return hooks, logging and starting weights: hrpose's `runtime` with what an mmpose config changes in it.

    Args:
        cfg: mmpose's.
        runtime: of `configs/_base_/runtime.py`.
        top: top-level values that the model has led to.
        notes: for the user.
    """
    changed = dict(runtime)
    hooks = {name: dict(hook) for name, hook in runtime['default_hooks'].items()}
    for name, hook in (cfg.get('default_hooks') or {}).items():
        if name in ('visualization', 'badcase'):
            if hook and hook.get('enable'):
                notes.lacks(f'default_hooks.{name}', f'{kind_of(hook)} has no counterpart', 'hrpose infer draws people')
        elif name not in OWN_HOOKS or hook is None:
            hooks[name] = hook
        else:
            hooks[name] |= _hook_options(name, hook, notes)
    changed['default_hooks'] = hooks
    changed |= {key: cfg[key] for key in PASSED_ON if cfg.get(key)}
    if cfg.get('load_from'):
        changed['load_from'] = migrate_checkpoint(cfg['load_from'], 'load_from', notes)
    if own := [*top.pop('custom_hooks', ()), *_custom_hooks(cfg.get('custom_hooks') or [], notes)]:
        changed['custom_hooks'] = own
    changed |= _visualizer(cfg.get('visualizer') or {}, runtime, notes) | top
    if imports := cfg.get('custom_imports'):
        changed['custom_imports'] = imports
        notes.lacks('custom_imports', f'{imports.get("imports")} may import mmpose', 'make it a plug-in of hrpose')
    notes.became('default_hooks, env_cfg, log_processor', "hrpose's own (configs/_base_/runtime.py)")
    return changed


def _hook_options(name: str, hook: Mapping[str, Any], notes: Notes) -> Part:
    options = {key: item for key, item in hook.items() if key != 'type'}
    if name == 'checkpoint' and (best := options.pop('save_best', None)) is not None:
        if best in BEST:
            options.pop('rule', None)
            notes.became('default_hooks.checkpoint.save_best', f'{best!r} -> auto, the first metric')
        else:
            options['save_best'] = best
            notes.lacks(
                'default_hooks.checkpoint.save_best', f'{best!r} may be called otherwise here', "'auto' always works"
            )
    return options


def _custom_hooks(hooks: Any, notes: Notes) -> list[Part]:
    kept = []
    for number, hook in enumerate(hooks):
        kind = kind_of(hook)
        if kind == 'SyncBuffersHook':
            notes.became(f'custom_hooks.{number}', 'SyncBuffersHook -> SharedStatisticsHook, which every training has')
        elif kind in registry.HOOKS:
            kept.append({**hook, 'type': kind})
            if (average := hook.get('ema_type')) is not None and average not in registry.MODELS:
                del kept[-1]['ema_type']
                notes.lacks(
                    f'custom_hooks.{number}.ema_type', f'{average} is not registered here', "mmengine's is taken"
                )
        else:
            notes.lacks(f'custom_hooks.{number}', f'{kind} has no counterpart', 'it is left out; write it as a plug-in')
    return kept


def _visualizer(value: Mapping[str, Any], runtime: Mapping[str, Any], notes: Notes) -> Part:
    backends = value.get('vis_backends') or []
    if not backends or [kind_of(backend) for backend in backends] in STOCK_BACKENDS:
        return {}
    notes.became('visualizer', f'PoseVisualizer with {", ".join(map(kind_of, backends))}')
    return {'visualizer': {**runtime['visualizer'], 'vis_backends': list(backends)}}
