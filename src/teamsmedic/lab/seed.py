"""What a `windows` device looks like when it is new: its people, its registry and its files, by role. Plain data.

The figures follow real devices: a Windows 11 desktop (23H2, whose ProductName still says Windows 10) with the new
Teams, and a Teams Room with the local user Skype. Nothing here is broken; break scripts do that on the running device.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from teamsmedic.lab.hive import HEAD, Expand, QWord, Value, key

Role = Literal["desktop", "room"]
ROLES: tuple[Role, ...] = ("desktop", "room")
SEEDS = ("hard_names", "nobody")
"""Options: `hard_names` adds profile folders that break careless scripts, one logged on and one logged off; `nobody`:
all are logged off."""

ADMIN = "labadmin"
ADMIN_SID = "S-1-5-21-0-0-0-1000"
"""Wine's own user: its SID cannot be changed, so it is the administrator who comes in over WinRM."""

PROFILES = r"Software\Microsoft\Windows NT\CurrentVersion\ProfileList"
VAULT = r"Software\Wine\Credential Manager"
SHELL_FOLDERS = r"Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders"
MICROPHONE = r"Software\Microsoft\Windows\CurrentVersion\CapabilityAccessManager\ConsentStore\microphone"
TEAMS_FAMILY = "MSTeams_8wekyb3d8bbwe"
TEAMS_PACKAGE = "MSTeams_25290.205.4069.4894_x64__8wekyb3d8bbwe"
TEAMS_FOLDER = rf"C:\Program Files\WindowsApps\{TEAMS_PACKAGE}"
ROOM_FAMILY = "Microsoft.SkypeRoomSystem_8wekyb3d8bbwe"
ROOM_PACKAGE = "Microsoft.SkypeRoomSystem_5.4.216.0_x64__8wekyb3d8bbwe"
_MACHINE = "S-1-5-21-3623811015-3361044348-30300820"
_DOMAIN = "S-1-5-21-1004336348-1177238915-682003330"


@dataclass(frozen=True)
class Person:
    """Somebody with a profile: its folder below C:\\Users, SID, USERNAME and USERDOMAIN, and the work account."""

    folder: str
    sid: str
    account: str
    domain: str
    logged_on: bool
    upn: str = ""

    @property
    def profile(self) -> str:
        """The Windows path of the profile."""
        return f"C:\\Users\\{self.folder}"


AMBER = Person(
    "amber",
    "S-1-12-1-1111111111-1222222222-1333333333-1444444444",
    "AmberAdams",
    "AzureAD",
    True,
    "amber@contoso.example",
)
BRUNO = Person("bruno", f"{_DOMAIN}-1104", "bruno", "CONTOSO", False, "bruno@contoso.example")
CARLA = Person("carla", f"{_DOMAIN}-1107", "carla", "CONTOSO", True, "carla@contoso.example")
ZOE = Person(
    "Zoë O'Brien [x]",
    "S-1-12-1-2111111111-2222222222-2333333333-2444444444",
    "ZoëOBrien",
    "AzureAD",
    True,
    "zoe@contoso.example",
)
USER = Person("user.DOMAIN.000", f"{_DOMAIN}-1112", "user", "CONTOSO", False, "user@contoso.example")
SKYPE = Person("Skype", f"{_MACHINE}-1002", "Skype", "", True)  # a local user: its domain is the device's name
OWNER = Person("Admin", f"{_MACHINE}-1001", "Admin", "", False)


@dataclass
class Look:
    """All that a new device has beyond Windows: `machine` is registry text for HKLM; `files` maps Windows paths to
    contents (None: a folder); `programs` are paths of programs that only run until they are ended; `hives` maps
    profile folders to their NTUSER.DAT."""

    people: tuple[Person, ...]
    machine: str = ""
    programs: tuple[str, ...] = ()
    files: dict[str, bytes | None] = field(default_factory=dict)
    hives: dict[str, str] = field(default_factory=dict)


def look(role: Role, seeds: tuple[str, ...] = (), computer: str = "DEVICE") -> Look:
    """What a device of this role and these seeds has; `computer` is its NetBIOS name."""
    people: tuple[Person, ...] = (SKYPE, OWNER) if role == "room" else (AMBER, BRUNO, CARLA)
    if "hard_names" in seeds:
        people += (ZOE, USER)
    if "nobody" in seeds:
        people = tuple(replace(person, logged_on=False) for person in people)
    result = Look(people)
    result.machine = _windows(role, computer) + "".join(
        key(f"{PROFILES}\\{person.sid}", {"ProfileImagePath": Expand(person.profile)}) for person in people
    )
    result.files[f"{TEAMS_FOLDER}\\AppxManifest.xml"] = _manifest("MSTeams")
    result.programs = (f"{TEAMS_FOLDER}\\ms-teams.exe", f"{TEAMS_FOLDER}\\ms-teamsupdate.exe")
    for person in people:
        result.files |= {f"{person.profile}\\{path}": data for path, data in _PROFILE_FILES.items()}
        teams = role == "desktop" or person.sid == SKYPE.sid
        if teams:
            result.files |= {f"{person.profile}\\{path}": data for path, data in _TEAMS_FILES.items()}
        if person.upn:
            result.machine += key(
                f"{_IDENTITIES}\\{person.sid}\\IdentityCache\\{person.sid}",
                {"UserName": person.upn, "ProviderName": "AzureAD"},
            )
            result.files[f"{person.profile}\\{_ONE_AUTH}"] = _account(person)
        result.hives[person.folder] = _hive(person, person.domain or computer, teams)
    if role == "room":
        result.machine += _ROOM_MACHINE
        result.files |= _ROOM_FILES
    else:
        result.machine += _MANAGED
    return result


