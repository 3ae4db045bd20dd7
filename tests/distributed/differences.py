"""How far several processes are from one: as numbers, and as a table of all cases.

python -m tests.distributed.differences
"""

from torch import Tensor

from tests.distributed.runs import CALLBACKS, STEPS, Record
from tests.distributed.world import World, compare


def largest_difference(these: dict[str, Tensor], those: dict[str, Tensor]) -> float:
    assert these.keys() == those.keys()
    return max((these[name].double() - those[name].double()).abs().max().item() for name in these)


def gradient_difference(record: Record, one: Record, relative: bool = False) -> float:
    """The largest of all steps; relative to the step's largest gradient if asked for."""
    assert len(record.gradients) == len(one.gradients) == STEPS
    scales = [max(g.abs().max().item() for g in those.values()) if relative else 1 for those in one.gradients]
    return max(
        largest_difference(these, those) / scale
        for these, those, scale in zip(record.gradients, one.gradients, scales, strict=True)
    )


def kinds(state: dict[str, Tensor]) -> tuple[dict[str, Tensor], ...]:
    """Weights, running statistics, and what the method's callbacks own."""
    held = {name: value for name, value in state.items() if name.startswith(CALLBACKS)}
    trained = {name: value for name, value in state.items() if name not in held}
    statistics = {name: value for name, value in trained.items() if "running" in name}
    weights = {name: value for name, value in trained.items() if name not in statistics}
    return weights, statistics, held


def rows(world: World, processes: int) -> list[str]:
    """Of each case the largest differences over all ranks, and over all steps for gradients."""
    found = []
    for case, one in world.one.runs.items():
        ranks = [rank.runs[case] for rank in world.ranks]
        numbers = [
            max(gradient_difference(runs.double, one.double) for runs in ranks),
            max(gradient_difference(runs.single, one.single, relative=True) for runs in ranks),
        ]
        for place, last in enumerate(kinds(one.double.last)):
            if last:
                numbers.append(max(largest_difference(kinds(r.double.last)[place], last) for r in ranks))
        found.append(f"| {processes} | {case} | " + " | ".join(f"{number:.0e}" for number in numbers) + " |")
    return found


def main() -> None:
    print("| processes | case | gradients | in float32 | weights | statistics | keys and queue |")
    print("|---|---|---|---|---|---|---|")
    for processes in (2, 3):
        print("\n".join(rows(compare(processes, "cpu"), processes)))


if __name__ == "__main__":
    main()
