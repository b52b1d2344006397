"""Reports of dsregcmd read: every sample with all that is said of it, other forms of the same, and hostile text."""

from __future__ import annotations

import json
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teamsmedic.dsregcmd import MAX_SECTIONS, parse, summary

SAMPLES = Path(__file__).with_name("dsregcmd")
NOTHING = summary(parse(""))

TENANT = "5f0d2a6e-1111-4222-8333-9a0b1c2d3e4f"
MDM = "https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc"
TPM = "Microsoft Platform Crypto Provider"
PASSED = {"result": "pass", "codes": []}
SKIPPED = {"result": "skipped", "codes": []}
DEVICE = {
    "virtual_desktop": "not_set",
    "device_id": "0b7c7a52-aaaa-4bbb-8ccc-1234567890ab",
    "tenant_id": TENANT,
    "certificate_from": 1738574047,
    "certificate_until": 2054108647,
    "tpm_protected": True,
    "key_provider": TPM,
    "device_auth": "success",
    "device_auth_detail": "SUCCESS",
    "key_sign_test": "passed",
    "key_sign_test_detail": "PASSED",
    "recovery_needed": False,
    "mdm_url": MDM,
}
WAM = {
    "wam_default_set": "yes",
    "wam_default_authority": "organizations",
    "wam_default_guid": "B16898C6-A148-4967-9171-64D755DA8520",
    "wam_default_provider": "entra",
}
NO_PROXY = {"ie_auto_detect": True, "winhttp_access": "DIRECT"}
HELLO_OFF = {
    "ngc_policy_enabled": False,
    "session_is_local": True,
    "cert_enrollment": "none",
    "ngc_will_provision": False,
}
NOBODY = {"prt": False, "enterprise_prt": False, "ngc_set": False}

