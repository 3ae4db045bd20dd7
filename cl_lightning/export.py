"""cl-export: write the encoder of a run for other libraries."""

import argparse
import sys
from collections.abc import Sequence

from cl_lightning.interruption import as_command

FORMATS = ("torchvision", "timm", "safetensors", "onnx", "torch-export")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command cl-export."""
    with as_command("cl-export"):
        run(parser().parse_args(arguments))


def run(options: argparse.Namespace) -> None:
    """Write the export and print what was written, or print what is wrong."""
    from cl_lightning.commands.heavy_imports import heavy_imports
    from cl_lightning.commands.messages import explain, one_line, wants_traceback

    with heavy_imports():
        from cl_lightning.commands.quiet import quiet
        from cl_lightning.exporting import export

    quiet()
    try:
        done = export(options.run, options.to, options.format, options.encoder, options.uint8)
    except Exception as error:
        message = explain(error)
        if message is None or wants_traceback():
            raise
        sys.exit(f"cl-export: {one_line(message)}")
    print(f"{done.folder}: {', '.join(done.files)}")
    print(f"loaded back by {LIBRARIES[options.format]}: {done.said}; README.md says how to load it")
    if options.format == "timm":
        made = f'timm.create_model("local-dir:{done.folder}", pretrained=True, num_classes=0)'
        print(f"{made} has these weights; without pretrained=True timm takes random ones, without a word")


LIBRARIES = {
    "torchvision": "torchvision",
    "timm": "timm",
    "safetensors": "safetensors",
    "onnx": "onnxruntime",
    "torch-export": "torch.export",
}


def parser() -> argparse.ArgumentParser:
    """The arguments of cl-export."""
    parser = argparse.ArgumentParser(
        prog="cl-export",
        description="Writes the trained encoder of a run into a new folder, with its preprocessing and a "
        "model card, loads it back by the library that it is for, and prints the largest difference.",
    )
    parser.add_argument("run", metavar="RUN", help="run folder, or a checkpoint file")
    parser.add_argument("--to", required=True, metavar="DIR", help="a new folder; it appears as a whole")
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument(
        "--encoder", choices=("query", "key"), default="query", help="key: MoCo's moving average"
    )
    parser.add_argument(
        "--uint8", action="store_true", help="onnx, torch-export: images are uint8, not float32 in [0, 1]"
    )
    return parser


if __name__ == "__main__":
    main()
