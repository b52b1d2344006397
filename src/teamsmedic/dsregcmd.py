"""Reads the text that `dsregcmd /status` and `dsregcmd /status /debug` print.

The text comes from a device or from a user's session and is untrusted: what is read of it is bounded, what is shown of
it is harmless, and nothing in it raises an error. Form and meaning of the fields, called "the page" here (June 2025):
https://learn.microsoft.com/entra/identity/devices/troubleshoot-device-dsregcmd
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from teamsmedic.outcome import Json
from teamsmedic.text import clean

MAX_TEXT = 262_144
"""Characters that are read; a real report has six to thirty thousand."""
MAX_LINES = 4000
MAX_LINE = 8192
MAX_SECTIONS = 64
"""Sections that are kept, and work accounts that are kept."""
UNNAMED = "unnamed"
"""The section of what stands before the first title or below a title without a Latin letter or digit."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 /-]{0,63}", re.A)
_WORD = re.compile(r"[A-Z]+[0-9]*(?![a-z])|[A-Z]?[a-z]+[0-9]*|[0-9]+", re.A)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} UTC", re.A)
_CODE = re.compile(r"\b0x([0-9a-f]{1,8})\b", re.I | re.A)
_PLACE = re.compile(r"(?:^|_)(?:proxy|url|uri)(?:_|$)")
_USER_OF_PLACE = re.compile(r".*@")
_USER_OF_URL = re.compile(r"://\S*@")
"""What stands before the host may be a password, and is nothing that a decision needs."""
_GUID = re.compile(r"\{ *([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) *\}", re.I | re.A)
_ENTRA = re.compile(r"AADSTS\d{4,8}")
_UPN = re.compile(r"[^\s@\\]+@[^\s@\\]+")

_BLOCKS = ("acquire_prt_diagnostics", "refresh_prt_diagnostics")
_SSO = ("azure_ad_prt", "enterprise_prt", "on_prem_tgt", "cloud_tgt", "kerb_top_level_names")
"""How the names of SSO State's own fields begin: one of them ends a block of diagnostics, which prints no end."""

_WAM_PROVIDERS = {
    "B16898C6-A148-4967-9171-64D755DA8520": "entra",
    "D7F9888F-E3FC-49B0-9EA6-A85B5F392A4F": "microsoft_account",
}
_CONTEXTS = {"SYSTEM": "system", "UN-ELEVATED USER": "user", "ELEVATED USER": "elevated_user"}
_JOIN_TESTS = {
    "ad_connectivity": "ad_connectivity_test",
    "ad_configuration": "ad_configuration_test",
    "drs_discovery": "drs_discovery_test",
    "drs_connectivity": "drs_connectivity_test",
    "token_acquisition": "token_acquisition_test",
}


def parse(text: str) -> dict[str, Json]:
    """The report by section and field, both named in snake_case: `{"device_state": {"azure_ad_joined": "YES"}}`.

    Values are the printed text, trimmed, in one line, at most 2000 characters, `***` for what stands before an @ in a
    proxy or a URL; None where nothing is printed after the colon. Sections are those that were found, and always
    `work_accounts`: a list, the fields of each Work Account n. Diagnostics of the PRT lie one level deeper in their
    section, since their fields repeat: `acquire_prt_diagnostics`, `refresh_prt_diagnostics`, and the same with
    `enterprise_` before where they stand below EnterprisePrt (the page: there they are of the PRT of AD FS). A field
    that is printed twice in a section counts as it stood first: a server's message may run over several lines that
    look like fields (Correlation ID).

    Reads at most `MAX_TEXT` characters and `MAX_LINES` lines and never raises.
    """
    sections: dict[str, Json] = {}
    accounts: list[Json] = []
    section: dict[str, Json] = {}
    block: dict[str, Json] | None = None
    owner = ""
    for line in _lines(text):
        if (title := _title(line)) is not None:
            block, owner = None, ""
            if title.startswith("work_account"):
                section = {}
                if len(accounts) < MAX_SECTIONS:
                    accounts.append(section)
            else:
                section = _section(sections, title)
            continue
        if (pair := _field(line)) is None:
            continue
        key, value = pair
        if not sections and not accounts:
            section = _section(sections, UNNAMED)
        if key.startswith(_SSO):
            block = None
        if key.startswith("azure_ad_prt"):
            owner = ""
        elif key.startswith("enterprise_prt"):
            owner = "enterprise_"
        if key in _BLOCKS and value is not None and value.upper() == "PRESENT":
            block = {}
            section.setdefault(owner + key, block)
        else:
            (section if block is None else block).setdefault(key, value)
    return {**sections, "work_accounts": accounts}


