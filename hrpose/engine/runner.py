"""mmengine's Runner with one difference: how weights come in."""

from typing import Any

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.loops import BaseLoop

from hrpose.checkpoints import guard_mmengine, load_weights, read_checkpoint
from hrpose.errors import UserError
from hrpose.registry import RUNNERS


@RUNNERS.register_module()
class PoseRunner(Runner):
    """The Runner; checkpoints are read safely, and what did not fit is said or refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        guard_mmengine()
        super().__init__(*args, **kwargs)

    def load_checkpoint(
        self, filename: str, map_location: Any = 'cpu', strict: bool = False, revise_keys: Any = ()
    ) -> dict[str, Any]:
        """Load weights into the model and return the checkpoint's content.

        A start from other weights (`load_from` in training) may fit in part; a test, a resumed run, or `strict`
        needs every weight.

        Raises:
            UserError: the file cannot be read safely or does not fit.
        """
        checkpoint = read_checkpoint(filename, map_location)
        if self._resume and not {'meta', 'message_hub', 'optimizer'} <= set(checkpoint):
            raise UserError(
                f'{filename} holds weights only, so no training can be resumed from it; '
                'to start a new one from these weights: --cfg-options load_from=FILE, without --resume'
            )
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        fine_tuning = isinstance(self._train_loop, BaseLoop) and not self._resume
        load_weights(model, checkpoint, name=str(filename), complete=strict or not fine_tuning)
        self._has_loaded = True
        return checkpoint