EXPECTED = {
    "entra_healthy": {
        **DEVICE,
        **WAM,
        **NO_PROXY,
        **HELLO_OFF,
        "join": "entra",
        "device_name": "LT-0417",
        "tenant_name": "Fabrikam Demo",
        "executing_account": "alex@fabrikam.example",
        "executing_name": "AzureAD\\AlexWilber",
        "prt": True,
        "prt_updated": 1789368751,
        "prt_expires": 1790578350,
        "prt_authority": f"https://login.microsoftonline.com/{TENANT}",
        "enterprise_prt": False,
        "on_prem_tgt": False,
        "cloud_tgt": True,
        "workplace_joined": False,
        "ngc_set": True,
        "can_reset": "DestructiveAndNonDestructive",
        "is_user_entra": True,
    },
    "hybrid_wrong_password": {
        **DEVICE,
        **WAM,
        **NO_PROXY,
        **HELLO_OFF,
        **NOBODY,
        "join": "hybrid",
        "device_name": "WS-2210.corp.fabrikam.example",
        "domain_name": "FABRIKAM",
        "executing_account": "kim@fabrikam.example",
        "executing_name": "FABRIKAM\\kim",
        "prt_authority": f"https://login.microsoftonline.com/{TENANT}",
        "prt_diagnostics": {
            "kind": "acquire",
            "attempted_at": 1789364412,
            "status": "0xC000006D",
            "user": "kim@fabrikam.example",
            "credential_type": "Password",
            "correlation_id": "2c9a7be0-5e5e-4d4d-8c8c-7f7f6e6e5d5d",
            "endpoint": f"https://login.microsoftonline.com/{TENANT}/oauth2/token",
            "method": "POST",
            "http_error": "0x0",
            "http_status": 400,
            "server_code": "invalid_grant",
            "server_description": "AADSTS50126: Error validating credentials due to invalid username or password.",
        },
        "workplace_joined": False,
        "is_user_entra": True,
        "ie_pac_url": "http://pac.corp.fabrikam.example/proxy.pac",
    },
    "registered": {
        **NO_PROXY,
        **HELLO_OFF,
        **NOBODY,
        "join": "registered",
        "device_name": "HOME-PC7",
        "virtual_desktop": "not_set",
        "workplace_joined": True,
        "wam_default_set": "no",
        "is_user_entra": False,
        "work_account_count": 1,
        "work_accounts": [
            {
                "device_id": "9e8d7c6b-5a49-4838-a726-150403020100",
                "tenant_id": TENANT,
                "tenant_name": "Fabrikam Demo",
                "key_provider": TPM,
                "tpm_protected": True,
                "certificate_from": 1779278504,
                "certificate_until": 2094899504,
                "ngc_set": False,
            }
        ],
    },
    "domain_discovery_fails": {
        **NO_PROXY,
        **HELLO_OFF,
        **NOBODY,
        "join": "domain",
        "device_name": "WS-3301.corp.fabrikam.example",
        "domain_name": "FABRIKAM",
        "virtual_desktop": "not_set",
        "workplace_joined": False,
        "wam_default_set": "no",
        "is_user_entra": False,
        "user_context": "system",
        "client_time": 1789369380,
        "join_tests": {
            "ad_connectivity": PASSED,
            "ad_configuration": PASSED,
            "drs_discovery": {"result": "fail", "codes": ["0x801C0021", "0x80072EE2"]},
            "drs_connectivity": SKIPPED,
            "token_acquisition": SKIPPED,
        },
        "fallback_to_sync_join": True,
        "previous_registration": 1789367588,
        "error_phase": "discover",
        "client_error": "0x801C0021",
    },
    "entra_over_winrm": {
        **DEVICE,
        **NOBODY,
        "join": "entra",
        "device_name": "LT-0417",
        "tenant_name": "Fabrikam Demo",
        "executing_name": "LT-0417\\svc-teamsfix",
        "workplace_joined": False,
        "wam_default_set": "error",
        "wam_default_error": "0x80070520",
    },
    "domain_waiting_for_sync": {
        "join": "domain",
        "domain_name": "FABRIKAM",
        "executing_name": "FABRIKAM\\WS-3302$",
        "workplace_joined": True,
        "ngc_set": False,
        "wam_default_set": "yes",
        "wam_default_authority": "consumers",
        "wam_default_guid": "D7F9888F-E3FC-49B0-9EA6-A85B5F392A4F",
        "wam_default_provider": "microsoft_account",
        "is_user_entra": False,
        "work_account_count": 2,
        "work_accounts": [
            {
                "device_id": "9e8d7c6b-5a49-4838-a726-150403020100",
                "tenant_id": TENANT,
                "tenant_name": "Fabrikam Demo",
                "key_provider": TPM,
                "tpm_protected": True,
                "certificate_from": 1779278504,
                "certificate_until": 2094899504,
                "ngc_set": True,
            },
            {
                "device_id": "8d7c6b5a-4938-4727-9615-040302010009",
                "tenant_id": "4e0d2a6e-1111-4222-8333-9a0b1c2d3e4f",
                "tenant_name": None,
                "key_provider": "Microsoft Software Key Storage Provider",
                "tpm_protected": False,
                "certificate_from": 1779364904,
                "certificate_until": 2094985904,
                "ngc_set": False,
            },
        ],
        "user_context": "elevated_user",
        "client_time": 1789369380,
        "join_tests": {
            "ad_connectivity": PASSED,
            "ad_configuration": PASSED,
            "drs_discovery": PASSED,
            "drs_connectivity": PASSED,
            "token_acquisition": PASSED,
        },
        "fallback_to_sync_join": False,
        "previous_registration": 1789367588,
        "registration_type": "sync",
        "error_phase": "join",
        "client_error": "0x801C03F2",
        "server_error": "DirectoryError",
        "server_message": "The device object by the given id (1d2c3b4a-5e6f-4a7b-8c9d-0e1f2a3b4c5d) is not found.",
        "https_status": 400,
        "request_id": "7a6b5c4d-3e2f-4a1b-9c8d-7e6f5a4b3c2d",
        "winhttp_access": "NAMED_PROXY",
        "winhttp_proxy": "proxy.fabrikam.example:8080",
        "winhttp_bypass": "<local>;*.fabrikam.example",
        "ngc_policy_enabled": True,
        "session_is_local": False,
        "cert_enrollment": "enrollment authority",
        "ngc_will_provision": True,
    },
    "hybrid_failures_of_both_tokens": {
        "join": "hybrid",
        "device_name": "WS-2211.corp.fabrikam.example",
        "domain_name": "FABRIKAM",
        "virtual_desktop": "yes",
        "device_id": "1b7c7a52-aaaa-4bbb-8ccc-1234567890ab",
        "tpm_protected": False,
        "key_provider": "Microsoft Software Key Storage Provider",
        "device_auth": "disabled_or_deleted",
        "device_auth_detail": "FAILED. Device is either disabled or deleted",
        "key_sign_test": "failed",
        "key_sign_test_detail": "FAILED. Error: 0x80090016",
        "recovery_needed": True,
        "executing_account": "lee@fabrikam.example",
        "executing_name": "FABRIKAM\\lee",
        "prt": True,
        "prt_updated": 1789278012,
        "prt_expires": 1790487612,
        "prt_authority": f"https://login.microsoftonline.com/{TENANT}",
        "prt_diagnostics": {
            "kind": "refresh",
            "attempted_at": 1789368012,
            "status": "0xC000023C",
            "user": "lee@fabrikam.example",
            "credential_type": "NGC",
            "correlation_id": "00000000-0000-0000-0000-000000000000",
            "endpoint": "https://login.microsoftonline.com/common/oauth2/token",
            "method": "POST",
            "http_error": "0x80072EE7",
            "http_status": 0,
            "server_code": None,
            "server_description": None,
        },
        "enterprise_prt": False,
        "enterprise_prt_diagnostics": {
            "kind": "acquire",
            "attempted_at": 1789368060,
            "status": "0xC000006D",
            "user": "lee@fabrikam.example",
            "credential_type": "Password",
            "correlation_id": "2c9a7be0-5e5e-4d4d-8c8c-7f7f6e6e5d5d",
            "endpoint": "https://fs.fabrikam.example/adfs/oauth2/token/",
            "method": "POST",
            "http_error": "0x0",
            "http_status": 400,
            "server_code": "invalid_grant",
            "server_description": "MSIS9682: Received invalid OAuth JWT Bearer request.",
        },
        "on_prem_tgt": False,
        "cloud_tgt": True,
    },
    "old_build": {
        **WAM,
        "join": "entra",
        "device_id": "0b7c7a52-aaaa-4bbb-8ccc-1234567890ab",
        "tenant_id": TENANT,
        "tenant_name": "Fabrikam Demo",
        "tpm_protected": True,
        "key_provider": TPM,
        "key_sign_test": "not_elevated",
        "key_sign_test_detail": "MUST Run elevated to test.",
        "mdm_url": MDM,
        "prt": True,
        "workplace_joined": False,
        "ngc_set": True,
        "is_user_entra": True,
        "ngc_policy_enabled": False,
        "session_is_local": True,
        "ngc_will_provision": False,
    },
}

