"""Headless Chromium, as Debian has it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
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
