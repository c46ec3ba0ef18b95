"""Translate mmpose's data sets, joints, pipelines and metrics."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrpose.config.migration.notes import Given, Notes, kind_of
from hrpose.datasets.metainfo import FIELDS, KNOWN, resolve
from hrpose.datasets.metainfo.wholebody import LOWER_BODY_IDS
from hrpose.errors import UserError

Part = dict[str, Any]
# The joints that a data set has unless its config names others.
DATASETS = {
    'CocoDataset': 'coco',
    'MpiiDataset': 'mpii',
    'CrowdPoseDataset': 'crowdpose',
    'PoseTrack18Dataset': 'posetrack18',
    'AicDataset': 'aic',
    'AP10KDataset': 'ap10k',
    'CocoWholeBodyDataset': 'coco_wholebody',
    'HalpeDataset': 'halpe',
    'HumanArtDataset': 'humanart',
    'JhmdbDataset': 'jhmdb',
    'OCHumanDataset': 'ochuman',
}
# Those that are a CocoDataset here, with joints of their own.
IN_COCO_LAYOUT = ('AicDataset', 'HumanArtDataset', 'OCHumanDataset')
WORKERS = {2: 4}  # mmpose's stock number of loader workers -> hrpose's


def migrate_metainfo(dataset: Mapping[str, Any], config: Path, place: str, notes: Notes) -> Any:
    """Return the joints of a data set: a name that hrpose knows, or a mapping.

    Args:
        dataset: mmpose's.
        config: the file that it is from, for relative paths.
        place: of the data set.
        notes: for the user.

    Raises:
        UserError: a metainfo file that is not there, or joints that contradict each other.
    """
    given = dataset.get('metainfo')
    if not given:
        return DATASETS[kind_of(dataset)]
    if 'from_file' in given:
        file = _metainfo_file(str(given['from_file']), config)
        if file is None:
            return _known_by_file(str(given['from_file']), place)
        given = Config.fromfile(str(file), import_custom_modules=False)['dataset_info']
    elif 'keypoint_info' not in given:
        notes.lacks(f'{place}.metainfo', 'it names no joints', 'those of the data set are taken')
        return DATASETS[kind_of(dataset)]
    info = _from_dataset_info(given, place)
    known = next((name for name, other in KNOWN.items() if _same_joints(info, other)), None)
    what = repr(known) if known else f'{len(info["keypoint_names"])} joints of its own'
    notes.became(f'{place}.metainfo', f'{what}; colours are those of hrpose')
    return known or _shortest(info)


def _metainfo_file(given: str, config: Path) -> Path | None:
    places = [Path(), *config.resolve().parents]
    return next((place / given for place in places if (place / given).is_file()), None)


def _known_by_file(given: str, place: str) -> str:
    name = Path(given).stem
    if name not in KNOWN:
        raise UserError(
            f'{place}.metainfo.from_file: no file {given}, neither from here nor from a folder above the config; run '
            'hrpose migrate in the folder that it is relative to'
        )
    return name


def _from_dataset_info(given: Mapping[str, Any], place: str) -> Part:
    joints = [given['keypoint_info'][number] for number in sorted(given['keypoint_info'])]
    names = tuple(joint['name'] for joint in joints)
    limbs = (given.get('skeleton_info') or {}).values()
    try:
        return resolve(
            dict(
                dataset_name=given.get('dataset_name', 'custom'),
                keypoint_names=names,
                flip_indices=tuple(names.index(joint.get('swap') or joint['name']) for joint in joints),
                skeleton=tuple(tuple(map(names.index, limb['link'])) for limb in limbs),
                sigmas=tuple(given['sigmas']) if len(given.get('sigmas') or ()) else None,
                upper_body_ids=tuple(index for index, joint in enumerate(joints) if joint.get('type') == 'upper'),
            )
        )
    except (KeyError, ValueError) as error:
        raise UserError(f'{place}.metainfo: a limb or a swap names a joint that is not there: {error}') from error


def _same_joints(info: Part, other: Part) -> bool:
    return all(info[field] == other[field] for field in ('keypoint_names', 'flip_indices', 'sigmas', 'upper_body_ids'))


def _shortest(info: Part) -> Part:
    """Return metainfo without the fields that hrpose fills in."""
    try:
        filled = resolve({'keypoint_names': info['keypoint_names']})
    except UserError:
        filled = {}
    kept = ('dataset_name', 'keypoint_names')
    return {key: info[key] for key in FIELDS if key in kept or info[key] != filled.get(key)}


def migrate_dataset(dataset: Mapping[str, Any], root: str, place: str, notes: Notes) -> tuple[Part, Any]:
    """Return hrpose's data set without joints and pipeline, and mmpose's pipeline.

    Raises:
        UserError: a data set that hrpose does not have.
    """
    if kind_of(dataset) == 'RepeatDataset':
        wrapped, pipeline = migrate_dataset(dataset['dataset'], root, f'{place}.dataset', notes)
        return {'type': 'RepeatDataset', 'dataset': wrapped, 'times': dataset['times']}, pipeline
    if kind_of(dataset) == 'CombinedDataset':
        return _first_known(dataset, root, place, notes)
    require_known(dataset, place)
    with notes.reading(dataset, place) as given:
        own_root = clean(given.take('data_root', ''))
        kind = 'CocoDataset' if given.kind in IN_COCO_LAYOUT else given.kind
        changed: Part = {'type': kind, 'ann_file': given.take('ann_file', '')}
        changed |= {} if own_root == root else {'data_root': own_root}
        if folder := clean((given.take('data_prefix') or {}).get('img', '')):
            changed['data_prefix'] = {'img': folder}
        if boxes := given.take('bbox_file'):
            changed['bbox_file'] = _beside(boxes, own_root)
        changed |= _threshold(given, notes)
        changed |= given.chosen('test_mode', 'indices', 'lazy_init')
        if (mode := given.take('data_mode', 'topdown')) != 'topdown':
            raise UserError(f'{place}.data_mode is {mode!r}, and hrpose is top-down; keep mmpose for this network')
        pipeline = given.take('pipeline', [])
        for key in ('metainfo', 'headbox_file', 'backend_args', 'serialize_data', 'max_refetch'):
            given.take(key)
    notes.became(place, f'{given.kind} with {changed["ann_file"]}' + (f' -> {kind}' if kind != given.kind else ''))
    return changed, pipeline


def require_known(dataset: Mapping[str, Any], place: str) -> None:
    """Raise `UserError` unless hrpose has the data set."""
    if kind_of(dataset) not in DATASETS:
        raise UserError(
            f'{place}.type is {kind_of(dataset)!r}, and hrpose has {", ".join(DATASETS)}; where the annotations are in '
            "COCO's layout, write CocoDataset with the data set's metainfo instead"
        )


def _first_known(dataset: Mapping[str, Any], root: str, place: str, notes: Notes) -> tuple[Part, Any]:
    """Return the first part of a mixture that hrpose has; the others are noted."""
    parts = list(enumerate(dataset['datasets']))
    first = next((part for _, part in parts if kind_of(part) in DATASETS), parts[0][1])
    for number, part in parts:
        if part is not first:
            notes.lacks(
                f'{place}.datasets.{number}',
                f'{kind_of(part)} of a mixture is not migrated, since mmpose maps joints by number and hrpose by name',
                'write a CombinedDataset (docs/data.md)',
            )
    changed, _ = migrate_dataset(first, root, place, notes)
    return changed, dataset.get('pipeline', [])


def clean(path: str) -> str:
    """Return a folder without a slash at its end."""
    return path if path == '/' else path.rstrip('/')


def _beside(path: str, root: str) -> str:
    """Return a path, which mmpose takes from the working directory, relative to `data_root` as hrpose takes it."""
    return path if os.path.isabs(path) or '://' in path else os.path.relpath(path, root or '.')


def _threshold(given: Given, notes: Notes) -> Part:
    with notes.reading(given.take('filter_cfg') or {}, f'{given.place}.filter_cfg') as limits:
        least = limits.take('bbox_score_thr')
    return {} if least is None else {'bbox_threshold': least}


def migrate_loader(value: Mapping[str, Any], dataset: Part, place: str, notes: Notes) -> Part:
    """Return hrpose's loader around a data set."""
    with notes.reading(value, place) as given:
        given.take('dataset')
        loader = {'batch_size': given.take('batch_size', 1)}
        workers = given.take('num_workers', 0)
        loader |= {'num_workers': WORKERS.get(workers, workers)}
        loader |= {'persistent_workers': given.take('persistent_workers', workers > 0)}
        with notes.reading(given.take('sampler') or {}, f'{place}.sampler') as sampler:
            if sampler.kind not in ('DefaultSampler', ''):
                notes.lacks(f'{place}.sampler', f'{sampler.kind} has no counterpart', 'EpochSampler takes its place')
            own = sampler.chosen('shuffle', 'round_up', 'seed')
        loader['sampler'] = {'type': 'EpochSampler', **own}
        loader['dataset'] = dataset
        given.take_if(drop_last=False, pin_memory=False, collate_fn={'type': 'pseudo_collate'})
        loader |= given.chosen('drop_last', 'pin_memory', 'prefetch_factor')
    count = f'{workers} workers' + (f' -> {WORKERS[workers]}, as in hrpose' if workers in WORKERS else '')
    notes.became(place, f'batch of {loader["batch_size"]}, {count}; EpochSampler, whose order a resumed training keeps')
    return loader