def folders(root: str) -> dict[str, Value]:
    """The folders of a profile as `User Shell Folders` names them."""
    names = {"AppData": r"AppData\Roaming", "Local AppData": r"AppData\Local", "Desktop": "Desktop"}
    return {name: expandable(f"{root}\\{below}") for name, below in (names | {"Personal": "Documents"}).items()}


def session(profile: str, account: str, domain: str) -> dict[str, Value]:
    """The variables that a logon makes."""
    local = f"{profile}\\AppData\\Local"
    return {
        "USERNAME": account,
        "USERDOMAIN": domain,
        "USERPROFILE": profile,
        "HOMEDRIVE": "C:",
        "HOMEPATH": profile.removeprefix("C:"),
        "LOGONSERVER": f"\\\\{domain}",
        "APPDATA": f"{profile}\\AppData\\Roaming",
        "LOCALAPPDATA": local,
    }


def expandable(text: Value) -> Value:
    """A REG_EXPAND_SZ where the text holds a variable, else the value as it is."""
    return Expand(text) if isinstance(text, str) and "%" in text else text


def _hive(person: Person, domain: str, teams: bool) -> str:
    temp: dict[str, Value] = dict.fromkeys(("TEMP", "TMP"), Expand(r"%USERPROFILE%\AppData\Local\Temp"))
    text = HEAD + key("Environment", temp) + key(SHELL_FOLDERS, folders("%USERPROFILE%"))
    # The vault's own key: Wine makes one at the first look, and a check must change nothing.
    text += key(VAULT, {"EncryptionKey": hashlib.sha256(person.sid.encode()).digest()[:8]})
    text += key(MICROPHONE, {"Value": "Allow"}) + key(f"{MICROPHONE}\\NonPackaged", {"Value": "Allow"})
    if teams:
        # FILETIMEs; both set: it was used and is not in use now.
        used: dict[str, Value] = {
            "Value": "Allow",
            "LastUsedTimeStart": QWord(0x01DC5E3A2B400000),
            "LastUsedTimeStop": QWord(0x01DC5E3F93600000),
        }
        text += key(f"{MICROPHONE}\\{TEAMS_FAMILY}", used)
    if person.logged_on:
        # A mark of a session: absent in the hive of somebody who is logged off.
        text += key("Volatile Environment", session(person.profile, person.account, domain))
        text += key(r"Volatile Environment\1", {"SESSIONNAME": "Console"})
    return text


def _windows(role: Role, computer: str) -> str:
    version: dict[str, Value] = {
        "ProductName": "Windows 10 IoT Enterprise" if role == "room" else "Windows 10 Enterprise",
        "EditionID": "IoTEnterprise" if role == "room" else "Enterprise",
        "CurrentVersion": "10.0",  # Windows says 6.3; Wine takes its version from here
        "CurrentMajorVersionNumber": 10,
        "CurrentMinorVersionNumber": 0,
        "CurrentBuild": "22631",
        "CurrentBuildNumber": "22631",
        "UBR": 4317,
        "DisplayVersion": "23H2",
        "ReleaseId": "2009",
        "InstallationType": "Client",
        "CSDVersion": "",
    }
    return (
        key(r"Software\Microsoft\Windows NT\CurrentVersion", version)
        + key(r"System\CurrentControlSet\Control\Windows", {"CSDVersion": 0})
        + key(r"Software\Lab\Tasks")
        + key(r"System\CurrentControlSet\Control\ComputerName\ComputerName", {"ComputerName": computer})
    )


def _manifest(name: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\r\n'
        '<Package xmlns="http://schemas.microsoft.com/appx/manifest/foundation/windows10">'
        f'<Identity Name="{name}" Publisher="CN=Microsoft Corporation" ProcessorArchitecture="x64"/></Package>\r\n'
    ).encode()


def _account(person: Person) -> bytes:
    """An account that Office and Teams are signed in to: JSON with lists and objects as texts, as OneAuth writes it."""
    about = {
        "account_hints": json.dumps([person.upn]),
        "association_status": json.dumps({"com.microsoft.Office": "associated"}),
    }
    return json.dumps({"account_type": "aad", "login_name": person.upn, **about}).encode()


