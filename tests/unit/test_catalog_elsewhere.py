"""A code that means something else in another place: which words show that place, and which do not."""

from __future__ import annotations

import pytest

from teamsmedic.catalog import Who, load

CATALOG = load()


@pytest.mark.parametrize(
    ("code", "text", "who"),
    [
        ("0xCAA20004", "The tab of our custom app says CAA20004", Who.TENANT),
        ("CAA20004", "Almost there: this TAB needs more permissions. AADSTS650057", Who.TENANT),
        ("0xCAA20004", "Teams shows CAA20004 when she signs in", None),
        ("0xCAA20004", "a table of who gave consent", None),
        ("0xCAA70004", "errorCode: caa70004, Windows Server 2019, VCRUNTIME140.dll is missing", Who.DEVICE),
        ("0xCAA70004", "errorCode: caa70004 on her laptop", None),
        ("0x80070002", "The backup was not successful. (0x80070002)", Who.NONE),
        ("2147942402", "Teams shows 2147942402 since the last Windows Update", None),
        ("0x80070002", "0x80070002", None),
        ("AADSTS50076", "Outlook asks again and again: AADSTS50076", Who.USER),
        ("AADSTS50126", "The room's Outlook add-in: AADSTS50126", None),
        ("AADSTS50055", "Teams Room: Exchange status AADSTS50055", None),
        ("AADSTS50074", "Teams Room Lobby: AADSTS50074", Who.TENANT),
        ("AADSTS50074", "Outlook: AADSTS50074", None),
        ("AADSTS50155", "Teams Room Lobby: AADSTS50155, the device itself", None),
        ("AADSTS50058", "Teams Room Lobby: AADSTS50058, a normal step", None),
        ("0x80070005", "The backup ended with 0x80070005", Who.NONE),
        ("0x80070005", "Teams update: 0x80070005", None),
        ("0x800F0922", "DISM failed with 0x800f0922", Who.NONE),
        ("SIP 408", "finalSipCode 408, callEndSubReason 0", Who.NETWORK),
        ("SIP 408", "CallEndReason 408, CallEndSubReason 500001", None),
        ("SIP 603", "ended with 0/603", Who.NONE),
        ("SIP 491", "Calling SDK: code 491", Who.NETWORK),
        ("4c7", "status code 4c7, user canceled", Who.USER),
        ("4c7", "user canceled? AD FS shows no prompt: 4c7", None),
        ("1001", "Event 1001, Windows Error Reporting, Fault bucket", Who.NONE),
        ("1001", "Something went wrong [1001]", None),
    ],
)
def test_the_words_around_a_code_show_its_place(code: str, text: str, who: Who | None) -> None:
    [entry] = CATALOG.resolve(code)
    found = [place.verdict.who for place in entry.elsewhere if place.applies(text)]
    assert found == ([who] if who else [])


def test_each_place_differs_from_the_rule_or_says_why() -> None:
    """A place that gave the same verdict for the same reason would be none."""
    for entry in CATALOG.entries.values():
        for place in entry.elsewhere:
            assert place.meaning.text not in [one.text for one in entry.meaning]