OTHER_LANGUAGES = "\nBitte warten: Diagnose läuft…\nПодождите : идёт проверка\n请稍候： 正在诊断\n"  # noqa: RUF001 - they are so


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.txt").read_text(encoding="utf-8")


def said(*lines: str) -> dict:
    """What a report of these lines says, without what it does not say."""
    found = summary(parse("\n".join(lines)))
    return {key: value for key, value in found.items() if value != NOTHING[key]}


def test_every_sample_is_expected_to_say_something():
    assert sorted(one.stem for one in SAMPLES.glob("*.txt")) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_says_what_it_says_and_nothing_else(name):
    assert summary(parse(sample(name))) == {**NOTHING, **EXPECTED[name]}


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize(
    "other",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r\r\n"),
        lambda text: text.replace("\n", "   \t\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace(" : \n", " :\n"),
        lambda text: "\n".join(line.strip() for line in text.split("\n")),
        lambda text: "".join(f"    {line}\n" for line in text.split("\n")),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace(" : ", ": "),
        lambda text: text.replace(" : ", "   :   "),
        lambda text: text.replace("\n", OTHER_LANGUAGES, 1),
        lambda text: f"+------+\n| Geräte |\n+------+\n{text}",
        lambda text: f"{text}{'+' + '-' * 70 + '+'}\n",
    ],
    ids=[
        "crlf",
        "crcrlf",
        "trailing blanks",
        "byte order mark",
        "nothing after the colon",
        "left",
        "indented",
        "double spaced",
        "no blank before the colon",
        "wide colon",
        "other languages",
        "another section before",
        "lone bar at the end",
    ],
)
def test_another_form_of_a_sample_says_the_same(name, other):
    assert summary(parse(other(sample(name)))) == {**NOTHING, **EXPECTED[name]}