_IDENTITIES = r"Software\Microsoft\IdentityStore\Cache"
_ONE_AUTH = r"AppData\Local\Microsoft\OneAuth\accounts\6f9b1c2e-0a4d-4a51-9e6c-2f7d1e8b3a90"
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
_PROFILE_FILES: Mapping[str, bytes | None] = dict.fromkeys(
    ("Desktop", "Documents", r"AppData\Local\Temp", r"AppData\LocalLow", r"AppData\Roaming")
)
_CACHE = rf"AppData\Local\Packages\{TEAMS_FAMILY}\LocalCache\Microsoft\MSTeams"
_TEAMS_FILES: Mapping[str, bytes | None] = {
    rf"AppData\Local\Packages\{TEAMS_FAMILY}\Settings\settings.dat": b"regf" + bytes(508),
    rf"AppData\Local\Packages\{TEAMS_FAMILY}\SystemAppData\Helium\User.dat": b"regf" + bytes(508),
    rf"AppData\Local\Packages\{TEAMS_FAMILY}\LocalState": None,
    rf"AppData\Local\Packages\{TEAMS_FAMILY}\RoamingState": None,
    rf"AppData\Local\Packages\{TEAMS_FAMILY}\TempState": None,
    rf"{_CACHE}\app_settings.json": b'{"tenants":1,"theme":"default"}',
    rf"{_CACHE}\tma_settings.json": b'{"installed":true}',
    rf"{_CACHE}\Logs\MSTeams_2025-11-03_07-58-12.08.log": b"2025-11-03T07:58:12 0x00001a2c <INFO> start\r\n",
    rf"{_CACHE}\Logs\Launcher_2025-11-03_07-58-11.76.log": b"2025-11-03T07:58:11 0x00001a10 <INFO> launch\r\n",
    rf"{_CACHE}\EBWebView\Local State": b'{"os_crypt":{}}',
    rf"{_CACHE}\EBWebView\lockfile": b"",
    rf"{_CACHE}\EBWebView\WV2Profile_tfw\Network\Cookies": b"SQLite format 3\x00" + bytes(4080),
    rf"{_CACHE}\EBWebView\WV2Profile_tfw\Cache\Cache_Data\data_0": bytes(8192),
    rf"{_CACHE}\EBWebView\WV2Profile_tfw\IndexedDB\https_teams.microsoft.com_0\CURRENT": b"MANIFEST-000001\n",
    rf"{_CACHE}\EBWebView\WV2Profile_tfw\Local Storage\leveldb\000003.log": b"\x00" * 128,
    rf"{_CACHE}\Backgrounds\Uploads\2d0f1a34-5b7c-4c7e-9a2f-0c1d2e3f4a5b.png": _PNG + b"beach",
    rf"{_CACHE}\Backgrounds\Uploads\2d0f1a34-5b7c-4c7e-9a2f-0c1d2e3f4a5b_thumb.png": _PNG + b"beach, small",
}
_ROOM_MACHINE = (
    key(
        r"Software\Microsoft\Windows NT\CurrentVersion\Winlogon",
        {"AutoAdminLogon": "1", "DefaultUserName": "Skype", "DefaultDomainName": "."},
    )
    + key(r"System\CurrentControlSet\Services\EventLog\Skype Room System", {"MaxSize": 0x1400000, "Retention": 0})
    + key(r"System\CurrentControlSet\Services\EventLog\Skype Room System\SRS-App", {"TypesSupported": 7})
)
_TENANT = "5f0d2a6e-1111-4222-8333-9a0b1c2d3e4f"
# A hybrid-joined desktop: LAPS by group policy (2 is Active Directory), Intune, and which tenant to register with.
_MANAGED = (
    key(
        r"Software\Microsoft\Windows\CurrentVersion\Policies\LAPS",
        {"BackupDirectory": 2, "PasswordAgeDays": 30, "AdministratorAccountName": "lapsadmin"},
    )
    + key(r"Software\Microsoft\Windows\CurrentVersion\CDJ\AAD", {"TenantId": _TENANT, "TenantName": "contoso.example"})
    + key(
        r"System\CurrentControlSet\Control\CloudDomainJoin\JoinInfo\A1B2C3D4E5F60718293A4B5C6D7E8F9012345678",
        {"TenantId": _TENANT, "UserEmail": "carla@contoso.example"},
    )
    + key(
        r"Software\Microsoft\Enrollments\6B1E4C2D-7A35-4E0B-9D57-2F8C1A3B4D5E",
        {
            "ProviderID": "MS DM Server",
            "EnrollmentState": 1,
            "UPN": "carla@contoso.example",
            "AADResourceID": "https://manage.microsoft.com/",
        },
    )
)
_ROOM_FILES: Mapping[str, bytes | None] = {
    r"C:\Rigel\x64\Scripts\Provisioning\ScriptLaunch.ps1": b"# launches the provisioning scripts\r\n",
    r"C:\Rigel\x64\Ship\AppPackages\SkypeRoomSystem": None,
    rf"C:\Program Files\WindowsApps\{ROOM_PACKAGE}\AppxManifest.xml": _manifest("Microsoft.SkypeRoomSystem"),
    rf"{SKYPE.profile}\AppData\Local\Packages\{ROOM_FAMILY}\LocalState\Tracing\SkypeRoomSystem.log": b"started\r\n",
    rf"{SKYPE.profile}\AppData\Local\Packages\{ROOM_FAMILY}\Settings\settings.dat": b"regf" + bytes(508),
}
