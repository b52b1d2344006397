"""The reference pages: all of them, linked, found by words, and harmless."""

from __future__ import annotations

import re
from pathlib import Path

from teamsmedic import catalog, content, reference, remediation


def test_every_code_cause_and_remediation_has_a_page_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    count = reference.write(content.root(), tmp_path)
    pages = {path.relative_to(tmp_path).as_posix(): path.read_text("utf-8") for path in tmp_path.rglob("*.html")}
    known = catalog.load()
    assert count == len(pages)
    wanted = {f"codes/{reference.slug(code.text)}.html" for code in known.entries}
    wanted |= {f"causes/{name}.html" for name in known.causes}
    wanted |= {f"remediations/{name}.html" for name in remediation.load(content.root())}
    wanted |= {"codes/AADSTS50034.html", "index.html"}
    assert wanted <= set(pages)
    for name, text in pages.items():
        for link in re.findall(r'href="([^"#]+)"', text):
            if not link.startswith("https://"):
                assert (tmp_path / name).parent.joinpath(link).resolve().is_file(), f"{name}: {link}"
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert 'lang="en"' in text


def test_the_index_finds_by_any_spelling_and_needs_no_network(tmp_path: Path) -> None:
    reference.write(content.root(), tmp_path)
    index = (tmp_path / "index.html").read_text("utf-8")
    [row] = [line for line in index.splitlines() if "codes/0x80070002.html" in line]
    assert "2147942402" in row
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", index)


def test_what_an_author_writes_is_text(tmp_path: Path) -> None:
    import shutil

    shutil.copytree(content.root() / "catalog", tmp_path / "catalog")
    shutil.copytree(content.root() / "remediations", tmp_path / "remediations")
    file = tmp_path / "catalog/causes.yaml"
    file.write_text(
        file.read_text("utf-8").replace("TLS 1.2 is switched off on the device", "<script>alert(1)</script>")
    )
    reference.write(tmp_path, tmp_path / "out")
    assert "<script>alert" not in (tmp_path / "out/causes/tls12_disabled.html").read_text()