@pytest.mark.parametrize("name", ["entra_healthy", "hybrid_wrong_password", "domain_discovery_fails"])
def test_a_report_whose_titles_are_in_another_language_says_the_same_but_where_names_repeat(name):
    text = "\n".join("| Состояние |" if line.startswith("|") else line for line in sample(name).split("\n"))
    where_names_repeat = ("on_prem_tgt", "cloud_tgt", "ie_auto_detect", "ie_pac_url", "winhttp_access")

    assert summary(parse(text)) == {**NOTHING, **EXPECTED[name], **dict.fromkeys(where_names_repeat)}


def test_a_report_is_read_by_section_and_field():
    assert parse(sample("registered")) == {
        "device_state": {
            "azure_ad_joined": "NO",
            "enterprise_joined": "NO",
            "domain_joined": "NO",
            "virtual_desktop": "NOT SET",
            "device_name": "HOME-PC7",
        },
        "user_state": {
            "ngc_set": "NO",
            "workplace_joined": "YES",
            "work_account_count": "1",
            "wam_default_set": "NO",
        },
        "sso_state": {
            "azure_ad_prt": "NO",
            "azure_ad_prt_authority": "NO",
            "enterprise_prt": "NO",
            "enterprise_prt_authority": "NO",
        },
        "ie_proxy_config_for_current_user": {
            "auto_detect_settings": "YES",
            "auto_configuration_url": None,
            "proxy_server_list": None,
            "proxy_bypass_list": None,
        },
        "winhttp_default_proxy_config": {"access_type": "DIRECT"},
        "ngc_prerequisite_check": {
            "is_device_joined": "NO",
            "is_user_azure_ad": "NO",
            "policy_enabled": "NO",
            "post_logon_enabled": "YES",
            "device_eligible": "YES",
            "session_is_not_remote": "YES",
            "cert_enrollment": "none",
            "pre_req_result": "WillNotProvision",
        },
        "work_accounts": [
            {
                "workplace_device_id": "9e8d7c6b-5a49-4838-a726-150403020100",
                "workplace_thumbprint": "00112233445566778899AABBCCDDEEFF00112233",
                "device_certificate_validity": "[ 2026-05-20 12:01:44.000 UTC -- 2036-05-20 12:31:44.000 UTC ]",
                "key_container_id": "8a7b6c5d-4e3f-4a1b-9c2d-3e4f5a6b7c8d",
                "key_provider": TPM,
                "tpm_protected": "YES",
                "workplace_tenant_id": TENANT,
                "workplace_tenant_name": "Fabrikam Demo",
                "workplace_mdm_url": None,
                "workplace_settings_url": None,
                "ngc_set": "NO",
            }
        ],
    }


def test_diagnostics_lie_in_their_own_level_by_kind_and_by_whose_token_they_are():
    sso = parse(sample("hybrid_failures_of_both_tokens"))["sso_state"]

    assert [key for key, value in sso.items() if isinstance(value, dict)] == [
        "acquire_prt_diagnostics",
        "refresh_prt_diagnostics",
        "enterprise_acquire_prt_diagnostics",
    ]
    assert sso["acquire_prt_diagnostics"]["user_identity"] == "kim@fabrikam.example"
    assert sso["kerb_top_level_names"] == ".windows.net,.windows.net:1433"
    assert "user_identity" not in sso


