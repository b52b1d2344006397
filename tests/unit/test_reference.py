"""The reference: a page for everything, and no way that leads nowhere."""

from __future__ import annotations

import html.parser
from pathlib import Path, PurePosixPath

import pytest

from teamsmedic import catalog, content, reference, remediation
from teamsmedic.codes import spellings
from teamsmedic.errors import RequestError

CATALOG = catalog.load()
REMEDIATIONS = remediation.load(content.root())
PAGES = reference.pages(CATALOG, REMEDIATIONS)


class _Page(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.rows: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [found.get("href") or found.get("src") or ""] if {"href", "src"} & set(found) else []
        self.rows += [found["data-words"] or ""] if "data-words" in found else []
        if tag not in ("meta", "link", "input", "hr", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_code_cause_and_remediation_has_a_page() -> None:
    wanted = {f"codes/{reference.slug(code)}.html" for code in CATALOG.entries}
    wanted |= {f"causes/{cause}.html" for cause in CATALOG.causes}
    wanted |= {f"remediations/{one}.html" for one in REMEDIATIONS}

    assert wanted - set(PAGES) == set()


def test_what_the_tables_of_the_spaces_name_has_a_page_too() -> None:
    assert {f"codes/{name}.html" for name in ("aadsts53000", "560403", "0xcaa30197", "sip-580", "q.850-16")} <= set(
        PAGES
    )


@pytest.mark.parametrize("path", [path for path in PAGES if path.endswith(".html")])
def test_every_way_leads_to_a_page_or_to_an_https_address(path: str) -> None:
    page = _Page(PAGES[path])

    for link in page.links:
        if not link.startswith("https://"):
            parts: list[str] = []
            for part in (PurePosixPath(path).parent / link).parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in PAGES, f"{path} leads to {link}"
    assert page.open == []


def test_every_code_is_found_by_every_spelling_in_the_search() -> None:
    rows = _Page(PAGES["index.html"]).rows

    for entry in CATALOG.entries.values():
        for written in (entry.code.text, *spellings(entry.code), *entry.also_written):
            assert any(written.lower() in row for row in rows), written


def test_a_page_tells_confidence_sources_and_dates() -> None:
    page = PAGES["codes/aadsts53003.html"]

    assert "[documented, as of 2024-04-24:" in page
    assert "https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes" in page
    assert "causes/conditional_access_blocks.html" in page


def test_a_code_with_another_meaning_elsewhere_tells_the_words_that_show_it() -> None:
    assert "vcruntime140.dll" in PAGES["codes/0xcaa70004.html"]


def test_a_remediation_brings_its_own_readme() -> None:
    assert "<h2>What the user notices</h2>" in PAGES["remediations/tls12_usable.html"]


def test_the_pages_are_written_anew(tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "reference"
    reference.write(folder)
    (folder / "codes" / "old.html").touch()

    assert reference.write(folder) == folder / "index.html"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.html")} == {
        path for path in PAGES if path.endswith(".html")
    }


def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()

    with pytest.raises(RequestError, match="holds other files"):
        reference.write(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_text_of_the_content_is_text_in_a_page() -> None:
    assert "<script>" not in PAGES["codes/1001.html"]
    assert "Something went wrong [1001]" in PAGES["codes/1001.html"].replace("&#34;", '"')
