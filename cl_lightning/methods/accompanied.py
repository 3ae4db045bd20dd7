"""The callbacks that a method brings along."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from lightning.pytorch import Callback
from torch.optim import Optimizer

from cl_lightning.callbacks import BrokenFiles, FiniteGuard, HealthMonitor, KNNMonitor, WholeEpochs
from cl_lightning.callbacks.weight_changes import WeightChanges
from cl_lightning.methods.part_checks import lacking
from cl_lightning.methods.scheduled import OptimizerFactory, Scheduled
from cl_lightning.methods.unmeasured import leave_unmeasured
from cl_lightning.optim import Schedule

C = TypeVar("C", bound=Callback)


class Accompanied(Scheduled):
    """A module that adds its own callbacks to a Trainer that has none of their kind.

    See `ContrastiveModule` for the arguments.
    """

    needed_callbacks: ClassVar[tuple[type[Callback], ...]] = ()  # kinds that its steps need

    def __init__(
        self,
        optimizer: OptimizerFactory,
        schedule: Schedule | Callable[[Optimizer], Any],
        decay_norms_and_biases: bool,
        callbacks: Sequence[Callback],
    ) -> None:
        super().__init__(optimizer, schedule, decay_norms_and_biases)
        self.weight_changes = WeightChanges()
        self.begins_with: dict[str, Any] = {}  # states of callbacks for the next fit, by `MethodState.part`
        self.begun: Any = None  # what the next fit begins with, see `cl_lightning.weights.Begun`
        self._whole_epochs = WholeEpochs()
        self.default_callbacks = [HealthMonitor(), KNNMonitor(), FiniteGuard(), BrokenFiles(), *callbacks]

    def setup(self, stage: str) -> None:
        """A Trainer without a profiler calls the hooks of all callbacks with less overhead."""
        super().setup(stage)
        leave_unmeasured(self.trainer)

    def configure_callbacks(self) -> list[Callback]:
        """The method's own callbacks of the kinds that the Trainer lacks.

        Raises ValueError if a callback that the method needs is missing.
        """
        # Lightning drops a Trainer's callback if the module returns one of its class, and calls this at every
        # fit and validate. So return only missing callbacks, and the same instances each time.
        present = self.trainer.callbacks  # type: ignore[attr-defined]
        own = (*self.default_callbacks, self._whole_epochs, self.weight_changes)
        brought = [c for c in own if not any(isinstance(p, type(c)) for p in present)]
        self.check_callbacks([*present, *brought])
        return brought

    def check_callbacks(self, callbacks: Sequence[Any]) -> None:
        """Raises ValueError if a kind that the method needs is missing among these."""
        for kind in self.needed_callbacks:
            if not any(isinstance(callback, kind) for callback in callbacks):
                raise ValueError(lacking(self, kind))

    def attached(self, kind: type[C]) -> C:
        """The Trainer's callback of this kind.

        Raises ValueError if it has none, or if there is no Trainer.
        """
        if self._trainer is None:
            raise ValueError(
                f"{type(self).__name__} has its {kind.__name__} from a Trainer, and is in none; accepted: "
                "Trainer.fit(method, data), which calls it"
            )
        for callback in self.trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, kind):
                return callback
        raise ValueError(lacking(self, kind))
