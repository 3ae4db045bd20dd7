"""What the parts of a config do, as values that two configs can be compared by."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from cl_lightning.data import ContrastiveData, TensorImages
from cl_lightning.data.order import EpochOrder
from cl_lightning.data.readable import bare
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.methods.labelled import takes_labels
from cl_lightning.optim.param_groups import param_groups

BATCH, STEPS = 64, 6
PLAIN = (int, float, str, bool, type(None), tuple, list)


def of_views(views: Any) -> Any:
    """Both views of eight images."""
    channels = len(views.mean)
    side = views.size if views.crop is None else 24
    images = torch.randint(0, 256, (8, channels, side, side), generator=torch.Generator().manual_seed(0))
    return [view.tolist() for view in views(images.to(torch.uint8), torch.arange(8), 1)]


def of_encoder(encoder: Any) -> Any:
    """Its layers with their settings, and what it makes of an image in evaluation."""
    return str(encoder), sum(p.double().sum().item() for p in encoder.parameters())


def of_loss(loss: Any) -> float:
    """Of fixed embeddings."""
    generator = torch.Generator().manual_seed(0)
    arguments = [F.normalize(torch.randn(8, 4, generator=generator)) for _ in range(3)]
    if takes_labels(loss):
        return float(loss(*arguments[:2], labels=torch.arange(8) // 2))
    try:
        return float(loss(*arguments))
    except TypeError:  # without a queue
        return float(loss(*arguments[:2]))


def of_optimizer(method: ContrastiveModule) -> Any:
    """A layer after some steps along its schedule, in double precision."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 2).double()
    optimizer = method.optimizer(param_groups(layer, method.decay_norms_and_biases))
    schedule = method.schedule.attach(optimizer, STEPS, 1.0, effective_batch_size=BATCH)["scheduler"]
    for step in range(STEPS):
        for parameter in layer.parameters():
            parameter.grad = torch.full_like(parameter, [0.5, -1.0, 0.1][step % 3])
        optimizer.step()
        schedule.step()
    return [parameter.tolist() for parameter in layer.parameters()]


def of_method(method: ContrastiveModule) -> dict[str, Any]:
    """All of the above, and what the method itself has."""
    own = {name: value for name, value in vars(method).items() if name in ("symmetric", "seed")}
    return own | {
        "views": of_views(method.views),
        "encoder": of_encoder(method.encoder),
        "others": [str(child) for name, child in method.named_children() if name != "encoder"],
        "loss": of_loss(method.loss),
        "optimizer": of_optimizer(method),
    }


def of_data(data: ContrastiveData) -> dict[str, Any]:
    """Its sets, the order of an epoch, and how it is read."""
    sets = {"train": data.train, "val": data.val, "bank": data.bank}
    order = EpochOrder(len(data.train), data.batch_size, data.seed)
    return {name: of_set(bare(part)) for name, part in sets.items()} | {
        "order": [batch.tolist() for batch in order.batches()],
        "read": (data.num_workers, data.max_broken),
    }


def of_set(part: Any) -> Any:
    """Images and labels, or paths of images."""
    if isinstance(part, TensorImages):
        return part.images.double().sum(dim=(1, 2, 3)).tolist(), list(part.images.shape), part.labels.tolist()
    return None if part is None else (part.paths, part.labels)


def of_callbacks(callbacks: Iterable[Any]) -> Any:
    """Their own settings."""
    return [(type(callback).__name__, _plain(vars(callback))) for callback in callbacks]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    kept = {name: v for name, v in values.items() if isinstance(v, PLAIN)}
    ours = {name: v for name, v in values.items() if type(v).__module__.startswith("cl_lightning.")}
    return kept | {name: _plain(vars(v)) for name, v in ours.items()}
