"""Files as other programs write them: their true names and shapes, with random values."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18

DIM, QUEUE = 128, 1024
Embed = Callable[[Tensor], Tensor]


class File(NamedTuple):
    """The content of a file, its trained encoder as a function, and the projector's keys in our config.

    `key` is the key encoder, `queue` its keys [length, dim] with the place of the oldest; None without.
    """

    content: dict[str, Any]
    features: Embed
    embed: Embed | None
    projector: dict[str, Any]
    key: Embed | None = None
    queue: tuple[Tensor, int] | None = None


def randomised(network: nn.Module) -> nn.Module:
    """In evaluation mode, with statistics and norms that are not those of a start."""
    with torch.no_grad():
        for name, w in network.state_dict().items():
            if w.is_floating_point() and w.ndim == 1:
                w.uniform_(0.5, 1.5) if "bias" not in name else w.normal_(0, 0.1)
    return network.eval()


def backbone() -> nn.Module:
    network = resnet18()
    network.fc = nn.Identity()
    return randomised(network)


def named(prefix: str, network: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}{name}": w for name, w in network.state_dict().items()}


def chain(network: nn.Module, head: nn.Module) -> Embed:
    return lambda images: head(network(images))


def mlp(
    *widths: int, bias: bool = True, last_bias: bool = True, norm: bool = False, out: Any = None
) -> nn.Module:
    """Linear layers with ReLU between them; `norm`: BatchNorm before each ReLU; `out`: a layer at the end."""
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        last = i == len(widths) - 2
        layers.append(nn.Linear(inputs, outputs, bias=last_bias if last else bias))
        if not last:
            layers += [nn.BatchNorm1d(outputs)] if norm else []
            layers.append(nn.ReLU())
    return randomised(nn.Sequential(*layers, *([] if out is None else [out])))


def plain(layers: int, hidden: int | None = None, norm: bool = False) -> dict[str, Any]:
    return {"layers": layers, "hidden_features": hidden, "projector_batch_norm": norm}


def keys() -> Tensor:
    return F.normalize(torch.randn(QUEUE, DIM))


def moco(wrapped: str, head: Callable[[], nn.Module], projector: dict[str, Any]) -> File:
    nets = [backbone() for _ in "qk"]
    heads = [head() for _ in "qk"]
    weights: dict[str, Tensor] = {}
    for letter, network, top in zip("qk", nets, heads, strict=True):
        weights |= named(f"{wrapped}encoder_{letter}.", network) | named(
            f"{wrapped}encoder_{letter}.fc.", top
        )
    queue = keys()
    weights |= {f"{wrapped}queue": queue.T.contiguous(), f"{wrapped}queue_ptr": torch.tensor([512])}
    content = {"epoch": 200, "arch": "resnet18", "state_dict": weights, "optimizer": {"state": {}}}
    query, key = (chain(network, top) for network, top in zip(nets, heads, strict=True))
    return File(content, nets[0], query, projector, key, (queue, 512))


def moco_v1() -> File:
    return moco("module.", lambda: randomised(nn.Linear(512, DIM)), plain(1))


def moco_v2() -> File:
    return moco("module.", lambda: mlp(512, 512, DIM), plain(2))


def bolts_moco() -> File:
    file = moco("", lambda: mlp(512, 512, DIM), plain(2))
    weights = file.content["state_dict"] | {"val_queue": torch.randn(DIM, QUEUE)}
    about = {
        "epoch": 3,
        "global_step": 9,
        "pytorch-lightning_version": "1.9.0",
        "hyper_parameters": {"lr": 1.0},
    }
    return file._replace(content=about | {"state_dict": weights})


def sequential(network: nn.Module, *without: type[nn.Module]) -> nn.Module:
    return nn.Sequential(
        *[child for child in network.children() if not isinstance(child, (nn.Identity, *without))]
    )


def lightly_moco() -> File:
    """The network of lightly's example: `nn.Sequential` of a ResNet's children."""
    nets, heads = [backbone() for _ in "qk"], [mlp(512, 512, DIM) for _ in "qk"]
    weights: dict[str, Tensor] = {}
    for end, network, head in zip(("", "_momentum"), nets, heads, strict=True):
        weights |= named(f"backbone{end}.", sequential(network)) | named(
            f"projection_head{end}.layers.", head
        )
    queue = keys()
    weights |= {"criterion.memory_bank.bank": queue, "criterion.memory_bank.bank_ptr": torch.tensor([7])}
    query, key = (chain(network, head) for network, head in zip(nets, heads, strict=True))
    content = {"epoch": 1, "global_step": 5, "state_dict": weights, "optimizer_states": [], "callbacks": {}}
    return File(content, nets[0], query, plain(2), key, (queue, 7))


def lightly_simclr() -> File:
    """Its projection head ends with a BatchNorm that has a bias, which our projector has not."""
    network, head = (
        backbone(),
        mlp(512, 512, DIM, bias=False, last_bias=False, norm=True, out=nn.BatchNorm1d(DIM)),
    )
    weights = named("backbone.", sequential(network)) | named("projection_head.layers.", head)
    return File({"state_dict": weights}, network, None, plain(2, norm=True) | {"output_batch_norm": True})


def solo_learn(backbone_name: str = "backbone") -> File:
    network, head = backbone(), mlp(512, 2048, DIM)
    weights = named(f"{backbone_name}.", network) | named("projector.", head)
    weights |= named("classifier.", nn.Linear(512, 10))
    return File({"state_dict": weights, "epoch": 1}, network, chain(network, head), plain(2, 2048))


def solo_learn_moco() -> File:
    """It has two queues, one for each view."""
    nets, heads = [backbone() for _ in "qk"], [mlp(512, 2048, DIM) for _ in "qk"]
    weights = {"queue": torch.stack([keys().T, keys().T]), "queue_ptr": torch.tensor([0])}
    for start, network, head in zip(("", "momentum_"), nets, heads, strict=True):
        weights |= named(f"{start}backbone.", network) | named(f"{start}projector.", head)
    query, key = (chain(network, head) for network, head in zip(nets, heads, strict=True))
    return File({"state_dict": weights}, nets[0], query, plain(2, 2048), key)


def bolts_simclr() -> File:
    """Its first linear layer has a bias before BatchNorm, its last has none."""
    network, head = backbone(), mlp(512, 512, DIM, last_bias=False, norm=True)
    weights = named("encoder.", network) | named("projection.model.", head)
    return File({"state_dict": weights, "epoch": 1}, network, chain(network, head), plain(2, norm=True))


def sthalles() -> File:
    network, head = backbone(), mlp(512, 512, DIM)
    weights = named("backbone.", network) | named("backbone.fc.", head)
    content = {"epoch": 200, "arch": "resnet18", "state_dict": weights, "optimizer": {"state": {}}}
    return File(content, network, chain(network, head), plain(2))


def spijkervet() -> File:
    network, head = backbone(), mlp(512, 512, DIM, bias=False, last_bias=False)
    return File(
        named("encoder.", network) | named("projector.", head), network, chain(network, head), plain(2)
    )


def sup_contrast() -> File:
    network, head = backbone(), mlp(512, 512, DIM)
    weights = named("module.encoder.", network) | named("module.head.", head)
    return File({"model": weights, "epoch": 3}, network, chain(network, head), plain(2))


def leftthomas() -> File:
    """Children of a ResNet without its max-pool."""
    network = backbone()
    head = mlp(512, 512, DIM, bias=False, norm=True)
    weights = named("f.", sequential(network, nn.MaxPool2d)) | named("g.", head)
    return File(weights, network, chain(network, head), plain(2, norm=True))


def torchvisions() -> File:
    network = backbone()
    return File(named("", network) | named("fc.", nn.Linear(512, 1000)), network, None, plain(2))


def mmpretrain() -> File:
    network, head = backbone(), mlp(512, 512, DIM, norm=True)
    layers = {"0": "fc0", "1": "bn0", "3": "fc1"}
    neck = {}
    for name, w in head.state_dict().items():
        number, _, kind = name.partition(".")
        neck[f"neck.{layers[number]}.{kind}"] = w
    content = {"meta": {"epoch": 1}, "state_dict": named("backbone.", network) | neck}
    return File(content, network, chain(network, head), plain(2, norm=True))


def unknown() -> File:
    network = backbone()
    return File({"net": named("student.trunk.", network)}, network, None, plain(2))


def solo_learn_before_1_0_6() -> File:
    return solo_learn("encoder")


FILES = (
    *(moco_v1, moco_v2, bolts_moco, lightly_moco, lightly_simclr, solo_learn, solo_learn_before_1_0_6),
    *(solo_learn_moco, bolts_simclr, sthalles, spijkervet, sup_contrast, leftthomas, torchvisions),
    *(mmpretrain, unknown),
)