def summary(parsed: dict[str, Json]) -> dict[str, Json]:
    """What a report says that decisions need, of what `parse` gave; None where it is not said or not understood.

    Device:
    * `join`: `entra`, `hybrid`, `domain`, `onpremises` (DRS of AD FS), `registered` (the user's account only), `none`;
      None for a combination that the page's table does not have. `device_name`, `domain_name`: text.
    * `virtual_desktop`: `not_set`, `yes`, `invalid`.
    * `device_id`, `tenant_id`, `tenant_name`, `key_provider`: text. Of the joined device; those of a registered one
      stand in `work_accounts`. `tpm_protected`: bool. `certificate_from`, `certificate_until`: unix seconds.
    * `device_auth`: `success`, `disabled_or_deleted`, `error` (the test could not be made); `device_auth_detail`: as
      printed; `device_auth_error`: the code in it.
    * `key_sign_test`: `passed`, `failed`, `not_elevated`; `key_sign_test_detail`: as printed. `recovery_needed`: bool,
      the keys are unusable and the next sign-in registers the device again.
    * `mdm_url`: text; says what the tenant is set up for, never that the device is enrolled.

    User, each only true for the session that the command ran in (over WinRM: not for the person at the desk):
    * `executing_account`: the UPN; `executing_name`: DOMAIN\\name. What a computer account has for a UPN is none.
    * `prt`, `enterprise_prt`, `on_prem_tgt`, `cloud_tgt`, `workplace_joined`, `ngc_set`, `is_user_entra`: bool.
    * `prt_updated`, `prt_expires`, `enterprise_prt_updated`, `enterprise_prt_expires`: unix seconds.
      `prt_authority`: URL.
    * `prt_diagnostics`, `enterprise_prt_diagnostics`: of the last attempt that failed after the last success:
      `kind` (`acquire`, `refresh`), `attempted_at` (unix seconds), `status` (code), `user` (another's on a shared PC),
      `credential_type`, `correlation_id`, `endpoint`, `method`, `http_error` (code of WinHTTP), `http_status` (number),
      `server_code`, `server_description`.
    * `wam_default_set`: `yes`, `no`, `error`; `wam_default_error`: code; `wam_default_authority`: text;
      `wam_default_guid`: in capitals without braces; `wam_default_provider`: `entra`, `microsoft_account`.
    * `can_reset`: text. `work_account_count`: number. `work_accounts`: a list of `device_id`, `tenant_id`,
      `tenant_name`, `key_provider`, `tpm_protected`, `certificate_from`, `certificate_until`, `ngc_set`, as above.

    Join that failed (domain-joined devices):
    * `user_context`: `system` (the one that counts), `user`, `elevated_user`. `client_time`, `previous_registration`:
      unix seconds. `fallback_to_sync_join`: bool. `registration_type`, `server_message`, `request_id`: text.
    * `join_tests`: `ad_connectivity`, `ad_configuration`, `drs_discovery`, `drs_connectivity`, `token_acquisition`,
      each None or `{"result": "pass" | "fail" | "skipped", "codes": [...]}`; None where none of them is printed.
    * `error_phase`: `pre-check`, `discover`, `auth`, `join`; `client_error`: code; `server_error`: code or word;
      `https_status`: number. `join` with 0x801C03F2 and DirectoryError is the wait for a sync, no fault (the page).

    Proxy: `ie_auto_detect`: bool; `ie_pac_url`, `ie_proxy`, `ie_bypass`, `winhttp_access`, `winhttp_proxy`,
    `winhttp_bypass`: text. Windows Hello: `ngc_policy_enabled`, `session_is_local`, `ngc_will_provision`: bool;
    `cert_enrollment`: text.

    Codes are `0x` and capitals, eight digits above 0xFFFF. A field is looked for in its section and then in the others,
    since builds and the page differ in where it is printed; not so where the same name means another thing elsewhere
    (proxies of another account, CloudTGT below Ngc Prerequisite Check). Never raises, also for what `parse` never gave.
    """

    def text(home: str, key: str) -> str | None:
        return _look(parsed, home, key, drift=True)

    def here(home: str, key: str) -> str | None:
        return _look(parsed, home, key, drift=False)

    state, details, tenant, user, sso = ("device_state", "device_details", "tenant_details", "user_state", "sso_state")
    data, ngc = "diagnostic_data", "ngc_prerequisite_check"
    ie, winhttp = "ie_proxy_config_for_current_user", "winhttp_default_proxy_config"
    device_auth = text(details, "device_auth_status")
    key_sign_test = text(data, "key_sign_test")
    wam = text(user, "wam_default_set")
    guid = _GUID.search(text(user, "wam_default_guid") or "")
    account = [one.strip() for one in (text(data, "executing_account_name") or "").split(",")]
    accounts = parsed.get("work_accounts")
    return {
        "join": _join(
            _flag(text(state, "azure_ad_joined")),
            _flag(text(state, "enterprise_joined")),
            _flag(text(state, "domain_joined")),
            _flag(text(user, "workplace_joined")),
        ),
        "device_name": text(state, "device_name"),
        "domain_name": text(state, "domain_name"),
        "virtual_desktop": _one_of(text(state, "virtual_desktop"), ("not_set", "yes", "invalid")),
        "device_id": text(details, "device_id"),
        "tenant_id": text(tenant, "tenant_id"),
        "tenant_name": text(tenant, "tenant_name"),
        **_certificate(text(details, "device_certificate_validity")),
        "tpm_protected": _flag(text(details, "tpm_protected")),
        "key_provider": text(details, "key_provider"),
        "device_auth": _device_auth(device_auth),
        "device_auth_detail": device_auth,
        "device_auth_error": _code(device_auth),
        "key_sign_test": _key_sign_test(key_sign_test),
        "key_sign_test_detail": key_sign_test,
        "recovery_needed": _flag(text(data, "aad_recovery_enabled")),
        "mdm_url": text(tenant, "mdm_url"),
        "executing_account": next((one for one in account if _UPN.fullmatch(one) and "$@" not in one), None),
        "executing_name": next((one for one in account if "\\" in one), None),
        "prt": _flag(text(sso, "azure_ad_prt")),
        "prt_updated": _time(text(sso, "azure_ad_prt_update_time")),
        "prt_expires": _time(text(sso, "azure_ad_prt_expiry_time")),
        "prt_authority": _unless_no(text(sso, "azure_ad_prt_authority")),
        "prt_diagnostics": _diagnostics(parsed, ""),
        "enterprise_prt": _flag(text(sso, "enterprise_prt")),
        "enterprise_prt_updated": _time(text(sso, "enterprise_prt_update_time")),
        "enterprise_prt_expires": _time(text(sso, "enterprise_prt_expiry_time")),
        "enterprise_prt_diagnostics": _diagnostics(parsed, "enterprise_"),
        "on_prem_tgt": _flag(here(sso, "on_prem_tgt")),
        "cloud_tgt": _flag(here(sso, "cloud_tgt")),
        "workplace_joined": _flag(text(user, "workplace_joined")),
        "ngc_set": _flag(text(user, "ngc_set")),
        "can_reset": text(user, "can_reset"),
        "is_user_entra": _flag(text(ngc, "is_user_azure_ad")),
        "wam_default_set": _one_of(wam and wam.split()[0], ("yes", "no", "error")),
        "wam_default_error": _code(wam),
        "wam_default_authority": text(user, "wam_default_authority"),
        "wam_default_guid": guid and guid[1].upper(),
        "wam_default_provider": guid and _WAM_PROVIDERS.get(guid[1].upper()),
        "work_account_count": _number(text(user, "work_account_count")),
        "work_accounts": [_work_account(one) for one in accounts if isinstance(one, dict)]
        if isinstance(accounts, list)
        else [],
        "user_context": _CONTEXTS.get((text(data, "user_context") or "").upper()),
        "client_time": _time(text(data, "client_time")),
        "join_tests": _join_tests({name: text(data, key) for name, key in _JOIN_TESTS.items()}),
        "fallback_to_sync_join": {"ENABLED": True, "DISABLED": False}.get(
            (text(data, "fallback_to_sync_join") or "").upper()
        ),
        "previous_registration": _time(text(data, "previous_registration")),
        "registration_type": text(data, "registration_type"),
        "error_phase": _one_of(text(data, "error_phase"), ("pre-check", "discover", "auth", "join")),
        "client_error": _code(text(data, "client_error_code")),
        "server_error": _code_or_text(text(data, "server_error_code")),
        "server_message": text(data, "server_message"),
        "https_status": _number(text(data, "https_status")),
        "request_id": text(data, "request_id"),
        "ie_auto_detect": _flag(here(ie, "auto_detect_settings")),
        "ie_pac_url": here(ie, "auto_configuration_url"),
        "ie_proxy": here(ie, "proxy_server_list"),
        "ie_bypass": here(ie, "proxy_bypass_list"),
        "winhttp_access": here(winhttp, "access_type"),
        "winhttp_proxy": here(winhttp, "proxy_server_list"),
        "winhttp_bypass": here(winhttp, "proxy_bypass_list"),
        "ngc_policy_enabled": _flag(text(ngc, "policy_enabled")),
        "session_is_local": _flag(text(ngc, "session_is_not_remote")),
        "cert_enrollment": text(ngc, "cert_enrollment"),
        "ngc_will_provision": {"WILLPROVISION": True, "WILLNOTPROVISION": False}.get(
            (text(ngc, "pre_req_result") or "").replace(" ", "").upper()
        ),
    }


