"""mmengine's Runner with two differences: how weights come in, and which batch the learning rate follows."""

from dataclasses import replace
from typing import Any

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.loops import BaseLoop

from hrpose.checkpoints import guard_mmengine, load_recognised, read_checkpoint, recognise
from hrpose.engine.batch_size import scale_learning_rate
from hrpose.errors import UserError
from hrpose.registry import RUNNERS


@RUNNERS.register_module()
class PoseRunner(Runner):
    """The Runner; checkpoints are read safely, recognised by content, and what did not fit is said or refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        guard_mmengine()
        super().__init__(*args, **kwargs)

    def register_default_hooks(self, hooks: dict[str, Any] | None = None) -> None:
        """Register mmengine's default hooks, and the one that states batch and learning rate."""
        super().register_default_hooks({'batch_size': {'type': 'hrpose.BatchSizeHook'}, **(hooks or {})})

    def scale_lr(self, optim_wrapper: Any, auto_scale_lr: dict[str, Any] | None = None) -> None:
        """Scale the learning rate to the effective batch where that is asked for; mmengine's forgets accumulation."""
        scale_learning_rate(self, auto_scale_lr)

    def load_checkpoint(
        self, filename: str, map_location: Any = 'cpu', strict: bool = False, revise_keys: Any = ()
    ) -> dict[str, Any]:
        """Load weights into the model and return the checkpoint's content, its `state_dict` under hrpose's names.

        A start from other weights (`load_from` in training) may fit in part; a test, a resumed run, or `strict`
        needs every weight.

        Args:
            filename: a path, the name of published weights, or an http(s) address.
            map_location: where the tensors are read to.
            strict: whether every weight of the model has to be in the file.
            revise_keys: not taken; names are recognised by content.

        Raises:
            UserError: the file cannot be read safely or does not fit.
        """
        if revise_keys:
            raise UserError('revise_keys is not taken: hrpose recognises whose names a checkpoint has by itself')
        content = read_checkpoint(filename, map_location)
        if self._resume and not {'meta', 'message_hub', 'optimizer'} <= set(content):
            raise UserError(
                f'{filename} holds weights only, so no training can be resumed from it; '
                'to start a new one from these weights: --cfg-options load_from=FILE, without --resume'
            )
        found = recognise(content)
        # Hooks find the weights where mmengine has them, and may exchange them (averaged weights do).
        checkpoint = {**content, 'state_dict': found.weights}
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        fine_tuning = isinstance(self._train_loop, BaseLoop) and not self._resume
        found = replace(found, weights=checkpoint['state_dict'])
        load_recognised(model, found, name=str(filename), complete=strict or not fine_tuning)
        self._has_loaded = True
        return checkpoint
