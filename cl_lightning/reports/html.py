"""What both pages are made of: one HTML file that needs no other file and no network."""

import base64
import hashlib
import time
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template


def document(title: str, header: Iterable[str], sections: Iterable[str], scripts: Iterable[str] = ()) -> str:
    """A whole page. Nothing but its own style and scripts can run, and nothing can be loaded.

    Args:
        title: text.
        header: HTML below the title.
        sections: HTML, one section each; empty ones are left out.
        scripts: names of files beside this one.
    """
    style, script = _part("report.css"), "\n".join(map(_part, ("details.js", *scripts)))
    return Template(_part("report.html")).substitute(
        title=escape(title),
        header="\n".join(header),
        sections="\n".join(filter(None, sections)),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )


def section(title: str, *parts: str) -> str:
    return "\n".join([f"<section>\n<h2>{escape(title)}</h2>", *filter(None, parts), "</section>"])


def sentence(text: str) -> str:
    """A paragraph: text without its capital letter and its full stop."""
    return f"<p>{escape(text[0].upper() + text[1:])}.</p>"


def quiet(text: str) -> str:
    """A paragraph of less weight."""
    return f'<p class="quiet">{escape(text)}</p>'


def items(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def details(summary: str, content: str) -> str:
    """What is folded up on the screen; printed, it is open."""
    return f"<details><summary>{escape(summary)}</summary>\n{content}\n</details>"


def image(name: str, alternative: str, png: bytes) -> str:
    """A picture inside the page, which scrolls on a narrow one.

    Args:
        name: of the region that scrolls; each page has it once.
        alternative: what the picture shows, for those who don't see it.
    """
    shown = f'<img alt="{escape(alternative)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
    return f'<div class="scroll picture" role="region" tabindex="0" aria-label="{escape(name)}">{shown}</div>'


def written() -> str:
    """The present time."""
    return time.strftime("%Y-%m-%d %H:%M")


def _part(name: str) -> str:
    return files("cl_lightning.reports").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The hash of a script or style for the page's security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