def token(summary: Mapping[str, Json]) -> bool | None:
    """Whether the person has a PRT whose session a `summary` is of; None where the report does not tell.

    NO tells nothing where none is shown: the token of a registration belongs to WAM, on a domain's device too, and a
    local account never has one. (`IsUserAzureAD : NO` is no sign of a local one: it is so for whoever got no token.)
    https://learn.microsoft.com/entra/identity/devices/concept-primary-refresh-token
    """
    prt = summary.get("prt")
    if prt is not False:
        return True if prt is True else None
    domain, _, name = str(summary.get("executing_name") or "").partition("\\")
    computer = str(summary.get("device_name") or "").partition(".")[0]
    if name and computer and domain.casefold() == computer.casefold():
        return None
    join = summary.get("join")
    return False if join in ("entra", "hybrid") or (join == "domain" and not summary.get("workplace_joined")) else None


def refusal(summary: Mapping[str, Json]) -> str | None:
    """The code that the last attempt to get a PRT ended with since the last success, of Entra or else of Windows.

    None where there was none, or where it was another person's than the report is of, as on a shared PC.
    """
    attempt = summary.get("prt_diagnostics")
    if not isinstance(attempt, dict):
        return None
    names = [str(one).casefold() for one in (attempt.get("user"), summary.get("executing_account")) if one]
    if len(names) == 2 and names[0] != names[1]:
        return None
    told = _ENTRA.search(str(attempt.get("server_description")))
    return told[0] if told else _text(attempt.get("status"))