@pytest.mark.parametrize(
    ("printed", "names"),
    [
        ("WamDefaultGUID", "wam_default_guid"),
        ("DRS Discovery Test", "drs_discovery_test"),
        ("Fallback to Sync-Join", "fallback_to_sync_join"),
        ("Client ErrorCode", "client_error_code"),
        ("HTTP status", "http_status"),
        ("Last HostName Update", "last_host_name_update"),
        ("X509CertRequired", "x509_cert_required"),
        ("OnPremTGT", "on_prem_tgt"),
        ("OsVersionUpdated", "os_version_updated"),
    ],
)
def test_a_field_is_named_in_snake_case(printed, names):
    assert parse(f"{printed} : 1")["unnamed"] == {names: "1"}


@pytest.mark.parametrize(
    ("entra", "enterprise", "domain", "workplace", "join"),
    [
        ("YES", "NO", "NO", "NO", "entra"),
        ("YES", "NO", "NO", "YES", "entra"),
        ("YES", "NO", "YES", "NO", "hybrid"),
        ("NO", "NO", "YES", "NO", "domain"),
        ("NO", "NO", "YES", "YES", "domain"),
        ("NO", "YES", "YES", "NO", "onpremises"),
        ("NO", "NO", "NO", "YES", "registered"),
        ("NO", "NO", "NO", "NO", "none"),
        ("NO", "NO", "NO", "", None),
        ("YES", "YES", "YES", "NO", None),
        ("NO", "YES", "NO", "NO", None),
        ("YES", "", "NO", "NO", "entra"),
        ("YES", "NO", "", "NO", None),
        ("NO", "", "YES", "NO", None),
        ("", "NO", "YES", "NO", None),
        ("JA", "NO", "NO", "NO", None),
        ("yes", "no", "no", "no", "entra"),
    ],
)
def test_the_join_is_decided_by_the_table_of_the_page(entra, enterprise, domain, workplace, join):
    text = (
        f"AzureAdJoined : {entra}\nEnterpriseJoined : {enterprise}\n"
        f"DomainJoined : {domain}\nWorkplaceJoined : {workplace}\n"
    )

    assert summary(parse(text))["join"] == join


@pytest.mark.parametrize(
    ("printed", "auth", "code"),
    [
        ("SUCCESS", "success", None),
        ("FAILED. Device is either disabled or deleted", "disabled_or_deleted", None),
        ("FAILED. Device is either disabled or deleted.", "disabled_or_deleted", None),
        ("FAILED. ERROR", "error", None),
        ("FAILED. Error: 0xd000023c", "error", "0xD000023C"),
        ("FAILED. ERROR (0x80072ee7)", "error", "0x80072EE7"),
        ("UNKNOWN", None, None),
    ],
)
def test_the_device_is_known_to_entra_or_not_or_could_not_ask(printed, auth, code):
    expected = {"device_auth": auth, "device_auth_detail": printed, "device_auth_error": code}

    assert said(f"DeviceAuthStatus : {printed}") == {key: value for key, value in expected.items() if value}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("KeySignTest : FAILED", {"key_sign_test": "failed", "key_sign_test_detail": "FAILED"}),
        ("KeySignTest : SKIPPED", {"key_sign_test_detail": "SKIPPED"}),
        ("WamDefaultSet : ERROR", {"wam_default_set": "error"}),
        (
            "WamDefaultSet : ERROR (0xd0020017)",
            {"wam_default_set": "error", "wam_default_error": "0xD0020017"},
        ),
        ("WamDefaultGUID : {B16898C6-A148-4967-9171} (AzureAd)", {}),
        ("Executing Account Name : NEKO\\installer, installer", {"executing_name": "NEKO\\installer"}),
        ("Executing Account Name : kim@fabrikam.example", {"executing_account": "kim@fabrikam.example"}),
        ("Executing Account Name : ***\\***, a@b@c", {"executing_name": "***\\***"}),
        ("Virtual Desktop : INVALID", {"virtual_desktop": "invalid"}),
        ("User Context : UN-ELEVATED User", {"user_context": "user"}),
        ("Server ErrorCode : 0x801c03f3", {"server_error": "0x801C03F3"}),
        ("Client ErrorCode : none", {}),
        ("Client ErrorCode : 0xffffffff801c03f3", {}),
        ("Error Phase : beyond", {}),
        ("Https Status : 4000000000", {}),
        ("Https Status : ٤٠٠", {}),
        ("AzureAdPrt : YES ( really )", {"prt": True}),
        ("AzureAdPrt : YESTERDAY", {}),
        ("AzureAdPrtAuthority : NO", {}),
        ("WorkAccountCount : -1", {}),
    ],
)
def test_a_value_is_understood_or_not_said(line, expected):
    assert said(line) == expected


