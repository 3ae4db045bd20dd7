"""Losses over two and three processes are those of the global batch, for one exchange of embeddings."""

import itertools
from collections.abc import Callable
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cl_lightning.distributed import rank
from cl_lightning.losses import nt_xent
from cl_lightning.losses.streamed import blocks
from tests.distributed.mistakes import MISTAKES, RIGHT
from tests.losses.cases import LOSSES
from tests.processes import run_on

LOCAL = 5  # images of one rank
DIM = 8
TEMPERATURES = [0.05, 0.1, 0.5]

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


# Not info_nce and its kin without weights: they are means over each rank's own queries.
OTHERS = [name for name in LOSSES if "nt_xent" in name or "nce" not in name or "weighted" in name]
OTHERS += ["neighbour_nce"]
PLACES = ("one block", "many blocks")


def others(world: int) -> dict[str, Outcome]:
    views = own(embeddings(world))
    return {name: outcome(LOSSES[name][0], views, 0.2) for name in OTHERS}


def everything(world: int) -> dict:
    views = own(embeddings(world))
    dtypes = (torch.float64, torch.float32, torch.bfloat16)
    cases = list(itertools.product(dtypes, TEMPERATURES))
    one_block = {case: outcome(nt_xent, views.to(case[0]), case[1]) for case in cases}
    plain_losses = {name: outcome(loss, views, 0.1) for name, loss in {"right": RIGHT, **MISTAKES}.items()}
    bytes_sent = {dtype: sent(views.to(dtype)) for dtype in dtypes}
    of_others = {"one block": others(world)}
    with mock.patch.multiple(blocks, BLOCK_ELEMENTS=1, MIN_ROWS=4):
        of_others["many blocks"] = others(world)
        many_blocks = {case: outcome(nt_xent, views.to(case[0]), case[1]) for case in cases}
    return {
        "one block": one_block,
        "many blocks": many_blocks,
        "plain": plain_losses,
        "sent": bytes_sent,
        "others": of_others,
    }


@pytest.fixture(scope="module", params=[2, 3])
def world(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module")
def ranks(world: int) -> list[dict]:
    return run_on(world, everything, world)


def together(outcomes: list[Outcome]) -> Outcome:
    """As DDP has them: the mean over ranks of losses, and of what they send back to the embeddings."""
    losses, gradients = zip(*outcomes, strict=True)
    return torch.stack(losses).mean(), torch.cat(gradients, dim=1) / len(outcomes)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("rows", PLACES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_several_processes_have_the_loss_and_gradients_of_one(
    world, ranks, temperature, rows, dtype, tolerance
):
    loss, gradient = together([r[rows][dtype, temperature] for r in ranks])
    assert loss.dtype == gradient.dtype == dtype
    for one_process in (nt_xent, RIGHT):
        expected_loss, expected = outcome(one_process, embeddings(world), temperature)
        assert abs(loss - expected_loss) <= tolerance * max(1, abs(expected_loss))
        assert (gradient - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.parametrize("rows", PLACES)
@pytest.mark.parametrize("name", OTHERS)
def test_several_processes_have_every_loss_of_one_and_the_gradients_of_one_matrix(world, ranks, name, rows):
    loss, gradient = together([r["others"][rows][name] for r in ranks])
    one_process, _, one_matrix = LOSSES[name]
    for expected_loss, expected in (outcome(f, embeddings(world), 0.2) for f in (one_process, one_matrix)):
        assert abs(loss - expected_loss) <= 1e-12 * max(1, abs(expected_loss))
        assert (gradient - expected).abs().max() <= 1e-12 * expected.abs().max()


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_bfloat16_embeddings_are_scored_as_the_same_values_in_float32(ranks, temperature):
    for r in ranks:
        half, full = (r["one block"][dtype, temperature] for dtype in (torch.bfloat16, torch.float32))
        assert torch.equal(half[0], full[0])
        assert torch.equal(half[1], full[1].bfloat16())


@pytest.mark.parametrize(
    ("dtype", "size", "size_of_number"),
    [(torch.bfloat16, 2, 4), (torch.float32, 4, 4), (torch.float64, 8, 8)],
)
def test_each_embedding_is_sent_once_in_its_dtype_and_one_number_for_it(
    world, ranks, dtype, size, size_of_number
):
    embeddings_once = ("allgather_", 2 * LOCAL * DIM * size)
    one_number_each = ("allgather_", 2 * LOCAL * size_of_number)
    for r in ranks:
        assert r["sent"][dtype]["forward"] == [embeddings_once, one_number_each]
        assert r["sent"][dtype]["backward"] == []
        assert r["sent"][dtype]["without gradient"] == [embeddings_once]


def differs(world: int, ranks: list[dict], gathering: str) -> tuple[float, float]:
    """By how much loss and gradients (of the largest) differ from those of one process."""
    loss, gradient = together([r["plain"][gathering] for r in ranks])
    expected_loss, expected = outcome(nt_xent, embeddings(world), 0.1)
    return abs(loss - expected_loss).item(), ((gradient - expected).abs().max() / expected.abs().max()).item()


def test_the_plain_loss_is_right_with_the_right_gather(world, ranks):
    assert max(differs(world, ranks, "right")) <= 1e-12


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_gradient_of_the_gather_would_be_noticed_though_the_loss_is_right(world, ranks, mistake):
    loss, gradient = differs(world, ranks, mistake)
    assert loss <= 1e-12
    assert gradient > 1e-3
