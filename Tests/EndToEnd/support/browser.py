"""A Chromium without a window, with a profile of its own, that remembers what it complained about and whom it asked."""

import json
import shutil
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.gateway import wait_until

# A busy machine with two cores takes its time to start a browser and to draw a page.
PATIENCE_SECONDS = 30

# Counts what the content security policy stopped, before any script of the page runs.
WATCH = "window.stopped = []; addEventListener('securitypolicyviolation', e => window.stopped.push(e.violatedDirective + ' ' + e.blockedURI));"


class Browser:
    """Leaving the context ends the browser, whatever happened."""

    def __init__(self, profile, width: int = 1440, height: int = 900):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser")
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--lang=en",
            f"--user-data-dir={profile}", f"--window-size={width},{height}",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        self.driver.set_script_timeout(PATIENCE_SECONDS)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.complaints = []
        self.asked = set()

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_) -> None:
        self.driver.quit()

    # --- what it shows

    def open(self, url: str) -> None:
        self.driver.get(url)

    def script(self, text: str, *arguments):
        return self.driver.execute_script(text, *arguments)

    def all(self, selector: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str, seconds: float = PATIENCE_SECONDS):
        """The first element there is, in sight or not."""
        return wait_until(lambda: next(iter(self.all(selector)), None), seconds, f"{selector} is on the page")

    def text(self, selector: str) -> str:
        """The text of the first element, read in one step, so that it cannot go away between; empty where there is none."""
        return self.script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def texts(self, selector: str) -> list:
        return self.script("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)

    def wait(self, condition, what: str, seconds: float = PATIENCE_SECONDS):
        return wait_until(condition, seconds, what)

    def wait_text(self, selector: str, part: str, seconds: float = PATIENCE_SECONDS) -> str:
        return wait_until(
            lambda: part in (text := self.text(selector)) and text, seconds, f"{selector} says {part!r}")

    # --- what a hand does

    def click(self, selector: str, label: str = "") -> None:
        """Clicks the first element, or that whose text begins with `label`, once it can be clicked."""
        def clicked():
            return self.script(
                "const e = [...document.querySelectorAll(arguments[0])].find(e => !e.disabled && e.textContent.trim().startsWith(arguments[1]));"
                "e?.click(); return Boolean(e)", selector, label)
        wait_until(clicked, PATIENCE_SECONDS, f"{selector} {label!r} can be clicked")

    def press(self, *keys: str) -> None:
        """Keys for whatever has the focus."""
        for key in keys:
            webdriver.ActionChains(self.driver).send_keys(getattr(Keys, key, key)).perform()

    def focused(self) -> str:
        """A name for what has the focus: its label, else its text."""
        return self.script(
            "const e = document.activeElement; return (e.getAttribute('aria-label') || e.textContent || e.tagName).trim()")

    # --- what it complained about, and whom it asked

    def look_back(self) -> None:
        for entry in self.driver.get_log("browser"):
            # The browser's own pages have complaints of their own.
            if not entry["message"].startswith("chrome"):
                self.complaints.append(f"{entry['level']} {entry['message']}")
        self.complaints += [f"stopped {one}" for one in self.script("return window.stopped ?? []")]
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = urlsplit(message["params"]["request"]["url"])
                if url.scheme in ("http", "https", "ws", "wss"):
                    self.asked.add(f"{url.scheme}://{url.netloc}")
