"""report.html: everything in one file, whatever the names are."""

import base64
import re
from html import unescape

import pytest

from cl_lightning.reports import report
from tests.reports.folders import changed, made

BAD = "<script>alert(1)</script>\"'&ünï $x"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of two methods, two temperatures and a failed run, with names that are no HTML."""
    root = tmp_path_factory.mktemp("pages") / "a b#<i>"
    for place, name in enumerate((BAD, "plain")):
        for temperature in (0.1, 0.2):
            config = changed(encoder__name=name, loss__temperature=temperature, run__name="r<u>n")
            folder = made(root, config, {"knn_top1": 0.5 + place + temperature, "loss": 2.0}, epochs=3)
    (folder / "plots").mkdir()
    (folder / "plots" / "a'&%.png").touch()
    failed = made(root, changed(encoder__name=BAD, loss__temperature=0.3))
    (failed / "error.txt").write_text(f"ValueError: {BAD}")
    (root / "broken").mkdir()
    (root / "broken" / "config.yaml").write_text("<s>: [")
    report([root])
    return (root / "report" / "report.html").read_text(encoding="utf-8")


def test_it_needs_no_other_file_and_no_network(page: str) -> None:
    used = re.findall(r'(?:src|href)="([^"]*)"', page)
    links = [place for place in used if not place.startswith("data:")]
    assert len(links) == 5
    without_pictures = re.sub(r"base64,[^\"]*", "", page)
    assert not re.search(
        r"(https?|ftp|file):|url\(|@import|<(script|link|img|iframe)[^>]*//", without_pictures
    )
    assert "default-src 'none'" in page


def test_names_are_text(page: str) -> None:
    body = page[page.index("<body>") : page.index("<script>", page.index("</main>"))]
    assert not re.search(r"<(script|i|u|s|b)>", body)
    assert BAD in unescape(body)
    assert f"ValueError: {BAD}" in unescape(body)
    assert "r<u>n-" in unescape(body)


def test_links_lead_to_pictures_and_reports_that_are_there(page: str) -> None:
    links = re.findall(r'<a href="([^"]*)"', page)
    (picture,) = (link for link in links if link.endswith("png"))
    assert re.fullmatch(r"\.\./r%3Cu%3En-\w{8}/plots/a%27%26%25\.png", picture)
    of_runs = [link for link in links if link != picture]
    assert len(of_runs) == 4  # those that are finished
    assert all(re.fullmatch(r"\.\./r%3Cu%3En-\w{8}/report\.html", link) for link in of_runs)


def test_pictures_are_inside(page: str) -> None:
    images = re.findall(r'<img alt="[^"]+" src="data:image/png;base64,([^"]+)">', page)
    assert len(images) == 2
    assert all(base64.b64decode(image, validate=True).startswith(b"\x89PNG") for image in images)


def test_every_row_and_run_is_there_with_numbers_to_sort_by(page: str) -> None:
    tables = re.findall(r"<tbody>(.*?)</tbody>", page, re.S)
    comparison, unfinished, runs = ([row for row in table.split("\n") if row] for table in tables)
    assert (len(comparison), len(unfinished), len(runs)) == (5, 1, 5)
    numbers = [float(n) for row in comparison for n in re.findall(r'compared" data-number="([^"]+)"', row)]
    assert numbers == pytest.approx([1.7, 1.6, 0.7, 0.6])
    assert comparison[-1].count("data-missing") == 2
    assert page.count('<th scope="col" aria-sort="descending"') == 1
