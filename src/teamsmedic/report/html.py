"""A report as one HTML file that needs no network and no script: for a phone, a desk, paper, light and dark."""

from __future__ import annotations

import base64
import functools
import hashlib

import jinja2
from markupsafe import Markup

from teamsmedic import __version__
from teamsmedic.report import text
from teamsmedic.report.model import HostState, Report, Standing
from teamsmedic.text import clean, value

MEANINGS = {
    Standing.FAILED: "a repair could not be proved, or it stopped in the middle",
    Standing.UNREACHED: "not reached, or nothing is recorded",
    Standing.DRIFTED: "something is wrong there and can be repaired",
    Standing.UNSURE: "blocked, or it could not be told",
    Standing.HELD: "not touched, because of how the waves before went",
    Standing.LEFT: "there was nothing to undo",
    Standing.BACK: "as it was before the repair, and looked at again",
    Standing.FIXED: "repaired, and looked at again",
    Standing.WELL: "nothing to do",
}
CHANGES = 20
"""Changes of one outcome that stand in the page."""


@functools.cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("teamsmedic"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        # What a device said is made harmless wherever it stands; what stands in the template is ours.
        finalize=lambda it: clean(it, 4000) if isinstance(it, str) and not isinstance(it, Markup) else it,
    )  # fmt: skip
    made.globals.update(
        when=text.when, value=value, head=text.head, why=text.why, meanings=MEANINGS, most=CHANGES, quiet=_quiet,
        slug=lambda standing: standing.replace(" ", "-"), version=__version__,
    )  # fmt: skip
    return made


def _quiet(host: HostState) -> bool:
    """Whether there is nothing to tell of a device but that it is well: on paper its name is enough."""
    said = [one for outcome in host.outcomes.values() for one in (*outcome.notes, *outcome.reasons)]
    return host.standing is Standing.WELL and not said


def page(report: Report) -> str:
    """The page. Its policy lets nothing run but its own script, by hash, and nothing be fetched."""
    source = jinja2.PackageLoader("teamsmedic")
    script, style = (source.get_source(_environment(), f"report.{kind}")[0] for kind in ("js", "css"))
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("report.html")
        .render(
            it=report,
            title=report.title,
            script=Markup(script),  # noqa: S704 - a file of ours, which holds nothing of a run
            style=Markup(style),  # noqa: S704 - the same
            policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'",
        )
    )