@pytest.mark.parametrize(
    ("printed", "seconds"),
    [
        ("2026-09-14 06:52:31.000 UTC", 1789368751),
        ("2026-09-14 06:52:31.999 UTC", 1789368751),
        ("1970-01-01 00:00:00.000 UTC", 0),
        ("1601-01-01 00:00:00.000 UTC", -11644473600),
        ("9999-12-31 23:59:59.999 UTC", 253402300799),
        ("2026-02-31 06:52:31.000 UTC", None),
        ("0000-01-01 00:00:00.000 UTC", None),
        ("2026-09-14 24:00:00.000 UTC", None),
        ("2026-09-14 06:52:31.000", None),
        ("2026-09-14T06:52:31.000Z", None),
        ("2026-09-14 06:52:31 UTC", None),
        ("14.09.2026 06:52:31.000 UTC", None),
        ("٢٠٢٦-09-14 06:52:31.000 UTC", None),
        ("NONE", None),
        ("", None),
    ],
)
def test_a_time_is_unix_seconds_or_not_said(printed, seconds):
    assert summary(parse(f"AzureAdPrtUpdateTime : {printed}"))["prt_updated"] == seconds


@pytest.mark.parametrize(
    "printed",
    [
        "[ 2026-05-20 12:01:44.000 UTC -- ",
        "[ -- ]",
        "2026-05-20 12:01:44.000 UTC",
        "[ 2026-05-20 12:01:44.000 UTC -- then -- 2036-05-20 12:31:44.000 UTC ]",
    ],
)
def test_a_certificate_without_an_end_has_none(printed):
    assert summary(parse(f"DeviceCertificateValidity : {printed}"))["certificate_until"] is None


def test_a_field_that_stands_in_another_section_is_found():
    assert said(
        "| Device Details |",
        "Virtual Desktop : YES",
        "Device Name : LT-0417",
        "| Work Account 1 |",
        "| X |",
        "NgcSet : YES",
    ) == {
        "virtual_desktop": "yes",
        "device_name": "LT-0417",
        "ngc_set": True,
        "work_accounts": summary(parse("| Work Account 1 |"))["work_accounts"],
    }


def test_what_is_printed_of_a_work_account_is_not_taken_for_the_devices():
    account = sample("registered").partition("| Work Account 1")[2].partition("| IE Proxy")[0]

    assert set(said(f"| Work Account 1{account}")) == {"work_accounts"}


def test_an_empty_field_in_its_own_section_is_not_looked_for_elsewhere():
    assert "tenant_name" not in said("| Tenant Details |", "TenantName : ", "| Else |", "TenantName : Fabrikam")


def test_the_proxy_of_another_account_is_not_taken_for_the_users():
    assert "ie_pac_url" not in said("| IE Proxy Config for System Account |", "Auto-Configuration URL : http://a/b.pac")


