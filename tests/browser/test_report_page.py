"""The HTML report in a real browser: it filters, is accessible, needs no script and no network, and fits a phone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
import recorded

from teamsmedic import catalog, content, remediation, runreader
from teamsmedic.report import history_view, html, model, past

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    if os.environ.get("TEAMSMEDIC_BROWSER_MUST_RUN"):
        raise RuntimeError("there is no Chromium: apt-get install --no-install-recommends chromium")
    pytest.skip("needs Chromium (apt-get install --no-install-recommends chromium)", allow_module_level=True)

Ask = Callable[..., object]
HISTORY = 0
"""Its place among the pages, which are else told apart by their number of devices."""


def page(folder: Path, count: int) -> str:
    runs = [runreader.read(recorded.fleet(folder, count).path)]
    return html.page(model.make(runs, catalog.load(), remediation.load(content.root())))


def history(folder: Path) -> str:
    """A page with all that a history can show."""
    for day in range(40):
        hosts = {f"desk-{one:02}": "fixed" if (one + day) % 9 == 0 else "healthy" for one in range(20)}
        hosts |= {"slow": "reverted" if day == 3 else "drifted" if day % 15 == 0 else "healthy"}
        recorded.put(folder, day, {**hosts, "off": "!connected to off: no answer; look.", "blind": "unknown"})
    return history_view.page(past.tell(past.find((), folder), None))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    made = {count: page(tmp_path_factory.mktemp("runs"), count) for count in (3, 40, 1000)}
    return made | {HISTORY: history(tmp_path_factory.mktemp("history"))}


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """What a script says that runs at the end of a page: JSON. `options` go to Chromium."""

    def run(made: str, script: str, *options: str, width: int = 1200) -> object:
        # The page's policy lets only its own script run: the test's must be let in.
        made = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", made)
        file = tmp_path / "page.html"
        said = f"<script>(async () => {{ {script} }})().then(one => {{ const pre = document.createElement('pre'); pre.id = 'said'; pre.textContent = JSON.stringify(one); document.body.append(pre); }})</script>"
        file.write_text(made.replace("</body>", f"{said}</body>"), encoding="utf-8")
        command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
                   f"--window-size={width},900", "--virtual-time-budget=60000", "--dump-dom", *options, file.as_uri()]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
        found = re.search(r'<pre id="said">(.*?)</pre>', done.stdout, re.S)
        assert found, done.stderr[-2000:]
        return json.loads(unescape(found[1]))

    return run


SHOWN = "return [...document.querySelectorAll('.host')].filter(one => !one.hidden).length;"


@pytest.mark.parametrize(
    ("count", "scheme"),
    [(3, "light"), (40, "light"), (40, "dark"), (1000, "light"), (HISTORY, "light"), (HISTORY, "dark")],
)
def test_axe_finds_nothing(pages: dict[int, str], ask: Ask, count: int, scheme: str) -> None:
    # Forty devices have all colours that a thousand have, and contrast is what takes a minute there.
    import axe_core_python

    axe = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    script = f"{axe}; const found = await axe.run({{resultTypes: ['violations'], rules: {{'color-contrast': {{enabled: {'false' if count > 40 else 'true'}}}}}}}); return [getComputedStyle(document.body).backgroundColor, ...found.violations.map(one => one.id + ': ' + one.nodes[0].html)];"

    background, *violations = ask(
        pages[count], script, *(["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else [])
    )

    assert violations == []
    assert background == {"light": "rgb(251, 250, 247)", "dark": "rgb(21, 23, 27)"}[scheme]


def test_filters_work_on_a_thousand_devices_without_a_server(pages: dict[int, str], ask: Ask) -> None:
    script = f"""
        const shown = () => {{ {SHOWN} }};
        const words = document.getElementById('words'), form = document.getElementById('filters');
        const input = () => form.dispatchEvent(new Event('input'));
        const said = [shown()];
        words.value = 'ROOM-0005'; input(); said.push(shown());
        words.value = ''; form.querySelectorAll('input[type=checkbox]').forEach(one => one.checked = one.value === 'drifted'); input(); said.push(shown());
        said.push(document.getElementById('count').textContent);
        return said;
    """

    assert ask(pages[1000], script) == [1000, 1, 40, "40 of 1000 shown"]


def test_without_its_script_everything_is_shown_and_no_filter(pages: dict[int, str], ask: Ask) -> None:
    bare = re.sub(r"<script>.*?</script>", "", pages[1000], flags=re.S)

    assert ask(bare, f"return [document.getElementById('filters').hidden, (() => {{ {SHOWN} }})()]") == [True, 1000]


@pytest.mark.parametrize("count", [3, 1000, HISTORY])
def test_it_fits_a_phone(pages: dict[int, str], ask: Ask, count: int) -> None:
    # A window of Chromium cannot be as narrow as a phone; a frame can.
    script = """
        const text = document.documentElement.outerHTML.replace(/<script>[^]*?<\\/script>/g, ''), phone = document.createElement('iframe');
        phone.width = 360; phone.height = 800;
        document.body.append(phone);
        await new Promise(done => { phone.onload = done; phone.srcdoc = text; });
        const root = phone.contentDocument.documentElement;
        return [root.clientWidth <= 360, root.scrollWidth - root.clientWidth];
    """

    assert ask(pages[count], script) == [True, 0]


def test_its_own_policy_lets_its_own_script_run_and_nothing_be_fetched(pages: dict[int, str], tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(
        pages[3].replace(
            "</main>", "<script>document.title = 'run'</script><img src='http://127.0.0.1:9/x.png'></main>"
        ),
        encoding="utf-8",
    )
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile",
               "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", file.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)

    assert "<title>run</title>" not in done.stdout
    assert '<form id="filters" role="search"' in done.stdout, "its own script shows the filters"
    assert done.stderr.count("violates the following Content Security Policy directive") >= 2
