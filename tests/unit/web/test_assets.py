"""Static files: a closed set, addresses by content, and vendored files that are what they say."""

import hashlib
import re
from pathlib import Path

import pytest

from gateway.web.assets import STATIC, load_assets
from gateway.web.rendering import TEMPLATES

KRDS = STATIC / "vendor/krds"


def test_address_changes_with_the_content(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("p{}")
    first = load_assets(tmp_path).url("a.css")
    (tmp_path / "a.css").write_text("p{color:red}")
    assert load_assets(tmp_path).url("a.css") != first


def test_modules_that_import_each_other_share_one_version(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text('import "./b.js";')
    (tmp_path / "b.js").write_text("1;")
    first = load_assets(tmp_path)
    (tmp_path / "b.js").write_text("2;")
    assert load_assets(tmp_path).url("a.js") != first.url("a.js")


def test_notes_and_licences_are_not_served() -> None:
    assets = load_assets()
    assert "app.css" in assets.by_name
    assert not [name for name in assets.by_name if name.endswith(".md")]


def test_unknown_name_is_an_error_of_the_template() -> None:
    with pytest.raises(KeyError):
        load_assets().url("missing.css")


def test_vendored_tokens_are_the_ones_that_their_note_names() -> None:
    note = (KRDS / "README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256((KRDS / "tokens.css").read_bytes()).hexdigest()
    assert f"`tokens.css` here | sha256 {digest}" in note
    assert "ISC" in note


def test_style_sheet_uses_only_tokens_that_are_vendored() -> None:
    known = set(re.findall(r"(--krds-[\w-]+):", (KRDS / "tokens.css").read_text(encoding="utf-8")))
    used = set(re.findall(r"var\((--krds-[\w-]+)\)", (STATIC / "app.css").read_text("utf-8")))
    assert used <= known


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_template_has_nothing_inline_and_nothing_remote(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", text)
    assert "|safe" not in text.replace(" ", "")


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda path: path.name)
def test_script_writes_text_never_markup(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for sink in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert sink not in text
    for keeper in ("localStorage", "sessionStorage", "indexedDB", "document.cookie", "caches."):
        assert keeper not in text