def migrate_pipeline(steps: Sequence[Any], codec: Part, metainfo: Any, place: str, notes: Notes) -> list[Part]:
    """Return hrpose's pipeline for one of mmpose's, which augments people with the joints of `metainfo`."""
    found = [each for number, step in enumerate(steps) for each in _steps(step, codec, f'{place}.{number}', notes)]
    lower = LOWER_BODY_IDS.get(metainfo) if isinstance(metainfo, str) else None
    if lower is not None:
        found = [{**each, 'lower_body_ids': lower} if each['type'] == 'RandomHalfBody' else each for each in found]
    notes.became(place, ', '.join(step['type'] for step in found))
    return found


def _steps(step: Mapping[str, Any], codec: Part, place: str, notes: Notes) -> Iterator[Part]:
    with notes.reading(step, place) as given:
        if given.kind == 'LoadImage':
            given.take_if(backend_args={'backend': 'local'}, to_float32=False, color_type='color')
            yield {'type': 'LoadImage', **given.chosen('backend_args')}
        elif given.kind == 'GetBBoxCenterScale':
            yield {'type': 'PadBox', 'padding': given.take('padding', 1.25)}
        elif given.kind == 'RandomFlip':
            given.take_if(direction='horizontal')
            yield {'type': 'RandomFlip', 'prob': given.take('prob', 0.5)}
        elif given.kind == 'RandomHalfBody':
            given.take_if(min_upper_keypoints=2, min_lower_keypoints=3)
            yield {
                'type': 'RandomHalfBody',
                'prob': given.take('prob', 0.3),
                'upper_prob': given.take('upper_prioritized_prob', 0.7),
                'min_joints': given.take('min_total_keypoints', 9) - 1,
                'padding': given.take('padding', 1.5),
            }
        elif given.kind == 'RandomBBoxTransform':
            yield from _region_steps(given, notes)
        elif given.kind == 'TopdownAffine':
            _check_warp(given, codec, notes)
            yield {'type': 'WarpAffine'}
        elif given.kind == 'PackPoseInputs':
            given.take_if(meta_keys=None)
            yield {'type': 'PackPose'}
        elif given.kind == 'GenerateTarget':  # the head makes targets on the device
            for key in ('encoder', 'multilevel', 'target_type'):
                given.take(key)
            given.take_if(use_dataset_keypoint_weights=False)
        else:
            given.values.clear()
            notes.lacks(
                place,
                f'hrpose has no transform {given.kind}: its augmentation is geometry, and one warp moves pixels',
                'where you need it, write a plug-in (projects/README.md)',
            )


