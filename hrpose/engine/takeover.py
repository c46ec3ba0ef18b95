"""Check what a resumed training takes over from its checkpoint, which may come from a stranger.

Weights, averaged weights, the optimizer's state and counts come from the file, each checked against what this training
has in its place. Hyperparameters come from the config. Nothing is changed here.
"""

import copy
import logging
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor, nn

from hrpose.engine.distributed.processes import unwrapped
from hrpose.engine.schedule import schedulers_by_metric
from hrpose.errors import UserError

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# How many times the steps of the config's training a checkpoint may have done: its batches may have been smaller.
_STEPS_RATIO = 100
# Progress of a schedule that follows a metric; the rest of its state is its plan.
_METRIC_PROGRESS = ('last_step', '_global_step', '_last_value', 'best', 'num_bad_epochs', 'cooldown_counter')


def checked_takeover(content: Mapping[str, Any], runner: Runner) -> dict[str, Any]:
    """Return a checkpoint's content without what a training must not take over.

    Args:
        content: of a checkpoint, as `resumable` returns it.
        runner: with its optimizer and schedulers built.

    Raises:
        UserError: something has another type, shape or range than this training needs; the message has the place.
    """
    content = dict(content)
    _check_progress(content['meta'], runner)
    _check_weights(content)
    _check_hub(content['message_hub'])
    by_metric = schedulers_by_metric(runner)
    names = {id(value): name for name, value in unwrapped(runner.model).named_parameters()}
    wrapper, state = runner.optim_wrapper, content['optimizer']
    if isinstance(wrapper, OptimWrapperDict):
        if set(state) != set(wrapper.keys()):
            raise UserError('its optimizers are others than those of the config')
        content['optimizer'] = {name: _optimizer(state[name], one, names, by_metric) for name, one in wrapper.items()}
    else:
        content['optimizer'] = _optimizer(state, wrapper, names, by_metric)
    states = content.pop('param_schedulers', None)
    if by_metric and states:
        content['param_schedulers'] = _metric_progress(states)
    return content


def require_fit(value: Any, like: Tensor, what: str) -> Tensor:
    """Return `value` if it is a dense, real and finite tensor of the shape of `like`; in plain order if it is not.

    Raises:
        UserError: it is not; the message begins with `what`.
    """
    if not isinstance(value, Tensor):
        raise UserError(f'{what} is a {type(value).__name__}, not a tensor')
    if value.is_nested or value.layout is not torch.strided or value.dtype not in _DTYPES:
        raise UserError(f'{what} is not a dense tensor of floating-point numbers ({value.dtype}, {value.layout})')
    if value.shape != like.shape:
        raise UserError(f'{what} has shape {tuple(value.shape)}, not {tuple(like.shape)}')
    _require_finite(value, what)
    dense = value.is_contiguous() or (value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last))
    return value.detach() if dense else value.detach().contiguous()


def _require_finite(value: Tensor, what: str) -> None:
    if value.is_floating_point() and not bool((value if value.dtype in _DTYPES else value.float()).isfinite().all()):
        raise UserError(f'{what} has NaN or infinity; resume from an earlier checkpoint')


def _check_progress(meta: Any, runner: Runner) -> None:
    if not isinstance(meta, Mapping):
        raise UserError(f'its meta is a {type(meta).__name__}, not a dictionary')
    loop: Any = runner.train_loop
    by_iter = not hasattr(loop, 'epoch') or type(loop).__name__ == 'IterBasedTrainLoop'
    limits = {'epoch': None if by_iter else loop.max_epochs, 'iter': loop.max_iters * (1 if by_iter else _STEPS_RATIO)}
    for name, limit in limits.items():
        done = meta.get(name)
        if type(done) is not int or done < 0:
            raise UserError(f'its meta.{name} is not a number of {name}s done')
        if limit is not None and done > limit:
            raise UserError(
                f'it has {done if done < 10**12 else "more than 10^12"} {name}s done, but this config trains for '
                f'{loop.max_iters if name == "iter" else limit}; raise train_cfg.max_{name}s to train on'
            )
    seed = meta.get('seed')
    if seed is not None and not (type(seed) is int and 0 <= seed < 2**32):
        raise UserError('its meta.seed is no seed of 32 bits')


