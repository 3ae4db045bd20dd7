"""Headless Chromium, as Debian has it, and what axe-core finds in its pages."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)


@contextmanager
def chromium(profile: Path) -> Iterator[Chrome]:
    """A browser that keeps what it says on its console and what it asks the network for."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs) and "CL_LIGHTNING_CI" not in os.environ:
        pytest.skip("needs Debian's chromium and chromium-driver")
    browser, driver = programs
    assert browser, "chromium is not installed"
    assert driver, "chromedriver is not installed"
    options = ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = Chrome(options=options, service=Service(driver))
    try:
        yield running
    finally:
        running.quit()


def requested(browser: Chrome) -> list[str]:
    """The addresses that its pages have asked for since the last call."""
    told = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [m["params"]["request"]["url"] for m in told if m["method"] == "Network.requestWillBeSent"]


def media(browser: Chrome, scheme: str, kind: str = "screen") -> None:
    """Show pages as a reader sees them who wants them `light` or `dark`, on a screen or in `print`."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})


def inaccessible(browser: Chrome) -> list[str]:
    """What axe-core finds wrong or can't tell of the page, with all its parts unfolded."""
    browser.execute_script("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    found = Axe().run(browser)
    assert len(found["passes"]) > 20
    problems = found["violations"] + found["incomplete"]
    return [f"{p['id']}: {node['html']}" for p in problems for node in p["nodes"]]
