"""What the device can do at most: products, copies, launches; and how long a network compiles."""

import time
from collections.abc import Iterator

import torch

from tests.benchmarks.gpu.clock import seconds, wait
from tests.benchmarks.gpu.sizes import SIZES
from tests.benchmarks.measured import Row

LAUNCHES = 1000


def measure(size: str) -> Iterator[Row]:
    sizes = SIZES[size]
    device = sizes.device
    a, b = (torch.randn(sizes.matmul, sizes.matmul, device=device, dtype=torch.bfloat16) for _ in range(2))
    work = f"product of two bf16 matrices of {sizes.matmul:,}"
    teraflops = 2 * sizes.matmul**3 / seconds(lambda: a @ b, device, sizes.repeats) / 1e12
    yield Row(work, "TFLOP/s", teraflops, {"H200": 780.0}, high_is_better=True)

    source = torch.empty(sizes.copied_mib * 2**20, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    rate = 2 * len(source) / seconds(lambda: target.copy_(source), device, sizes.repeats) / 1e12
    yield Row(f"copy of {sizes.copied_mib:,} MiB", "TB/s", rate, {"H200": 4.3}, high_is_better=True)

    one = torch.zeros(1, device=device)

    def launches() -> None:
        for _ in range(LAUNCHES):
            one.add_(1)

    yield Row("launch of a kernel", "us", seconds(launches, device, sizes.repeats) / LAUNCHES * 1e6)

    encoder, side = sizes.encoder(18), sizes.side(32)
    compiled = torch.compile(encoder, **next(iter(sizes.compiled.values())))
    begun = time.perf_counter()
    compiled(torch.randn(64, 3, side, side, device=device)).sum().backward()
    wait(device)
    yield Row("torch.compile of ResNet-18, forward and backward", "s", time.perf_counter() - begun)
