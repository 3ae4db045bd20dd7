"""NT-Xent over two and three processes is NT-Xent of the global batch, for one exchange of embeddings."""

import functools
import itertools
from collections.abc import Callable

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cl_lightning.distributed import gather, rank, world_size
from cl_lightning.losses import blocks, nt_xent
from tests.processes import run_on

LOCAL = 5  # images of one rank
DIM = 8
TEMPERATURES = [0.05, 0.1, 0.5]
WORLDS = [2, 3]
each_world = pytest.mark.parametrize("world", WORLDS)

Outcome = tuple[Tensor, Tensor]


def embeddings(world: int) -> Tensor:
    """Two views of the global batch, [2, images, DIM], whose scale and direction differ by rank.

    Rounded, so that every dtype holds the same numbers.
    """
    generator = torch.Generator().manual_seed(4)
    image, noise = torch.randn(2, world * LOCAL, DIM, generator=generator, dtype=torch.float64)
    of_rank = torch.arange(world).repeat_interleave(LOCAL)
    direction = 2 * torch.eye(world, DIM, dtype=torch.float64)[of_rank]
    scale = torch.tensor([0.3, 2.0, 7.0], dtype=torch.float64)[of_rank, None]
    return (torch.stack([image, image + 0.7 * noise]) + direction).mul(scale).bfloat16().double()


def outcome(loss: Callable[..., Tensor], views: Tensor, temperature: float) -> Outcome:
    """The loss and its gradient by the embeddings, [2, images, DIM]."""
    views = views.clone().requires_grad_()
    value = loss(*views, temperature)
    (gradient,) = torch.autograd.grad(value, views)
    return value.detach(), gradient


def own(views: Tensor) -> Tensor:
    return views.narrow(1, rank() * LOCAL, LOCAL)


# Three mistakes: gathers that are right but for their gradient.


def constants(z: Tensor) -> Tensor:
    shares = [torch.empty_like(z) for _ in range(world_size())]
    dist.all_gather(shares, z.detach())
    return torch.cat(shares)


def own_part_only(z: Tensor) -> Tensor:
    shares = list(constants(z).chunk(world_size()))
    shares[rank()] = z
    return torch.cat(shares)


def scaled_by_world_size(z: Tensor) -> Tensor:
    everyone = gather(z)
    everyone.register_hook(lambda gradient: gradient * world_size())
    return everyone


MISTAKES = [constants, own_part_only, scaled_by_world_size]


def plain(z_a: Tensor, z_b: Tensor, temperature: float, gathering: Callable[[Tensor], Tensor]) -> Tensor:
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    itself = torch.arange(len(z)) + rank() * len(z)
    logits = z @ gathering(z).T / temperature
    logits = logits.scatter(1, itself[:, None], -torch.inf)
    return F.cross_entropy(logits, itself.roll(len(z_a)))


class Sent(TorchDispatchMode):
    """What this process gives to collectives of any kind: their names and numbers of bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.collectives: list[tuple[str, int]] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.namespace == "c10d":
            name = function._schema.name.removeprefix("c10d::")
            given = args[1] if name == "allgather_" else args[0]
            self.collectives.append((name, sum(x.nbytes for x in given)))
        return function(*args, **(kwargs or {}))


def sent(views: Tensor) -> dict[str, list[tuple[str, int]]]:
    """Forward and backward in turn, and forward where no gradient is needed."""
    with Sent() as forward:
        loss = nt_xent(*views.clone().requires_grad_())
    with Sent() as backward:
        loss.backward()
    with Sent() as without_gradient, torch.no_grad():
        nt_xent(*views)
    moments = {"forward": forward, "backward": backward, "without gradient": without_gradient}
    return {moment: mode.collectives for moment, mode in moments.items()}


def everything(world: int) -> dict:
    views = own(embeddings(world))
    dtypes = (torch.float64, torch.float32, torch.bfloat16)
    cases = list(itertools.product(dtypes, TEMPERATURES))
    one_block = {case: outcome(nt_xent, views.to(case[0]), case[1]) for case in cases}
    plain_losses = {
        gathering.__name__: outcome(functools.partial(plain, gathering=gathering), views, 0.1)
        for gathering in (gather, *MISTAKES)
    }
    bytes_sent = {dtype: sent(views.to(dtype)) for dtype in dtypes}
    blocks.BLOCK_ELEMENTS, blocks.MIN_ROWS = 1, 4
    return {
        "one block": one_block,
        "many blocks": {case: outcome(nt_xent, views.to(case[0]), case[1]) for case in cases},
        "plain": plain_losses,
        "sent": bytes_sent,
    }


@functools.cache
def ranks(world: int) -> list[dict]:
    return run_on(world, everything, world)


def together(outcomes: list[Outcome]) -> Outcome:
    """As DDP has them: the mean over ranks of losses, and of what they send back to the embeddings."""
    losses, gradients = zip(*outcomes, strict=True)
    return torch.stack(losses).mean(), torch.cat(gradients, dim=1) / len(outcomes)


@each_world
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("rows", ["one block", "many blocks"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_several_processes_have_the_loss_and_gradients_of_one(world, temperature, rows, dtype, tolerance):
    loss, gradient = together([r[rows][dtype, temperature] for r in ranks(world)])
    assert loss.dtype == gradient.dtype == dtype
    for one_process in (nt_xent, functools.partial(plain, gathering=gather)):
        expected_loss, expected = outcome(one_process, embeddings(world), temperature)
        assert abs(loss - expected_loss) <= tolerance * max(1, abs(expected_loss))
        assert (gradient - expected).abs().max() <= tolerance * expected.abs().max()


@each_world
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_bfloat16_embeddings_are_scored_as_the_same_values_in_float32(world, temperature):
    for r in ranks(world):
        half, full = (r["one block"][dtype, temperature] for dtype in (torch.bfloat16, torch.float32))
        assert torch.equal(half[0], full[0])
        assert torch.equal(half[1], full[1].bfloat16())


@each_world
@pytest.mark.parametrize(
    ("dtype", "size", "size_of_number"),
    [(torch.bfloat16, 2, 4), (torch.float32, 4, 4), (torch.float64, 8, 8)],
)
def test_each_embedding_is_sent_once_in_its_dtype_and_one_number_for_it(world, dtype, size, size_of_number):
    embeddings_once = ("allgather_", 2 * LOCAL * DIM * size)
    one_number_each = ("allgather_", 2 * LOCAL * size_of_number)
    for r in ranks(world):
        assert r["sent"][dtype]["forward"] == [embeddings_once, one_number_each]
        assert r["sent"][dtype]["backward"] == []
        assert r["sent"][dtype]["without gradient"] == [embeddings_once]


def differs(world: int, gathering: str) -> tuple[float, float]:
    """By how much loss and gradients (of the largest) differ from those of one process."""
    loss, gradient = together([r["plain"][gathering] for r in ranks(world)])
    expected_loss, expected = outcome(nt_xent, embeddings(world), 0.1)
    return abs(loss - expected_loss).item(), ((gradient - expected).abs().max() / expected.abs().max()).item()


@each_world
def test_the_plain_loss_is_right_with_the_right_gather(world):
    assert max(differs(world, "gather")) <= 1e-12


@each_world
@pytest.mark.parametrize("mistake", [gathering.__name__ for gathering in MISTAKES])
def test_a_wrong_gradient_of_the_gather_would_be_noticed_though_the_loss_is_right(world, mistake):
    loss, gradient = differs(world, mistake)
    assert loss <= 1e-12
    assert gradient > 1e-3
