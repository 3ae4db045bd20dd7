"""report.html of 200 runs in a real browser."""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from cl_lightning.reports import report
from tests.reports.browser import chromium, inaccessible, media, requested
from tests.reports.folders import changed, made

pytestmark = pytest.mark.slow
SIZES, SEEDS = range(2, 52), range(4)


def knn(size: int, seed: int) -> float:
    """Neither the order of the sizes nor that of their text."""
    return (size * 37 % 50) / 50 - seed / 1000


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    root = tmp_path_factory.mktemp("many")
    for size in SIZES:
        for seed in SEEDS:
            numbers = {"knn_top1": knn(size, seed), "loss": 1e-3 * size} if size > 2 else None
            folder = made(root, changed(data__batch_size=size, seed=seed), numbers, epochs=3)
            if seed == 0:
                (folder / "plots").mkdir()
                (folder / "plots" / "curves.png").touch()
    start = time.monotonic()
    done = report([root])
    assert time.monotonic() - start < 30  # about 5 s on two slow cores
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        browser.get(done.files[-1].as_uri())
        yield browser


def column(browser: Chrome, place: int, table: int = 0) -> list[str]:
    body = browser.find_elements(By.TAG_NAME, "tbody")[table]
    return browser.execute_script(
        "return [...arguments[0].rows].map((row) => row.cells[arguments[1]].textContent)", body, place
    )


def head(browser: Chrome, title: str) -> WebElement:
    return next(h for h in browser.find_elements(By.TAG_NAME, "th") if h.text.startswith(title))


def test_the_page_renders_and_asks_for_nothing(opened: Chrome) -> None:
    assert opened.title == "Runs by knn_top1"
    assert "200 runs: 196 finished, 4 stopped" in opened.find_element(By.TAG_NAME, "header").text
    pictures = opened.find_elements(By.TAG_NAME, "img")
    assert len(pictures) == 2
    assert all(int(picture.get_property("naturalWidth")) > 300 for picture in pictures)
    assert len(column(opened, 0)) == len(SIZES)
    addresses = requested(opened)
    schemes = {urlsplit(address).scheme for address in addresses}
    assert {scheme for scheme in schemes if not scheme.startswith("chrome")} <= {"file", "data"}  # its own
    assert [address for address in addresses if address.startswith("file")] == [opened.current_url]
    assert opened.get_log("browser") == []


def test_a_click_sorts_numbers_as_numbers_and_again_reverses(opened: Chrome) -> None:
    opened.refresh()
    best_first = sorted(range(3, 52), key=lambda size: -knn(size, 0))
    assert column(opened, 0) == [*map(str, best_first), "2"]
    assert head(opened, "knn_top1").get_attribute("aria-sort") == "descending"
    head(opened, "data.batch_size").find_element(By.TAG_NAME, "button").click()
    assert column(opened, 0) == [*map(str, SIZES)]
    assert head(opened, "data.batch_size").get_attribute("aria-sort") == "ascending"
    assert head(opened, "knn_top1").get_attribute("aria-sort") == "none"
    head(opened, "data.batch_size").find_element(By.TAG_NAME, "button").click()
    assert column(opened, 0) == [*map(str, reversed(SIZES))]
    assert opened.get_log("browser") == []


def test_the_keyboard_sorts_too_and_what_has_no_number_stays_last(opened: Chrome) -> None:
    opened.refresh()
    button = head(opened, "loss").find_element(By.TAG_NAME, "button")
    for expected in ([*range(3, 52)], [*reversed(range(3, 52))]):
        button.send_keys(Keys.ENTER)
        assert column(opened, 0) == [*map(str, expected), "2"]
    assert head(opened, "loss").get_attribute("aria-sort") == "descending"


def test_text_is_sorted_as_text(opened: Chrome) -> None:
    state = opened.find_elements(By.TAG_NAME, "table")[-1].find_elements(By.TAG_NAME, "th")[1]
    last = len(opened.find_elements(By.TAG_NAME, "tbody")) - 1
    states = column(opened, 1, last)
    for reverse in (False, True):
        state.find_element(By.TAG_NAME, "button").click()
        assert column(opened, 1, last) == sorted(states, reverse=reverse)


def test_dark_where_the_reader_wants_it(opened: Chrome) -> None:
    papers = []
    for scheme in ("light", "dark"):
        media(opened, scheme)
        body = opened.find_element(By.TAG_NAME, "body")
        papers.append((body.value_of_css_property("background-color"), body.value_of_css_property("color")))
    (light, dark_ink), (dark, light_ink) = papers
    assert light == "rgba(255, 255, 255, 1)"
    assert light != dark != dark_ink != light_ink


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened: Chrome, scheme: str) -> None:
    media(opened, scheme)
    opened.refresh()
    assert inaccessible(opened) == []
