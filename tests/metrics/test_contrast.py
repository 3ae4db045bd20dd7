import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cl_lightning.metrics import contrast_scores, sphere
from tests.metrics import oracle


def views(n: int, noise: float, dim: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, n, dim, generator=generator)
    return a, 3 * (a + noise * b)


def queue(length: int, dim: int = 6) -> torch.Tensor:
    return torch.randn(length, dim, generator=torch.Generator().manual_seed(5))


def values(scores: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: score.item() for name, score in scores.items()}


@pytest.mark.parametrize("block", [1, 30, 2**20])
@pytest.mark.parametrize("noise", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("negatives", [None, queue(17)], ids=["views", "queue"])
def test_scores_equal_plain_loops(block, noise, negatives, monkeypatch):
    monkeypatch.setattr(sphere, "BLOCK_ELEMENTS", block)
    a, b = views(12, noise)
    assert values(contrast_scores(a, b, negatives)) == pytest.approx(
        oracle.contrast(a, b, negatives), abs=1e-5
    )


@pytest.mark.parametrize("block", [1, 30, 2**20])
@pytest.mark.parametrize("processes", [2, 3])
def test_anchors_of_several_processes_meet_the_views_of_all(block, processes, monkeypatch):
    monkeypatch.setattr(sphere, "BLOCK_ELEMENTS", block)
    a, b = views(12, 1.0)
    shares = [slice(start, start + 12 // processes) for start in range(0, 12, 12 // processes)]
    parts = [values(contrast_scores(a, b, own=own)) for own in shares]
    for own, scores in zip(shares, parts, strict=True):
        assert scores == pytest.approx(oracle.contrast(a, b, None, own), abs=1e-5)
    mean = {name: sum(scores[name] for scores in parts) / processes for name in parts[0]}
    assert mean == pytest.approx(values(contrast_scores(a, b)), abs=1e-6)


def test_a_solved_task_shows_1():
    a = torch.eye(6)
    assert contrast_scores(a, 2 * a)["contrastive_top1"] == 1
    assert contrast_scores(a, 2 * a, -a)["contrastive_top1"] == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("n", [3, 50])
def test_a_collapse_shows_0_because_ties_are_wrong(dtype, n):
    same = queue(1, 128).expand(n, 128).to(dtype)
    for negatives in (None, same[:1].expand(77, 128)):
        scores = values(contrast_scores(same, same, negatives))
        assert scores["contrastive_top1"] == 0
        assert scores["negative_similarity"] == pytest.approx(1, abs=1e-5)


def test_autocast_changes_no_score():
    a, b = views(12, 1.0)
    plain = [values(contrast_scores(a, b, negatives)) for negatives in (None, queue(17))]
    with torch.autocast("cpu", torch.bfloat16):
        assert [values(contrast_scores(a, b, negatives)) for negatives in (None, queue(17))] == plain


def test_scores_carry_no_gradient_and_are_scalars():
    a, b = views(5, 1.0)
    for score in contrast_scores(a.requires_grad_(), b).values():
        assert score.shape == ()
        assert score.dtype == torch.float32
        assert not score.requires_grad


def test_nothing_waits_for_the_device():
    class Operators(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.names: set[str] = set()

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.names.add(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    a, b = views(5, 1.0)
    with Operators() as seen:
        contrast_scores(a, b)
        contrast_scores(a, b, queue(17))
    assert {"mm", "amax"} <= seen.names
    assert not {"_local_scalar_dense", "nonzero", "masked_select", "index"} & seen.names
