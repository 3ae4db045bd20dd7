"""report.html of one run in a real browser."""

import base64
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from cl_lightning.reports.one_run import write_run_report
from cl_lightning.reports.one_run.pictures import PICTURES
from cl_lightning.runs import RunFolder
from tests.reports.browser import chromium, inaccessible, media, requested
from tests.reports.run_folder import whole

pytestmark = pytest.mark.slow
OPEN = "return [...document.querySelectorAll('details')].map((part) => part.open)"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    folder = whole(tmp_path_factory.mktemp("whole"))
    file = write_run_report(RunFolder(folder))
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        browser.get(file.as_uri())
        yield browser


def test_the_page_renders_and_asks_for_nothing(opened: Chrome) -> None:
    pictures = opened.find_elements(By.TAG_NAME, "img")
    assert len(pictures) == len(PICTURES) + 2
    assert all(int(picture.get_property("naturalWidth")) > 300 for picture in pictures)
    addresses = requested(opened)
    schemes = {urlsplit(address).scheme for address in addresses}
    assert {scheme for scheme in schemes if not scheme.startswith("chrome")} <= {"file", "data"}
    assert [address for address in addresses if address.startswith("file")] == [opened.current_url]
    assert opened.get_log("browser") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened: Chrome, scheme: str) -> None:
    media(opened, scheme)
    opened.refresh()
    assert inaccessible(opened) == []


@pytest.mark.parametrize("width", [400, 1000])
def test_the_page_is_as_wide_as_the_window(opened: Chrome, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    opened.refresh()
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_paper_is_white_and_has_all_that_is_folded_up_on_the_screen(opened: Chrome) -> None:
    media(opened, "dark", "print")
    opened.refresh()
    body = opened.find_element(By.TAG_NAME, "body")
    assert body.value_of_css_property("background-color") == "rgba(255, 255, 255, 1)"
    assert opened.execute_script(OPEN) == [False, False]
    opened.execute_script("addEventListener('beforeprint', () => (window.printed = 1))")
    pdf = opened.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert base64.b64decode(pdf).startswith(b"%PDF")
    assert opened.execute_script("return window.printed") == 1
    assert opened.execute_script(OPEN) == [False, False]  # as before
    opened.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert opened.execute_script(OPEN) == [True, True]
