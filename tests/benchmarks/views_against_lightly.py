"""Views per second of CPU time on one thread: this package against lightly, in turn, in one run.

Needs `pip install lightly==1.6.0`. Random pixels; both start from uint8 images in memory (PIL for lightly)
and end at standardised float32 tensors, which for lightly are stacked into batches.

    python -m tests.benchmarks.views_against_lightly --to results/views_32.json  # as for CIFAR: no blur
    python -m tests.benchmarks.views_against_lightly --size 224 --source 256 --blur 0.5 --batch 24 --photos
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from cl_lightning.pairs import simclr_views
from tests.benchmarks import results

REPEATS, SEED = 7, 0


def views_per_second(make: Callable[[], object], batch: int) -> float:
    """Two views of each of `batch` images are made by a call."""
    start = time.process_time()
    make()
    return 2 * batch / (time.process_time() - start)


def main() -> None:
    """Prints both rates and the median of their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--source", type=int, help="side of the images (default: that of the views)")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--blur", type=float, default=0.0)
    parser.add_argument("--photos", action="store_true", help="crop image by image, as loader workers do")
    results.add_option(parser)
    options = parser.parse_args()

    import lightly  # not a dependency of the package
    from lightly.transforms import SimCLRTransform
    from torchvision.transforms.v2.functional import to_pil_image

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    side = options.source or options.size
    images = torch.randint(0, 256, (options.batch, 3, side, side), dtype=torch.uint8)
    index = torch.arange(options.batch)
    pictures = [to_pil_image(image) for image in images]
    views = simclr_views(options.size, blur=options.blur)
    peer = SimCLRTransform(input_size=options.size, gaussian_blur=options.blur)

    def ours() -> object:
        if not options.photos:
            return views(images, index, 0)
        return views(torch.stack([views.crop_pair(image, i, 0) for i, image in enumerate(images)]), index, 0)

    def theirs() -> object:
        return [torch.stack(view) for view in zip(*map(peer, pictures), strict=True)]

    ours(), theirs()
    rates = [
        (views_per_second(ours, options.batch), views_per_second(theirs, options.batch))
        for _ in range(REPEATS)
    ]
    ours_rate, peer_rate = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio = statistics.median(a / b for a, b in rates)
    print(
        f"size {options.size} from {side}, blur {options.blur}, batch {options.batch}, one thread, CPU time"
    )
    print(f"cl_lightning {ours_rate:8.0f} views/s")
    print(f"lightly      {peer_rate:8.0f} views/s")
    print(f"ratio        {ratio:8.1f}")
    rate = {"cl_lightning": round(ours_rate), "lightly": round(peer_rate), "ratio": round(ratio, 1)}
    results.write(options.to, {"lightly": lightly.__version__, "views_per_cpu_second": rate}, SEED)


if __name__ == "__main__":
    main()