def test_lines_of_a_message_that_look_like_fields_change_nothing_before_them():
    text = sample("hybrid_wrong_password").replace(
        "username or password.\n",
        "username or password.\nCorrelation ID: 0\nUser Identity : eve@evil.example\nAttempt Status : 0x0\n"
        "AzureAdPrt : YES\nAzureAdPrtAuthority : https://evil.example\n",
    )

    assert summary(parse(text)) == {**NOTHING, **EXPECTED["hybrid_wrong_password"]}


def test_a_line_separator_in_a_message_begins_no_line():
    for separator in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\r":
        found = parse(f"Server Message : a{separator}AzureAdJoined : YES\nDeviceId : b")["unnamed"]

        assert found == {
            "server_message": found["server_message"],
            "device_id": "b",
        }
        assert separator not in found["server_message"]


def test_a_block_that_is_not_present_holds_nothing():
    sso = parse("| SSO State |\nAcquirePrtDiagnostics : NOT PRESENT\nUser Identity : kim@fabrikam.example")["sso_state"]

    assert sso == {"acquire_prt_diagnostics": "NOT PRESENT", "user_identity": "kim@fabrikam.example"}
    assert summary({"sso_state": sso})["prt_diagnostics"] is None


def test_a_report_of_nothing_says_nothing():
    assert parse("") == {"work_accounts": []}
    assert {key: value for key, value in NOTHING.items() if value is not None} == {"work_accounts": []}


@pytest.mark.parametrize(
    "text",
    [
        " : \n:\n: :\n",
        "For more information, please visit https://www.microsoft.com/aadjerrors",
        "https://login.microsoftonline.com",
        "'dsregcmd' is not recognized as an internal or external command,\noperable program or batch file.",
        "+---+\n+---+\n|\n||\n",
        "AzureAdJoined",
        "AzureAdJoined:YES",
        "1AzureAdJoined : YES",
        "Azure\x00AdJoined : YES",
        "A" * 65 + " : YES",
    ],
)
def test_what_is_no_field_is_passed_over(text):
    assert said(*text.split("\n")) == {}
    assert "unnamed" not in parse(text) or not parse(text)["unnamed"]


