"""The protocols of cl-eval: each has a file, and an entry in this registry."""

from argparse import ArgumentParser, Namespace

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.evaluating.protocols.few import Few
from cl_lightning.runs.evaluating.protocols.finetune import Finetune
from cl_lightning.runs.evaluating.protocols.knn import KNN
from cl_lightning.runs.evaluating.protocols.linear import Linear
from cl_lightning.runs.evaluating.protocols.linear_sgd import LinearSGD
from cl_lightning.runs.evaluating.protocols.protocol import Protocol
from cl_lightning.runs.evaluating.protocols.retrieval import Retrieval

__all__ = [
    "DEFAULT",
    "KNN",
    "PROTOCOLS",
    "Few",
    "Finetune",
    "Linear",
    "LinearSGD",
    "Protocol",
    "Retrieval",
    "add_words",
    "asked_for",
    "by_default",
]

# In the order of their columns.
PROTOCOLS: dict[str, type[Protocol]] = {
    protocol.name: protocol for protocol in (KNN, Few, Linear, LinearSGD, Finetune, Retrieval)
}
DEFAULT = ("knn", "linear", "few")


def by_default() -> tuple[Protocol, ...]:
    """The protocols of a command that names none."""
    return tuple(protocol() for name, protocol in PROTOCOLS.items() if name in DEFAULT)


def add_words(parser: ArgumentParser) -> None:
    """The words of cl-eval that choose protocols, and those of each."""
    parser.add_argument(
        "--protocol",
        nargs="+",
        choices=list(PROTOCOLS),
        metavar="NAME",
        default=DEFAULT,
        help=f"what to measure, of {', '.join(PROTOCOLS)} (default: {' '.join(DEFAULT)})",
    )
    for protocol in PROTOCOLS.values():
        protocol.add_words(parser)


def asked_for(options: Namespace) -> tuple[Protocol, ...]:
    """The protocols on the command line, in the order of their columns.

    Raises:
        ConfigError: impossible settings, or settings of protocols that are not asked for.
    """
    chosen = [protocol for name, protocol in PROTOCOLS.items() if name in options.protocol]
    used = {word for protocol in chosen for word in protocol.settings()}
    for name, protocol in PROTOCOLS.items():
        for word, default in protocol.settings().items():
            given = getattr(options, word)
            if word not in used and given != default:
                shown = " ".join(map(str, given)) if isinstance(given, list) else given
                raise ConfigError(
                    f"--{word} is {shown}, but no protocol that is asked for has it; accepted: --protocol "
                    f"{' '.join([*options.protocol, name])}, or no --{word}"
                )
    return tuple(protocol.of(options) for protocol in chosen)