def _region_steps(given: Given, notes: Notes) -> Iterator[Part]:
    shift, rotation = given.take('shift_prob', 0.3), given.take('rotate_prob', 0.6)
    factor, degrees = given.take('shift_factor', 0.16), given.take('rotate_factor', 80)
    low, high = given.take('scale_factor', (0.5, 1.5))
    scale = given.take('scale_prob', 1.0)
    if shift and factor:
        yield {'type': 'TruncatedShift', 'factor': factor, 'prob': shift}
    if scale not in (0, 1):
        notes.lacks(f'{given.place}.scale_prob', f'{scale}: hrpose scales everybody', 'it is 1 now; narrow the factors')
    if scale:
        yield {'type': 'TruncatedScale', 'low': low, 'high': high}
    if rotation and degrees:
        yield {'type': 'TruncatedRotation', 'degrees': degrees, 'prob': rotation}


def _check_warp(given: Given, codec: Part, notes: Notes) -> None:
    size = tuple(given.take('input_size', codec['input_size']))
    aligned = given.take('use_udp', False)
    for key, found, wanted in (
        ('input_size', size, codec['input_size']),
        ('use_udp', bool(aligned), codec['type'] == 'UDPHeatmap'),
    ):
        if found != wanted:
            notes.lacks(f'{given.place}.{key}', f'{found!r} contradicts the codec', 'hrpose takes what the codec needs')


