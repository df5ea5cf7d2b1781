"""The page's files, read as text: nothing in them turns what the gateway tells into markup or code, and nothing is
fetched from elsewhere."""

import re

import pytest

from support.gateway import REPOSITORY

WEB = REPOSITORY / "Sources" / "CDashboard" / "web"
FILES = sorted(path for path in WEB.rglob("*") if path.is_file())
CODE = [path for path in FILES if path.suffix in (".js", ".mjs", ".html", ".svg", ".css")]
SCRIPTS = [path for path in FILES if path.suffix in (".js", ".mjs")]
PAGES = [path for path in FILES if path.suffix in (".html", ".svg")]
# Ways by which a text becomes elements, a script or a style.
SINKS = [r"\binnerHTML\b", r"\bouterHTML\b", r"\binsertAdjacentHTML\b", r"\bdocument\s*\.\s*write", r"\beval\s*\(",
         r"\bnew\s+Function\b", r"\bFunction\s*\(", r"\bsetHTML", r"\bcreateContextualFragment\b", r"\bDOMParser\b",
         r"\bsrcdoc\b", r"\bjavascript:", r"\bimport\s*\(", r"\bexecScript\b", r"\bparseHTMLUnsafe\b",
         r"\bset(?:Timeout|Interval)\s*\(\s*['\"`]", r"setAttribute\(\s*['\"`]on", r"\.on\w+\s*=\s*['\"`]",
         r"\bpostMessage\b", r"\bimportScripts\b", r"\bcssText\b", r"setAttribute\(\s*['\"`](?:style|href|src|xlink:href)['\"`]\s*,\s*`"]


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)
def test_no_text_becomes_markup(path):
    text = path.read_text()
    found = [match[0] for sink in SINKS for match in re.finditer(sink, text)]
    assert not found, found


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path):
    """Links to follow by hand are no requests; names of XML's vocabularies are no addresses."""
    text = re.sub(r"https?://www\.w3\.org/\d+/\w+", "", path.read_text())
    text = re.sub(r"<a\s[^>]*>", "", text)
    assert not re.findall(r"""(?:https?:|wss?:)?//[a-z0-9.-]+\.[a-z]{2,}""", re.sub(r"^\s*(//|\*|/\*).*$", "", text, flags=re.M))
    assert not re.findall(r"@import|url\(\s*['\"]?(?!data:|#)", text) or path.suffix == ".js"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_have_no_scripts_or_styles_of_their_own(path):
    """The content security policy would not run them."""
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", text) and not re.search(r"\son\w+\s*=", text)
    assert not re.search(r"<style\b|\sstyle\s*=", text)
