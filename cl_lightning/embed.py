"""cl-embed: write the vectors of any images from the encoder of a run."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from cl_lightning.files import printable
from cl_lightning.interruption import as_command

LAYERS = ("backbone", "projector", "map")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command cl-embed."""
    with as_command("cl-embed", "; the same command goes on with the rows that are there"):
        run(parser().parse_args(arguments))


def run(options: argparse.Namespace) -> None:
    """Write the file and print what was written, or print what is wrong."""
    from cl_lightning.commands.heavy_imports import heavy_imports
    from cl_lightning.commands.messages import explain, one_line, wants_traceback

    with heavy_imports():
        from cl_lightning.commands.messages import ENDED_EARLY, is_left_alone
        from cl_lightning.commands.quiet import quiet
        from cl_lightning.embedding import Options, Preparation, made
        from cl_lightning.runs.frozen_trainer import is_first

    quiet()
    tells = is_first()  # all processes find the same fault before they start
    try:
        prepared = Preparation(Options(**vars(options)))
        tells = True
        done = made(prepared)
    except Exception as error:
        message = ENDED_EARLY if is_left_alone(error) else explain(error)
        if message is None or wants_traceback():
            raise
        sys.exit(f"cl-embed: {one_line(message)}" if tells else 1)
    if done is not None:
        print("\n".join(told(done, options.layer, options.encoder)))


def told(done: Any, layer: str, encoder: str) -> list[str]:
    """The lines about what was written and found."""
    lines = []
    if done.rows is not None:
        shape = " x ".join(map(str, done.shape))
        lines.append(f"{done.file}: {done.rows:,} rows of {shape} values ({layer} of the {encoder} encoder)")
    if done.left_out:
        lines.append(f"without a row, because they can't be read: {', '.join(map(printable, done.left_out))}")
    if done.neighbours is not None:
        for name, found in done.neighbours.found.items():
            lines.append(f"nearest to {printable(name)}, by cosine:")
            lines += [
                f"  {near.similarity:.3f}  {printable(near.file)}  {near.label}".rstrip() for near in found
            ]
        lines.append(f"look at {done.neighbours.picture}")
    return lines


def parser() -> argparse.ArgumentParser:
    """The arguments of cl-embed."""
    parser = argparse.ArgumentParser(
        prog="cl-embed",
        description="Writes a row for each image: its file name, its label and its vector from the trained "
        "encoder of a run. The file appears as a whole; after an interruption the same command goes on.",
    )
    parser.add_argument("run", metavar="RUN", help="run folder, or a checkpoint file")
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGES",
        help="a folder of photos in any layout, or words of cl-train such as data=cifar10 data.root=DIR; "
        "then any words of the group data, such as data.num_workers=8",
    )
    parser.add_argument(
        "--to", required=True, metavar="FILE", help="a new file that ends with .parquet, .npz or .csv"
    )
    parser.add_argument(
        "--layer",
        choices=LAYERS,
        default="backbone",
        help="backbone: features; projector: embeddings of the loss; map: what the backbone pools, flat",
    )
    parser.add_argument(
        "--encoder", choices=("query", "key"), default="query", help="key: MoCo's moving average"
    )
    parser.add_argument(
        "--neighbours",
        nargs="+",
        default=(),
        metavar="IMAGE",
        help="also print the nearest rows of these photos, and draw them beside FILE; FILE may exist",
    )
    parser.add_argument(
        "--accelerator", default="auto", help="Lightning's: auto, cpu, gpu, ... (default: auto)"
    )
    parser.add_argument(
        "--devices", type=int, metavar="N", help="processes (default: those of torchrun or srun, else 1)"
    )
    return parser


if __name__ == "__main__":
    main()