RESCORING = {'bbox_keypoint': 'keypoint', 'bbox': 'box', 'keypoint': 'keypoint_only'}
NMS = {'oks_nms': 'oks', 'soft_oks_nms': 'soft_oks', 'none': None}


def migrate_metrics(value: Any, dataset: Mapping[str, Any], place: str, notes: Notes) -> Part | list[Part]:
    """Return hrpose's metrics for mmpose's, with the paths of `dataset`, the one of mmpose that they are for.

    Raises:
        UserError: none of the metrics has a counterpart.
    """
    metrics = value if isinstance(value, list | tuple) else [value]
    found = [new for metric in metrics for new in _metric(metric, dataset, place, notes)]
    if not found:
        raise UserError(
            f'{place}: hrpose has no counterpart of {", ".join(map(kind_of, metrics))}; see docs/migration.md'
        )
    notes.became(place, ', '.join(f'{kind_of(old)} -> {new["type"]}' for old, new in zip(metrics, found, strict=False)))
    return found if len(found) > 1 else found[0]


def _metric(value: Mapping[str, Any], dataset: Mapping[str, Any], place: str, notes: Notes) -> Iterator[Part]:
    with notes.reading(value, place) as given:
        given.take('prefix')
        given.take('collect_device')
        if given.kind in ('CocoMetric', 'CocoWholeBodyMetric', 'PoseTrack18Metric'):
            yield _average_precision(given, dataset, notes)
        elif given.kind == 'MpiiPCKAccuracy':
            given.take_if(thr=0.5, norm_item='head')
            file = dataset.get('headbox_file')
            yield {'type': 'MpiiMetric', **({'gt_file': file} if file else {})}
        elif given.kind == 'JhmdbPCKAccuracy':
            given.take('norm_item')  # JhmdbMetric returns both
            yield {'type': 'JhmdbMetric', 'threshold': given.take('thr', 0.05)}
        elif given.kind == 'PCKAccuracy' and given.values.get('norm_item', 'bbox') in ('bbox', ['bbox']):
            given.take('norm_item')
            yield {'type': 'PCKMetric', 'thresholds': (given.take('thr', 0.05),)}
        elif given.kind == 'EPE':
            yield {'type': 'EPEMetric'}
        else:
            given.values.clear()
            notes.lacks(place, f'hrpose has no {given.kind} as it is here', 'see the metrics in docs/migration.md')


def _average_precision(given: Given, dataset: Mapping[str, Any], notes: Notes) -> Part:
    crowd = given.take('iou_type', 'keypoints') == 'keypoints_crowd'
    metric: Part = {'type': 'CrowdPoseMetric' if crowd else given.kind}
    truth = os.path.join(dataset.get('data_root', ''), dataset.get('ann_file', ''))
    file = given.take('ann_file')
    if file and os.path.normpath(file) != os.path.normpath(truth):
        metric['ann_file'] = file
    score, nms = given.take('score_mode', 'bbox_keypoint'), given.take('nms_mode', 'oks_nms')
    for key, found, known in (('score_mode', score, RESCORING), ('nms_mode', nms, NMS)):
        if found not in known:
            notes.lacks(f'{given.place}.{key}', f'{found!r} has no counterpart', "hrpose's default is taken")
    metric['rescoring'] = RESCORING.get(score, 'keypoint')
    metric['keypoint_score_threshold'] = given.take('keypoint_score_thr', 0.2)
    metric['nms'] = NMS.get(nms, 'oks')
    metric['nms_threshold'] = given.take('nms_thr', 0.9)
    metric |= given.chosen('outfile_prefix')
    if not given.take('use_area', True) and not crowd:  # CrowdPoseMetric never uses the file's areas
        metric['use_area'] = False
    given.take_if(format_only=False, gt_converter=None, pred_converter=None)
    return metric