HOSTILE = {
    "escapes": "\n".join(f"Field{n} : \x1b]0;owned\x07\x1b[2J\x1b[{n}m\x9b31m" for n in range(99)),
    "escapes in titles": "\n".join(f"| \x1b[2J{n}\u202e |\nA : \u202eSEY\u2066" for n in range(99)),
    "NUL": "A\0z\0u\0r\0e\0 : \0Y\0E\0S\0\nDeviceId : \0\0\0",
    "surrogates": "DeviceId : \ud800\udfff\nTenantName : \U000e0041\u200b\ufeff",
    "thousand sections": "\n".join(f"| Section {n} |\nDeviceId : {n}" for n in range(1000)),
    "thousand work accounts": "\n".join(f"| Work Account {n} |\nWorkplaceDeviceId : {n}" for n in range(1000)),
    "thousand diagnostics": "AcquirePrtDiagnostics : PRESENT\nUser Identity : a\n" * 1000,
    "titles of one name": "| Work Accounts |\n| work_accounts |\n| Unnamed |\nA : B\n" * 100,
    "a long value": "DeviceId : " + "a" * 1_000_000 + "\nTenantId : b",
    "a long name": "a" * 1_000_000 + " : b",
    "a long line of blanks": "DeviceId" + " " * 1_000_000 + ": b",
    "a long line of bars": "|" * 1_000_000,
    "a long title": "|" + "aB1" * 300_000 + "|",
    "long values of codes": "DRS Discovery Test : FAIL [" + "0x801c0021/" * 100_000,
    "a long certificate": "DeviceCertificateValidity : " + "[" * 500_000 + " -- " * 100_000,
    "a long account": "Executing Account Name : " + "a@" * 500_000,
    "a long GUID": "WamDefaultGUID : " + "{ " * 500_000,
    "colons": ":" * 1_000_000,
    "lines": "\n" * 1_000_000,
    "ten megabytes": "AzureAdJoined : YES\n" * 500_000,
    "ten megabytes of control characters": "A : " + "\x1b" * 10_000_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_costs_little_and_comes_out_plain(text):
    began = time.process_time()
    parsed = parse(text)
    found = summary(parsed)
    spent = time.process_time() - began

    assert spent < 2, f"{spent:.1f} s of processor time"
    assert_plain(parsed)
    assert_plain(found)
    assert len(json.dumps([parsed, found])) < 2_000_000
    assert len(parsed) <= MAX_SECTIONS + 1
    assert len(parsed["work_accounts"]) <= MAX_SECTIONS


def test_a_report_before_ten_megabytes_of_anything_is_read():
    assert summary(parse(sample("entra_healthy") + "x\n" * 5_000_000)) == {**NOTHING, **EXPECTED["entra_healthy"]}


def assert_plain(value: object) -> None:
    """Only null, bool, int, text without what hides or moves, lists, and objects whose keys are small words."""
    if isinstance(value, dict):
        for key, inner in value.items():
            assert isinstance(key, str)
            assert key.isascii()
            assert key.replace("_", "a").isalnum()
            assert len(key) <= 100
            assert_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            assert_plain(inner)
    elif isinstance(value, str):
        assert not {unicodedata.category(one) for one in value} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    else:
        assert value is None or type(value) in (bool, int)


PRINTED = st.sampled_from(
    [line for name in EXPECTED for line in sample(name).split("\n") if line.strip()]
    + ["| Work Account 1 |", "AcquirePrtDiagnostics : PRESENT", "RefreshPrtDiagnostics : PRESENT", "EnterprisePrt : NO"]
)
NAMES = st.sampled_from(sorted({line.partition(":")[0].strip() for line in sample("entra_healthy").split("\n")}))
LINES = st.one_of(PRINTED, st.text(max_size=40), st.tuples(NAMES, st.text(max_size=30)).map(" : ".join))


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(LINES, max_size=40).map("\n".join)))
def test_whatever_the_text_it_is_read_without_an_error_into_plain_data(text):
    parsed = parse(text)

    assert_plain(parsed)
    assert_plain(summary(parsed))
    assert summary(json.loads(json.dumps(parsed))) == summary(parsed)


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=9), st.sampled_from([" ", "\t", "YES", "0x1"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(sorted(NOTHING)), inner, max_size=3)
    ),
    max_leaves=9,
)
SECTIONS = st.sampled_from([*parse(sample("hybrid_failures_of_both_tokens")), "work_accounts"])
FIELDS = st.sampled_from(
    sorted({key for name in EXPECTED for one in parse(sample(name)).values() if isinstance(one, dict) for key in one})
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(SECTIONS, st.one_of(ANYTHING, st.dictionaries(FIELDS, ANYTHING, max_size=9)), max_size=5))
def test_whatever_is_summed_up_raises_nothing(parsed):
    assert set(summary(parsed)) == set(NOTHING)


@pytest.mark.parametrize(
    ("line", "fact", "said"),
    [
        ("Proxy Server List : http=kiosk:Pl4nted;pw@proxy:8080", "ie_proxy", "***@proxy:8080"),
        ("Auto-Configuration URL : http://kiosk:Pl4nted/pw@pac.example/proxy.pac", "ie_pac_url", "***@pac.example/proxy.pac"),
        ("Proxy Bypass List : <local>", "ie_bypass", "<local>"),
    ],
)  # fmt: skip
def test_a_password_in_the_setting_of_a_proxy_is_masked(line, fact, said):
    text = f"| IE Proxy Config for Current User |\n{line}\n"

    assert summary(parse(text))[fact] == said
    assert "Pl4nted" not in str(parse(text))


def test_a_password_in_a_url_of_a_servers_message_is_masked_and_an_account_is_not():
    text = "| Diagnostic Data |\nServer Message : see https://a:Pl4nted@b.example/c\nUser Identity : amber@contoso.example\n"

    assert parse(text)["diagnostic_data"] == {
        "server_message": "see https://***@b.example/c", "user_identity": "amber@contoso.example"
    }  # fmt: skip
