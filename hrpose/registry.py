"""The registries of parts: children of mmengine's, with the scope 'hrpose'.

Each knows which modules register its parts, so a part is built by name with nothing imported before. A plug-in
registers its parts here too; a config imports it by `custom_imports`.
"""

from mmengine import registry as root
from mmengine.registry import Registry as _Registry

from hrpose.errors import UserError
from hrpose.plugins.explain import unknown_part
from hrpose.plugins.registered import is_registered


class Registry(_Registry):
    """mmengine's registry; it explains unknown names, and gives registered parts only, even by their full name."""

    def get(self, key: str) -> type:
        """Return the part registered as `key` here or in a parent; raise `UserError` if there is none."""
        part = self._find(key)
        if part is None:
            raise UserError(unknown_part(self, key))
        return part

    def __contains__(self, key: str) -> bool:
        return self._find(key) is not None

    def _find(self, key: str) -> type | None:
        try:
            part = super().get(key)
        except RuntimeError as error:  # mmengine's answer to some names with a dot
            if str(error).startswith('Failed to get'):
                return None
            raise
        # mmengine also returns whatever else can be imported by a name.
        return part if part in self.module_dict.values() or is_registered(part) else None

    def known_names(self) -> set[str]:
        """Return every name that `get` finds without a scope: this registry's and its parents'."""
        self.import_from_location()
        names: set[str] = set()
        registry: _Registry | None = self
        while registry is not None:
            names |= set(registry.module_dict)
            registry = registry.parent
        return names


def _child(parent: _Registry, *locations: str) -> Registry:
    return Registry(parent.name, parent=parent, scope='hrpose', locations=list(locations))


MODELS = _child(root.MODELS, 'hrpose.models')
_DATASETS = ('base', 'coco', 'combined', 'image_folder', 'mpii')
DATASETS = _child(root.DATASETS, *(f'hrpose.datasets.{name}' for name in _DATASETS))
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'hrpose.datasets.sampler')
TRANSFORMS = _child(root.TRANSFORMS, 'hrpose.datasets.transforms')
METRICS = _child(root.METRICS, 'hrpose.evaluation.metrics')
VISUALIZERS = _child(root.VISUALIZERS, 'hrpose.visualization.samples')
HOOKS = _child(root.HOOKS, 'hrpose.engine.hooks')
RUNNERS = _child(root.RUNNERS, 'hrpose.engine.runner')
OPTIMIZERS = _child(root.OPTIMIZERS, 'hrpose.engine.muon')
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS, 'hrpose.engine.optimizer')
TASK_UTILS = _child(root.TASK_UTILS, 'hrpose.tracking')
CODECS = Registry('codec', scope='hrpose', locations=['hrpose.codecs'])  # mmengine has no parent for these

# Empty: for plug-ins, which then find every kind under one scope.
RUNNER_CONSTRUCTORS = _child(root.RUNNER_CONSTRUCTORS)
LOOPS = _child(root.LOOPS)
STRATEGIES = _child(root.STRATEGIES)
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS)
WEIGHT_INITIALIZERS = _child(root.WEIGHT_INITIALIZERS)
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS)
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS)
EVALUATOR = _child(root.EVALUATOR)
VISBACKENDS = _child(root.VISBACKENDS)
LOG_PROCESSORS = _child(root.LOG_PROCESSORS)
INFERENCERS = _child(root.INFERENCERS)
FUNCTIONS = _child(root.FUNCTIONS)
