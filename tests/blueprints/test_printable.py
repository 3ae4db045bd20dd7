"""Names of files in messages."""

from pathlib import Path

import pytest

from cl_lightning.files import printable

NAMES = {
    "my photos/été 猫 👩‍👧.jpg": "my photos/été 猫 👩‍👧.jpg",
    "caf\udce9.jpg": r"caf\xe9.jpg",
    "a\nb\r\t.jpg": r"a\nb\r\t.jpg",
    "\x1b[31mred\u2028.jpg": r"\x1b[31mred\u2028.jpg",
    "half \ud800 a sign.jpg": r"half \ud800 a sign.jpg",
    "two  spaces\u3000.jpg": "two  spaces\u3000.jpg",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_bytes_is_one_line_of_text(name: str) -> None:
    assert printable(name) == printable(Path(name)) == NAMES[name]
    assert len(printable(name).encode().splitlines()) == 1
