"""Writes the tables of METHODS.md (`make docs`), from what Hydra composes and the comments in conf/.

The comment of a key, in its line, is `# MEANING [SOURCE; SOURCE]`. It may go on in the lines below. The first
comment in a file is that of the option. METHODS.md says above each table what it shows:

    <!-- options: views=simclr views=... -->
    <!-- keys of encoder, not of encoder.backbone: method=simclr method=... -->

`views=...` stands for all options of the group that no marker with the same beginning names. The second table
has a column of values for each choice. `default` is the config without a choice.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import OmegaConf

CONF = Path(__file__).parents[1] / "conf"
PAGE = CONF.parent / "METHODS.md"
MARKER = r"<!-- (?P<kind>options|keys of (?P<nodes>.+?)(, not of (?P<without>.+?))?): (?P<choices>.+?) -->\n"
TABLE = re.compile(rf"^(?P<marker>{MARKER})\n*(\|.*\n)*\n*", re.MULTILINE)
HYDRAS = ("_target_", "_partial_")  # keys that tell Hydra how to make an object
NO_SUCH_KEY = "–"


class Comment(NamedTuple):
    meaning: str = ""
    sources: tuple[str, ...] = ()


def comment_at(lines: list[str]) -> Comment:
    """The comment that begins in the first of these lines."""
    text = lines[0].partition("# ")[2]
    for line in map(str.strip, lines[1:]):
        if text.endswith("]") or not line.startswith("# "):
            break
        text += line[1:]
    meaning, bracket, sources = text.removesuffix("]").rpartition("[")
    return Comment(meaning.strip(), tuple(sources.split("; "))) if bracket else Comment(text)


def option_comment(choice: str) -> Comment:
    file = CONF / f"{choice.replace('=', '/')}.yaml"
    text = file.read_text(encoding="utf-8").removeprefix("# @package _global_\n")
    return complete(comment_at(text.splitlines()), str(file))


@cache
def key_comments(file: Path) -> dict[str, Comment]:
    """The comment of each key in a config file."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()

    def below(node: yaml.MappingNode, prefix: str) -> Iterator[tuple[str, Comment]]:
        for key, value in node.value:
            in_line = value.end_mark.line == key.end_mark.line
            row, column = key.end_mark.line, (value if in_line else key).end_mark.column
            yield prefix + key.value, comment_at([lines[row][column:], *lines[row + 1 :]])
            if isinstance(value, yaml.MappingNode):
                yield from below(value, f"{prefix}{key.value}.")

    return dict(below(yaml.compose(text), ""))


def complete(comment: Comment, what: str) -> Comment:
    if not (comment.meaning and comment.sources):
        raise SystemExit(f"{what} has no comment of the form # MEANING [SOURCE]")
    return comment


@cache
def composed(choice: str) -> tuple[dict[str, Any], dict[str, Comment]]:
    """The values and the comments of all keys of `cl-train CHOICE`; a mapping is the value of a node.

    Several files may comment on one key: the first gives its meaning, the last its sources.
    """
    overrides = [] if choice == "default" else [choice]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        values = dict(items(OmegaConf.to_container(compose("train", overrides))))
        loader = GlobalHydra.instance().config_loader()
        used = loader.compute_defaults_list("train", overrides, RunMode.RUN).defaults
    comments: dict[str, Comment] = {}
    for package, file in ((each.package, CONF / f"{each.config_path}.yaml") for each in used):
        for key, new in key_comments(file).items() if file.is_file() else ():
            name = f"{package}.{key}" if package else key
            old = comments.get(name, Comment())
            comments[name] = Comment(old.meaning or new.meaning, new.sources or old.sources)
    return values, comments


def items(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        yield prefix + name, value
        if isinstance(value, dict):
            yield from items(value, f"{prefix}{name}.")


def has_row(key: str, choice: str) -> bool:
    """Not what Hydra needs, what only repeats a key of its group, or a node that says nothing of itself."""
    values, comments = composed(choice)
    group, name = key.split(".")[0], key.split(".")[-1]
    if isinstance(values[key], dict):
        return comments.get(key, Comment()).sources != ()
    return name not in HYDRAS and values[key] != f"${{{group}.{name}}}"


def cell(value: Any) -> str:
    if isinstance(value, dict):
        return ""
    if reference := re.fullmatch(r"\$\{([\w.]+)\}", str(value)):
        return f"`{reference[1]}`"
    if shortened := re.fullmatch(r"\$\{unless_short:(.+)\}", str(value)):
        return shortened[1]
    if "${" in str(value):
        return f"`{value}`"
    values = value if isinstance(value, list) else [value]
    rounded = [float(f"{each:.5g}") if isinstance(each, float) else each for each in values]
    text = yaml.safe_dump(rounded, default_flow_style=True, width=1000).strip()
    return text if isinstance(value, list) else text[1:-1]


def key_row(key: str, choices: list[str]) -> list[str]:
    values = [composed(choice)[0] for choice in choices]
    found = [composed(choice)[1].get(key, Comment()) for choice in choices]
    meaning = next((each.meaning for each in found if each.meaning), "")
    sources = dict.fromkeys(source for each in found for source in each.sources)
    comment = complete(Comment(meaning, tuple(sources)), f"{key} (conf/, {choices[0]})")
    cells = [cell(each[key]) if key in each else NO_SUCH_KEY for each in values]
    return [f"`{key}`", *cells, comment.meaning, "; ".join(comment.sources)]


def key_table(nodes: list[str], without: list[str], choices: list[str]) -> list[list[str]]:
    def within(key: str, nodes: list[str]) -> bool:
        return any(f"{key}.".startswith(f"{node}.") for node in nodes)

    every = [(key, choice) for choice in choices for key in composed(choice)[0]]
    keys = [key for key, choice in every if within(key, nodes) and has_row(key, choice)]
    rows = [key_row(key, choices) for key in dict.fromkeys(keys) if not within(key, without)]
    heads = [choice if choice == "default" else f"`{choice}`" for choice in choices]
    return [["key", *heads, "meaning", "source"], *rows]


def option_table(choices: list[str]) -> list[list[str]]:
    found = {choice: option_comment(choice) for choice in choices}
    rows = [[f"`{choice}`", each.meaning, "; ".join(each.sources)] for choice, each in found.items()]
    return [["option", "what it is", "source"], *rows]


def written(page: str) -> str:
    """The page with its tables."""
    named = {(each["kind"], choice) for each in TABLE.finditer(page) for choice in each["choices"].split()}

    def meant(choice: str, kind: str) -> list[str]:
        group, _, option = choice.partition("=")
        if option != "...":
            return [choice]
        options = [f"{group}={file.stem}" for file in sorted((CONF / group).glob("*.yaml"))]
        return [each for each in options if (kind, each) not in named]

    def marked(match: re.Match[str]) -> str:
        choices = [each for choice in match["choices"].split() for each in meant(choice, match["kind"])]
        nodes, without = (match["nodes"] or "").split(), (match["without"] or "").split()
        head, *rows = key_table(nodes, without, choices) if nodes else option_table(choices)
        cells = [[text.replace("|", r"\|") for text in row] for row in (head, *rows)]
        lines = [f"| {' | '.join(row)} |" for row in cells]
        lines.insert(1, "|---" * len(head) + "|")
        return "\n".join([match["marker"], *lines, "\n"])

    return TABLE.sub(marked, page).rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