def _lines(text: str) -> Iterator[str]:
    # Not str.splitlines: a form feed or U+2028 in a server's message must not begin a line.
    for line in text[:MAX_TEXT].removeprefix("\ufeff").split("\n", MAX_LINES)[:MAX_LINES]:
        yield line[:MAX_LINE].strip()


def _title(line: str) -> str | None:
    return _snake(line.strip("|")) or UNNAMED if len(line) > 1 and line[0] == line[-1] == "|" else None


def _field(line: str) -> tuple[str, str | None] | None:
    # The name is at the right of 26 columns and " : " follows, but one field and whole older builds print no blank
    # before the colon. No name has a colon in it, so the first one splits; with no blank behind, it is one of a URL.
    name, colon, value = line.partition(":")
    name = name.strip()
    second = value.lstrip()
    if second == ":" or second.startswith(": "):  # "KeySignTest: : MUST Run elevated to test." in builds of 2017
        value = second[1:]
    if not colon or (value and not value[0].isspace()) or not _NAME.fullmatch(name):
        return None
    key = _snake(name)
    value = _USER_OF_PLACE.sub(" ***@", value) if _PLACE.search(key) else _USER_OF_URL.sub("://***@", value)
    return key, clean(value.strip()) or None


def _snake(name: str) -> str:
    words = _WORD.findall(name[:256].replace("WinHttp", "Winhttp"))
    return "_".join(words).lower()[:64]


def _section(sections: dict[str, Json], title: str) -> dict[str, Json]:
    if title not in sections and len(sections) >= MAX_SECTIONS:
        return {}
    found: dict[str, Json] = sections.setdefault(title, {})
    return found


def _look(parsed: dict[str, Json], home: str, key: str, *, drift: bool) -> str | None:
    first = parsed.get(home)
    if isinstance(first, dict) and key in first:
        return _text(first[key])
    others = parsed.values() if drift else ()
    return next((_text(one[key]) for one in others if isinstance(one, dict) and key in one), None)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _join(entra: bool | None, enterprise: bool | None, domain: bool | None, workplace: bool | None) -> str | None:
    # An older build that prints no EnterpriseJoined is as good as NO where AzureAdJoined is YES: never both (the page).
    if entra:
        return None if enterprise or domain is None else "hybrid" if domain else "entra"
    if entra is None or enterprise is None or domain is None:
        return None
    if enterprise:
        return "onpremises" if domain else None
    if domain:
        return "domain"
    return None if workplace is None else "registered" if workplace else "none"