def _check_weights(content: Mapping[str, Any]) -> None:
    weights, averaged = content.get('state_dict'), content.get('ema_state_dict')
    for place, tensors in (('state_dict', weights), ('ema_state_dict', averaged)):
        if tensors is None:
            continue
        if not isinstance(tensors, Mapping):
            raise UserError(f'its {place} is a {type(tensors).__name__}, not a dictionary')
        for name, value in tensors.items():
            if isinstance(value, Tensor):
                _require_finite(value, f'its {place}, {name}')
    for name, value in (averaged or {}).items():
        like = (weights or {}).get(str(name).removeprefix('module.'))
        fits = isinstance(value, Tensor) and not value.is_complex()
        if str(name).startswith('module.'):
            fits = fits and isinstance(like, Tensor) and like.shape == value.shape
        elif name == 'steps':
            fits = fits and value.numel() == 1 and not value.is_floating_point() and int(value) >= 0
        if not fits:
            raise UserError(f'its ema_state_dict, {name}, does not fit its weights')


def _optimizer(state: Any, wrapper: OptimWrapper, names: Mapping[int, str], by_metric: Sequence[Any]) -> dict[str, Any]:
    """Return an optimizer's checked state with the config's hyperparameters."""
    optimizer = wrapper.optimizer
    own = optimizer.state_dict()['param_groups']
    if not isinstance(state, Mapping) or not isinstance(state.get('state'), Mapping):
        raise UserError('its optimizer has no state')
    groups = state.get('param_groups')
    if not isinstance(groups, list) or not all(isinstance(group, Mapping) for group in groups):
        raise UserError('its optimizer has no groups of weights')
    if [group.get('params') for group in groups] != [group['params'] for group in own]:
        raise UserError('its optimizer has other groups of weights than that of the config')
    _warn_of_other_rates(groups, own)
    checked = {}
    parameters = {
        index: (parameter, group)
        for numbers, group in zip(own, optimizer.param_groups, strict=True)
        for index, parameter in zip(numbers['params'], group['params'], strict=True)
    }
    for index, values in state['state'].items():
        if index not in parameters or not isinstance(values, Mapping):
            raise UserError("its optimizer's state belongs to no weight")
        parameter, group = parameters[index]
        place = f"its optimizer's state of {names.get(id(parameter), f'weight {index}')}"
        checked[index] = _state(values, parameter, _blank_state(optimizer, group, parameter), place)
    taken = [dict(group) for group in own]
    for name in {scheduler.param_name for scheduler in by_metric}:
        for group, saved in zip(taken, groups, strict=True):
            group[name] = _value(saved.get(name), f"its optimizer's {name}")
            # mmengine keeps Adam's first beta as momentum.
            if name == 'momentum' and 'betas' in group and 'momentum' not in optimizer.defaults:
                group['betas'] = (group[name], *group['betas'][1:])
    result: dict[str, Any] = {'state': checked, 'param_groups': taken}
    if hasattr(wrapper, 'loss_scaler') and 'loss_scaler' in state:
        result['loss_scaler'] = _loss_scaler(state['loss_scaler'], wrapper.loss_scaler.state_dict())
    return result


def _warn_of_other_rates(saved: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]]) -> None:
    """Say that the config's learning rate before schedule is another than the checkpoint's, which may be unintended."""
    for theirs, ours in zip(saved, own, strict=True):
        before, now = (group.get('initial_lr', group.get('lr')) for group in (theirs, ours))
        if type(before) is float and before != now:
            print_log(
                f"the checkpoint's learning rate before schedule is {before:g}, that of the config {now:g}, which is "
                'taken; give the options of the first training, such as --auto-scale-lr, to keep the other',
                logger='current',
                level=logging.WARNING,
            )
            return


def _blank_state(optimizer: Any, group: Mapping[str, Any], parameter: nn.Parameter) -> dict[str, Any] | None:
    """Return the state that the first step of an optimizer makes for a weight, None if it cannot be tried alone."""
    blank = nn.Parameter(torch.zeros_like(parameter))
    blank.grad = torch.zeros_like(blank)
    trial = copy.copy(optimizer)
    trial.param_groups, trial.state = [{**group, 'params': [blank]}], defaultdict(dict)
    try:
        trial.step()
    except Exception:  # an optimizer of a plug-in may need more than gradients
        return None
    return dict(trial.state[blank])


