"""The questions of a triage: what each answer says of causes. Plain data: the command line makes its options of it.

What an answer does to a cause:

| word     | meaning                                                                      |
|----------|------------------------------------------------------------------------------|
| confirms | it is the cause                                                              |
| refutes  | it is not, as far as the answer is right                                     |
| supports | more likely than before                                                      |
| weakens  | less likely than before, and still possible                                  |

Where no source is named beside a row, it is the fast diagnostic flow of the table that people search
(https://errorcodecenter.com/microsoft-teams), read with the titles of the causes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Effects = Mapping[str, tuple[str, ...]]
"""confirms, refutes, supports, weakens to ids of causes."""


@dataclass(frozen=True)
class Value:
    """One possible answer: the word, what it means, and what it says of causes."""

    word: str
    said: str
    effects: Effects = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """One question. `option` answers it on the command line; without `values` the answer is a code."""

    id: str
    option: str
    text: str
    values: tuple[Value, ...] = ()

    def value(self, word: str) -> Value | None:
        """The possible answer with that word."""
        return next((one for one in self.values if one.word == word), None)

    @property
    def words(self) -> tuple[str, ...]:
        """The words that answer it."""
        return tuple(one.word for one in self.values)


CLIENT = ("client_cache_corrupt", "app_package_damaged", "client_state_loops")
BROKER = ("broker_blocked_or_missing", "broker_account_data_stale", "stale_credentials")
REGISTRATION = ("device_registration_broken", "device_keys_unusable")
ACCOUNT = ("account_unlicensed", "account_disabled", "account_not_found", "password_wrong", "password_expired")
PATH = ("endpoints_unreachable", "name_not_resolved")
POLICY = ("conditional_access_blocks", "device_not_managed", "risk_blocked", "tenant_access_denied")
FEDERATION = ("federation_refuses", "federation_protocol_missing", "intranet_forms_off")
ROOM = ("room_password_wrong", "room_password_expired", "room_asked_for_mfa", "room_blocked_by_policy")
PROMPTED = ("mfa_not_passed", "password_wrong", "password_expired", "sign_in_cancelled")
ONE_PERSON = (
    *PROMPTED,
    "sign_in_again",
    *CLIENT,
    "broker_account_data_stale",
    "stale_credentials",
    "windows_identity_differs",
)

QUESTIONS = (
    Question(
        "web",
        "--web",
        "Does Teams on the web work, with the same account on the same device?",
        (
            Value(
                "yes",
                "Teams on the web works",
                {
                    "refutes": (*ACCOUNT, *PATH, "service_fault"),
                    "supports": (*CLIENT, *BROKER, *REGISTRATION),
                    "weakens": (*POLICY, "federation_refuses", "realm_not_found"),
                },
            ),
            Value(
                "no",
                "Teams on the web fails too",
                {
                    "refutes": CLIENT,
                    "weakens": BROKER,
                    "supports": (*ACCOUNT, *PATH, *POLICY, "federation_refuses", "realm_not_found", "service_fault"),
                },
            ),
        ),
    ),
    Question(
        "affected",
        "--affected",
        "Is one person affected, or are many?",
        (
            Value("one", "one person is affected", {"weakens": ("service_fault",)}),
            Value(
                "many",
                "many people are affected",
                {"supports": ("service_fault", *PATH, "proxy_interferes", *FEDERATION), "weakens": ONE_PERSON},
            ),
        ),
    ),
    Question(
        "when",
        "--when",
        "Does it appear before or during sign-in, or after it, in a call or meeting?",
        (Value("sign-in", "it appears before or during sign-in"), Value("after", "it appears after sign-in")),
    ),
    Question(
        "place",
        "--place",
        "Is it a desktop, a Teams Room, or a phone?",
        (
            Value("desktop", "it is a desktop, no Teams Room", {"refutes": ROOM}),
            Value(
                "room",
                "it is a Teams Room, whose account answers no prompt",
                {"refutes": (*PROMPTED, "stale_credentials"), "weakens": ("conditional_access_blocks",)},
            ),
            Value("phone", "it is a phone", {"refutes": ROOM}),
        ),
    ),
    Question(
        "apps",
        "--apps",
        "Does only Teams fail, or do several Microsoft 365 apps (Outlook, OneDrive) fail together?",
        (
            Value("teams", "only Teams fails", {"supports": CLIENT, "weakens": ("endpoints_unreachable",)}),
            Value(
                "several",
                "several Microsoft 365 apps fail together: they share the transport of identity",
                {
                    "refutes": CLIENT,
                    "supports": (
                        "proxy_interferes",
                        "endpoints_unreachable",
                        "tls12_disabled",
                        "broker_blocked_or_missing",
                        "device_registration_broken",
                    ),
                },
            ),
        ),
    ),
    # https://learn.microsoft.com/en-us/microsoftteams/troubleshoot/teams-sign-in/resolve-sign-in-errors
    Question(
        "network",
        "--other-network",
        "Does it work with the same device on another network?",
        (
            Value(
                "yes",
                "it works on another network",
                {
                    "refutes": (*CLIENT, *BROKER, "tls12_disabled", "clock_wrong", *ACCOUNT),
                    "supports": (*PATH, "proxy_interferes", "intranet_forms_off"),
                },
            ),
            Value(
                "no", "it fails on another network too", {"weakens": (*PATH, "proxy_interferes", "intranet_forms_off")}
            ),
        ),
    ),
    Question(
        "federated",
        "--federated",
        "Is the account's domain federated (AD FS or another identity provider)?",
        (
            Value("yes", "the domain is federated", {"supports": FEDERATION}),
            Value("no", "the domain is not federated", {"refutes": FEDERATION}),
        ),
    ),
    Question(
        "prompt",
        "--prompt",
        "Was a sign-in prompt closed, or did none appear?",
        (
            Value("closed", "a sign-in prompt was closed", {"confirms": ("sign_in_cancelled",)}),
            Value("none", "no sign-in prompt was closed", {"refutes": ("sign_in_cancelled",)}),
        ),
    ),
    Question(
        "again",
        "--signed-in-again",
        "Has the person signed out of Windows and in again since, and does it fail still?",
        (
            Value("yes", "it fails after a new sign-in too", {"refutes": ("sign_in_again", "sign_in_cancelled")}),
            Value("no", "the person has not signed in again yet"),
        ),
    ),
    Question(
        "account",
        "--work-account",
        "Is the account below Access work or school the one that Teams is used with?",
        (
            Value(
                "right", "the work account of Windows is the one of Teams", {"refutes": ("windows_identity_differs",)}
            ),
            Value("wrong", "the work account of Windows is another", {"confirms": ("windows_identity_differs",)}),
        ),
    ),
    Question(
        "credentials",
        "--saved-credentials",
        "Are there MicrosoftOffice16 entries of another account in Credential Manager?",
        (
            Value("own", "only the person's own account is saved", {"refutes": ("stale_credentials",)}),
            Value("foreign", "credentials of another account are saved", {"confirms": ("stale_credentials",)}),
        ),
    ),
    Question(
        "prt",
        "--prt",
        "What does dsregcmd /status, run by the person, say for AzureAdPrt?",
        (
            Value("yes", "AzureAdPrt is YES", {"weakens": REGISTRATION}),
            Value("no", "AzureAdPrt is NO", {"supports": (*REGISTRATION, "sign_in_again")}),
        ),
    ),
    Question(
        "clock",
        "--clock",
        "Is the device's clock right, to five minutes?",
        (
            Value("right", "the device's clock is right", {"refutes": ("clock_wrong",)}),
            Value("wrong", "the device's clock is wrong", {"confirms": ("clock_wrong",)}),
        ),
    ),
    Question(
        "ports",
        "--ports",
        "Are TCP 80 and 443 and UDP 3478 to 3481 open to Microsoft 365?",
        (
            Value("open", "the ports are open", {"refutes": ("endpoints_unreachable", "media_path_blocked")}),
            Value("blocked", "ports are blocked", {"confirms": ("endpoints_unreachable", "media_path_blocked")}),
        ),
    ),
    Question(
        "health",
        "--service-health",
        "Does Service health in the Microsoft 365 admin center show an incident?",
        (
            Value("ok", "Service health shows no incident", {"refutes": ("service_fault",)}),
            Value("incident", "Service health shows an incident", {"confirms": ("service_fault",)}),
        ),
    ),
    # No entry at all, or success with a failing device:
    # https://learn.microsoft.com/en-us/microsoftteams/troubleshoot/teams-rooms-and-devices/teams-rooms-resource-account-sign-in-issues
    Question(
        "log",
        "--sign-in-log",
        "What does the Entra sign-in log show for that time?",
        (
            Value(
                "blocked",
                "the sign-in log shows a policy that blocks",
                {"confirms": ("conditional_access_blocks", "room_blocked_by_policy")},
            ),
            Value(
                "success",
                "the sign-in log shows success",
                {
                    "refutes": (*POLICY, *ROOM, "password_wrong", "password_expired", "mfa_not_passed"),
                    "supports": ("account_unlicensed",),
                },
            ),
            Value(
                "absent",
                "the sign-in log shows no entry",
                {"refutes": ("conditional_access_blocks", "room_blocked_by_policy"), "supports": PATH},
            ),
        ),
    ),
    Question(
        "client",
        "--client",
        "Is the Teams client up to date?",
        (Value("current", "the Teams client is up to date"), Value("old", "the Teams client is out of date")),
    ),
    Question(
        "cleared",
        "--cache-cleared",
        "Was the Teams cache cleared since it fails, with Teams fully quit?",
        (
            Value("yes", "the cache was cleared, and it fails still", {"refutes": ("client_cache_corrupt",)}),
            Value("no", "the cache was not cleared"),
        ),
    ),
    Question(
        "still",
        "--still",
        "Is the trouble still there after the last repair?",
        (
            Value("yes", "the trouble is still there after the last repair"),
            Value("no", "the trouble is gone since the last repair"),
        ),
    ),
    Question("response", "--response", "Which Microsoft response code do the call records show (six digits)?"),
)
BY_ID = {one.id: one for one in QUESTIONS}