def _device_auth(text: str | None) -> str | None:
    upper = (text or "").upper()
    if upper == "SUCCESS":
        return "success"
    if not upper.startswith("FAILED"):
        return None
    return "disabled_or_deleted" if "DISABLED OR DELETED" in upper else "error"


def _key_sign_test(text: str | None) -> str | None:
    upper = (text or "").upper()
    if upper.startswith("FAILED"):
        return "failed"
    return "passed" if upper.startswith("PASSED") else "not_elevated" if "ELEVATED" in upper else None


def _certificate(text: str | None) -> dict[str, Json]:
    start, _, end = (text or "").strip("[] ").partition(" -- ")
    return {"certificate_from": _time(start), "certificate_until": _time(end)}


def _diagnostics(parsed: dict[str, Json], owner: str) -> dict[str, Json] | None:
    found = []
    for kind, key in zip(("acquire", "refresh"), _BLOCKS, strict=True):
        blocks = (one.get(owner + key) for one in parsed.values() if isinstance(one, dict))
        if block := next((one for one in blocks if isinstance(one, dict)), None):
            found.append(_attempt(kind, block))
    return max(found, key=lambda one: (one["attempted_at"] is not None, one["attempted_at"] or 0), default=None)


def _attempt(kind: str, block: dict[str, Json]) -> dict[str, Json]:
    def text(key: str) -> str | None:
        return _text(block.get(key))

    return {
        "kind": kind,
        "attempted_at": _time(text("previous_prt_attempt")),
        "status": _code(text("attempt_status")),
        "user": text("user_identity"),
        "credential_type": text("credential_type"),
        "correlation_id": text("correlation_id"),
        "endpoint": text("endpoint_uri"),
        "method": text("http_method"),
        "http_error": _code_or_text(text("http_error")),
        "http_status": _number(text("http_status")),
        "server_code": text("server_error_code"),
        "server_description": text("server_error_description"),
    }


def _work_account(account: dict[str, Json]) -> dict[str, Json]:
    def text(key: str) -> str | None:
        return _text(account.get(key))

    return {
        "device_id": text("workplace_device_id"),
        "tenant_id": text("workplace_tenant_id"),
        "tenant_name": text("workplace_tenant_name"),
        "key_provider": text("key_provider"),
        "tpm_protected": _flag(text("tpm_protected")),
        **_certificate(text("device_certificate_validity")),
        "ngc_set": _flag(text("ngc_set")),
    }


def _join_tests(printed: dict[str, str | None]) -> dict[str, Json] | None:
    if not any(printed.values()):
        return None
    tests: dict[str, Json] = {}
    for name, text in printed.items():
        result = _one_of(text and text.split()[0], ("pass", "fail", "skipped"))
        codes = [_hexadecimal(one) for one in _CODE.findall(text or "")]
        tests[name] = {"result": result, "codes": codes} if result else None
    return tests


def _flag(text: str | None) -> bool | None:
    # LogonCertTemplateReady is the model: "YES ( StateReady )".
    return {"YES": True, "NO": False}.get(text.split()[0].upper()) if text else None


def _one_of(text: str | None, known: tuple[str, ...]) -> str | None:
    wanted = (text or "").lower()
    return next((one for one in known if wanted in (one, one.replace("_", " "))), None)


def _unless_no(text: str | None) -> str | None:
    return None if text is None or text.upper() == "NO" else text


def _time(text: str | None) -> int | None:
    if text is None or not _TIME.fullmatch(text):
        return None
    try:
        return int(datetime.fromisoformat(f"{text[:19]}+00:00").timestamp())
    except ValueError:  # the 31st of February
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 9 else None


def _hexadecimal(digits: str) -> str:
    number = int(digits, 16)
    return f"0x{number:08X}" if number > 0xFFFF else f"0x{number:X}"


def _code(text: str | None) -> str | None:
    found = _CODE.search(text or "")
    return _hexadecimal(found[1]) if found else None


def _code_or_text(text: str | None) -> str | None:
    found = _CODE.fullmatch(text or "")
    return _hexadecimal(found[1]) if found else text
