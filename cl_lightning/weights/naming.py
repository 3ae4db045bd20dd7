"""The names under which other programs keep the same network."""

from collections.abc import Iterator, Mapping

from torch import nn

Naming = Mapping[str, str]  # from a network's own names to those in a file
COUNTERS = "num_batches_tracked"  # files of old versions of torch lack it, and it is no weight


def namings(network: nn.Module) -> Iterator[Naming]:
    """The network's own names; those of the network that it wraps; those of a Sequential of its children.

    `nn.Sequential(*list(resnet.children())[:-1])` is how lightly and others remove a classifier: then
    `conv1.weight` is `0.weight` and `layer1.0.bn1.bias` is `4.0.bn1.bias`. Some leave out the max-pool too.
    """
    own = [*network.state_dict()]
    yield {name: name for name in own}
    children, prefix = list(network.named_children()), ""
    if len(children) == 1:
        prefix, children = f"{children[0][0]}.", list(children[0][1].named_children())
        yield {name: name.removeprefix(prefix) for name in own}
    for left_out in ((), (nn.Identity, nn.MaxPool2d)):
        numbers = [name for name, child in children if not isinstance(child, left_out)]
        yield {name: _numbered(name.removeprefix(prefix), numbers) for name in own}


def _numbered(name: str, children: list[str]) -> str:
    first, _, rest = name.partition(".")
    return f"{children.index(first)}.{rest}" if first in children else name