def _state(values: Mapping[str, Any], parameter: Tensor, blank: dict[str, Any] | None, place: str) -> dict[str, Any]:
    if blank is None:
        blank = {
            name: parameter if isinstance(value, Tensor) and value.dim() and name != 'step' else value
            for name, value in values.items()
        }
    values = {name: value for name, value in values.items() if value is not None or name in blank}
    if values and set(values) != set(blank):
        raise UserError(
            f'{place} has other entries than the optimizer of the config makes; train with the one that made it'
        )
    return {name: _entry(value, blank[name], f'{place}, {name},') for name, value in values.items()}


def _entry(value: Any, like: Any, what: str) -> Any:
    if isinstance(like, Tensor) and like.dim():
        return require_fit(value, like, what)
    if isinstance(like, Tensor):
        return torch.tensor(_value(value, what), dtype=like.dtype, device=like.device)
    if type(like) in (int, float):
        return _value(value, what)
    if type(value) is not type(like):
        raise UserError(f'{what} is a {type(value).__name__}, not a {type(like).__name__}')
    return value


def _value(value: Any, what: str) -> int | float:
    """Return a finite number of at least 0, which may lie in a tensor without dimensions."""
    if isinstance(value, Tensor) and value.dim() == 0 and value.layout is torch.strided and not value.is_complex():
        value = value.item()
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        raise UserError(f'{what} is not a finite number of at least 0')
    return value


def _loss_scaler(saved: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(saved, Mapping):
        raise UserError("its optimizer's loss_scaler is not a dictionary")
    progress = ('scale', '_growth_tracker') if own else ()
    return {**own, **{name: _value(saved.get(name), f'its loss scale, {name},') for name in progress}}


def _metric_progress(states: Any) -> Any:
    """Return the progress in the states of schedules."""
    if isinstance(states, Mapping) and all(isinstance(value, list) for value in states.values()):
        return {name: _metric_progress(inner) for name, inner in states.items()}
    if not isinstance(states, list) or not all(isinstance(state, Mapping) for state in states):
        raise UserError('its param_schedulers are not states of schedules')
    return [{name: state[name] for name in _METRIC_PROGRESS if _is_progress(name, state.get(name))} for state in states]


def _is_progress(name: str, value: Any) -> bool:
    if name == '_last_value':
        return isinstance(value, list) and all(type(each) in (int, float) and math.isfinite(each) for each in value)
    return type(value) in ((int, float) if name == 'best' else (int,))


def _check_hub(hub: Any) -> None:
    """Refuse notes of other types than the hooks wrote, and names that would not print."""
    parts: dict[str, Mapping[str, Any]] = {}
    for name in ('log_scalars', 'runtime_info', 'resumed_keys'):
        part = hub.get(name) if isinstance(hub, Mapping) else None
        if not isinstance(part, Mapping):
            raise UserError('its message_hub is not as a training writes it')
        parts[name] = part
    for noted in (noted for part in parts.values() for noted in part):
        if not (isinstance(noted, str) and noted.isprintable()):
            raise UserError('its message_hub has a name that is no printable text')
    info = parts['runtime_info']
    for name, is_right in _NOTES.items():
        if name in info and not is_right(info[name]):
            raise UserError(f'its message_hub has a wrong {name}')


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1)


def _is_path(value: Any) -> bool:
    return value is None or isinstance(value, str)


# Notes in the message hub that hooks read -> whether a value has their type.
_NOTES = {
    'validated': lambda value: type(value) is int,
    'keep_ckpt_ids': lambda value: isinstance(value, list) and all(type(each) is int for each in value),
    'outdated_checkpoints': lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    'best_checkpoints': lambda value: (
        isinstance(value, list)
        and all(
            isinstance(each, list | tuple) and len(each) == 2 and _is_number(each[0]) and isinstance(each[1], str)
            for each in value
        )
    ),
    'best_ckpt': _is_path,
    'last_ckpt': _is_path,
    'early_stop': lambda value: (
        isinstance(value, Mapping)
        and type(value.get('waited')) is int
        and isinstance(value.get('best'), float)
        and isinstance(value.get('stopped'), bool)
    ),
}
