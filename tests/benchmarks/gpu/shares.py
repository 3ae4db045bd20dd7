"""Which share of a ResNet-18 step each kind of operation takes, by torch's profiler."""

from collections import Counter
from collections.abc import Iterator

from torch.profiler import ProfilerActivity, profile

from tests.benchmarks.gpu.clock import WARM, wait
from tests.benchmarks.gpu.resnet_step import Step
from tests.benchmarks.gpu.sizes import SIZES
from tests.benchmarks.measured import Row

# The first kind of which a word is in an operation's name counts.
KINDS = {
    "convolutions and products": ("conv", "mm", "linear"),
    "BatchNorm": ("batch_norm",),
    "ReLU": ("relu", "threshold", "clamp"),
    "additions": ("add",),
    "copies and casts": ("copy", "_to_"),
}


def measure(size: str) -> Iterator[Row]:
    sizes = SIZES[size]
    step = Step(sizes, "18", sizes.batches[0], "channels_last")
    for _ in range(WARM):
        step()
    wait(sizes.device)
    on_gpu = sizes.device == "cuda"
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as seen:
        step()
        wait(sizes.device)
    shares: Counter[str] = Counter()
    for event in seen.key_averages():
        if event.key.startswith("aten::"):
            spent = event.self_device_time_total if on_gpu else event.self_cpu_time_total
            shares[kind(event.key)] += spent
    for name, spent in shares.most_common():
        yield Row(f"share of a step: {name}", "%", 100 * spent / sum(shares.values()))


def kind(operation: str) -> str:
    found = (name for name, words in KINDS.items() if any(word in operation for word in words))
    return next(found, "the rest")
