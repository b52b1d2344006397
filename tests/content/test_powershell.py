"""Rules for every script that is sent to a device. Each has samples that break it and one that keeps it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from teamsmedic import content, payload, remediation
from teamsmedic.hosts.base import Verb

ROOT = content.root()
SCRIPTS = sorted(path for top in ("remediations", "library") for path in (ROOT / top).rglob("*.ps1"))
SENT = [path for path in SCRIPTS if "tests" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# ------------------------------------------------------------------------------------------------ reading a script


def blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def code_of(script: str) -> str:
    """The script with comments and the contents of strings blanked; code inside `$( )` of a string stays."""
    return _code(script, 0, "")[0]


PLAIN = re.compile(r"[^@<#'\"`()]+")
WHOLE = re.compile(r"""@(['"])[ \t]*\n.*?\n\1@|<\#.*?\#>|'(?:[^']|'')*'""", re.DOTALL)
COMMENT = re.compile(r"(?<![\w`])#[^\n]*")


def _code(script: str, at: int, until: str) -> tuple[str, int]:
    out: list[str] = []
    depth = 0
    while at < len(script):
        if found := PLAIN.match(script, at):
            shown = found[0]
        elif found := WHOLE.match(script, at):
            edge = 0 if found[0].startswith("<#") else 1
            shown = found[0][:edge] + blank(found[0][edge : len(found[0]) - edge]) + found[0][len(found[0]) - edge :]
        elif found := COMMENT.match(script, at):
            shown = blank(found[0])
        elif script[at] == '"':
            inside, end = _string(script, at + 1)
            out.append('"' + inside + '"')
            at = end
            continue
        else:
            shown = script[at : at + 2] if script[at] == "`" else script[at]
            depth += {"(": 1, ")": -1}.get(shown, 0)
            if shown == until and depth < 0:
                break
        out.append(shown)
        at += len(shown)
    return "".join(out), at


def _string(script: str, at: int) -> tuple[str, int]:
    out: list[str] = []
    while at < len(script):
        if script.startswith("$(", at):
            inside, end = _code(script, at + 2, ")")
            out.append("$(" + inside + ")")
            at = end + 1
        elif script[at] == "`" or script.startswith('""', at):
            out.append(blank(script[at : at + 2]))
            at += 2
        elif script[at] == '"':
            return "".join(out), at + 1
        else:
            out.append(blank(script[at]))
            at += 1
    return "".join(out), at


def statements(code: str) -> Iterator[tuple[int, str]]:
    """Line number and text of each statement, joined where a line goes on."""
    start, held = 1, ""
    for number, line in enumerate(code.split("\n"), 1):
        start = start if held else number
        held += line + "\n"
        if not re.search(r"[|,`(]\s*$", line):
            yield start, held
            held = ""
    if held:
        yield start, held


def inside_try(code: str, at: int) -> bool:
    """Whether the place lies in a block that begins with `try`."""
    opened: list[int] = []
    for place, letter in enumerate(code[:at]):
        if letter == "{":
            opened.append(place)
        elif letter == "}" and opened:
            opened.pop()
    return any(re.search(r"\btry\s*$", code[:place]) for place in opened)


# ------------------------------------------------------------------------------------------------ the rules


@dataclass(frozen=True)
class Rule:
    """`find` yields line numbers that break the rule, of a script and its code; `mend` says what to do instead."""

    mend: str
    find: Callable[[str, str], Iterator[int]]
    bad: tuple[str, ...]
    good: str


def code(pattern: str, unless: str = "$^") -> Callable[[str, str], Iterator[int]]:
    """Statements whose code matches `pattern` and not `unless`."""

    def find(_: str, text: str) -> Iterator[int]:
        for line, statement in statements(text):
            if re.search(pattern, statement, re.IGNORECASE) and not re.search(unless, statement, re.IGNORECASE):
                yield line

    return find


def source(pattern: str, unless: str = "$^") -> Callable[[str, str], Iterator[int]]:
    """Lines whose code or strings match: comments are blank in the code and are left out."""

    def find(script: str, text: str) -> Iterator[int]:
        for number, (line, bare) in enumerate(zip(script.split("\n"), text.split("\n"), strict=True), 1):
            shown = line if bare.strip() else ""
            if re.search(pattern, shown, re.IGNORECASE) and not re.search(unless, shown, re.IGNORECASE):
                yield number

    return find


def not_ascii(script: str, _: str) -> Iterator[int]:
    for number, line in enumerate(script.split("\n"), 1):
        if not script.startswith("\ufeff") and not line.isascii():
            yield number


def console_setter(_: str, text: str) -> Iterator[int]:
    for found in re.finditer(r"\[(System\.)?Console\]::\w+\s*=", text, re.IGNORECASE):
        if not inside_try(text, found.start()):
            yield text.count("\n", 0, found.start()) + 1


def long_path(script: str, text: str) -> Iterator[int]:
    """Recursion over what is neither a long path or a registry path nor a variable that the script sets to one."""
    start = r"['\"](\\\\\?\\|Registry::)"
    for number in source(r"-Recurse\b|AllDirectories|Directory\]::Delete\([^)]*\$true", start)(script, text):
        names = re.findall(r"\$(\w+)", script.split("\n")[number - 1])
        if not any(re.search(rf"\${name}\s*=\s*{start}", script) for name in names):
            yield number


ALIASES = (
    "ac cat cd chdir clc clear clhy cli clp cls clv compare copy cp curl cvpa del diff dir echo epal epcsv erase "
    "fc fl ft fw gal gbp gc gci gcm gcs gdr ghy gi gin gl gm gmo gp gps group gsn gsv gu gv gwmi h history icm iex ihy "
    "ii ipal ipcsv ipmo iwmi iwr kill lp ls man md measure mi mount move mp mv nal ndr ni nmo nv ogv oh popd ps pushd "
    "pwd r rbp rcjb rd rdr ren ri rjb rm rmdir rmo rni rnp rp rsn rv rvpa rwmi sajb sal saps sasv select set shcm si "
    "sl sleep sls sort sp spjb spps spsv start sv swmi tee trcm type wget where wjb write"
)
COMMAND = r"(?:^|[|;({=&]|\breturn\b)\s*"
CHANGING = (
    r"(?<![-\w$.])(?:Set|New|Remove|Rename|Move|Copy|Clear|Stop|Start|Restart|Add|Register|Unregister|Enable|Disable|Install"
    r"|Uninstall|Update|Suspend|Resume|Restore|Write|Out|Export|Repair|Reset)-(?!Object\b|Type\b|StrictMode\b|Null\b|Sleep\b"
    r"|TMAnswer\b|TMEnd\b|TMError\b|TMFault\b|TMBlocked\b|Validation\b)\w+"
    r"|\.(?:SetValue|DeleteValue|DeleteSubKey\w*|CreateSubKey|Kill|SetAccessControl|SetOwner|Encrypt|Decrypt)\("
    r"|\[(?:System\.)?IO\.\w+\]::(?:Delete|Move|Replace|Copy|Create\w*|Write\w+|Append\w+|Set\w+)\b"
    r"|(?<![-\d*])>+\s*(?!\$null)[\w$'\".\\]|Invoke-(?:Cim|Wmi)Method"
)
RULES: dict[str, Rule] = {
    "ascii": Rule(
        "write ASCII (or save with a byte-order mark): 5.1 reads the rest in the device's code page",
        not_ascii, ("'Zo\u00eb'",), "\ufeff'Zo\u00eb'",
    ),
    "alias": Rule(
        "write the full name of the command",
        code(COMMAND + rf"(?:({'|'.join(ALIASES.split())})(?=\s+(?![-+*/%]?=)|\s*$)|([?%]|foreach)(?=\s*\{{))"),
        ("Get-Item x | % { 1 }", "gci C:\\", "$x = gc a", "if (ls x) { }", "1 | foreach { 2 }", "1 | where { 2 }"),
        "foreach ($one in $set) { $type = 'x' }; Get-Item x | Where-Object { $_ }; # ls",
    ),
    "date format": Rule(
        "count seconds (Get-TMUnixTime), or format with InvariantCulture: Thai and Arabic calendars",
        code(r"Get-Date\b.*-U?Format"), ("Get-Date -Format 'yyyy'", "Get-Date -UFormat %s"), "Get-Date",
    ),
    "culture of ToString": Rule(
        "give InvariantCulture with the format",
        code(r"\.ToString\(\s*['\"$]", r"InvariantCulture"),
        ("$d.ToString('yyyy-MM-dd')", "$n.ToString($format)"),
        "$d.ToString('u', [cultureinfo]::InvariantCulture); $n.ToString(); [BitConverter]::ToString($x)",
    ),
    "culture of -f": Rule(
        "format only whole numbers with -f ({0}, {0:x4}, {0:D2}); dates with ToString and InvariantCulture",
        source(r"\{\d+(,-?\d+)?:(?![xXdD]\d+\})[^}]*\}['\"].*\s-f\s|\s-f\s.*Date"),
        ("'{0:yyyy}' -f $d", "'{0}' -f (Get-Date)", "'{0:N1}' -f 1.5"), "'{0:x4} {1}' -f 1, 'a'",
    ),
    "culture of case": Rule(
        "ToLowerInvariant, ToUpperInvariant, or an operator that ignores case: Turkish i",
        code(r"\.To(Lower|Upper)\("), ("$x.ToLower()", "$x.ToUpper()"), "$x.ToLowerInvariant() -ieq 'a'",
    ),
    "console": Rule(
        "set it inside try: there is no console under WinRM",
        console_setter, ("[Console]::OutputEncoding = $x", "try { 1 } catch { [Console]::Title = 'x' }"),
        "try { if (1) { [Console]::OutputEncoding = $x } } catch { $null = $_ }",
    ),
    "error stream of programs": Rule(
        "leave it, or 2>$null: under Stop 5.1 makes an error of a program's first line on it",
        code(r"2>&1"), ("& cmd.exe 2>&1",), "& cmd.exe 2>$null",
    ),
    "long paths": Rule(
        r"start the path with \\?\ or walk it with Windows' functions: 5.1 stops at 260 characters",
        long_path,
        ("Get-ChildItem -LiteralPath $x -Recurse", "[IO.Directory]::Delete($x, $true)"),
        "$r = 'Registry::HKEY_USERS'\nGet-ChildItem -LiteralPath $r -Recurse\nGet-ChildItem '\\\\?\\C:\\x' -Recurse",
    ),
    "time limit of CIM": Rule(
        "add -OperationTimeoutSec: a broken repository never answers",
        code(r"\b(Get|Invoke|New|Set|Remove)-Cim(Instance|Method|Class|AssociatedInstance)\b", r"-OperationTimeoutSec"),
        ("Get-CimInstance -ClassName 'x'", "Get-CimInstance -ClassName 'x' |\n  Select-Object -First 1"),
        "Get-CimInstance -ClassName 'x' -OperationTimeoutSec 5",
    ),
    "no WMI cmdlets": Rule(
        "use Get-CimInstance: 7 has no WMI cmdlets", code(r"\b\w+-Wmi(Object|Method)\b"), ("Get-WmiObject x",), "1",
    ),
    "values as text": Rule(
        "pass values as arguments; code is never made from text",
        code(r"\bInvoke-Expression\b|\[scriptblock\]::Create|\.InvokeScript\("),
        ("Invoke-Expression $x", "[scriptblock]::Create($x)"), "& $Script 1",
    ),
    "compiler": Rule(
        "declare functions of Windows with Get-TMNative: Add-Type starts a compiler on the device and writes to %TEMP%",
        code(r"\bAdd-Type\b"), ("Add-Type -TypeDefinition $x",), "Get-TMNative -Name 'x' -Function { @{ } }",
    ),
    "error texts": Rule(
        "decide by the exception's type, HResult or FullyQualifiedErrorId: texts are localised",
        source(
            r"(\.Message\b[)\"']*|\"\$_\"|\"\$\(\$_\)\"|\$Error\[\d+\])\)?\s+-[ci]?(not)?(match|like|eq|ne|contains|in)\b"
            r"|switch[^{]*\.Message\b"
        ),
        ("if ($_.Exception.Message -match 'denied') { }", 'if ("$_" -like "*x*") { }',
         "switch ($e.Message) { 'a' { } }", "if ($Error[0] -match 'x') { }"),
        "$names | Where-Object { $_ -like 'x' }; if ($_.Exception.HResult -eq 5) { $text = $_.Exception.Message }",
    ),
    "people's folders": Rule(
        "take the path from ProfileImagePath: profiles lie elsewhere, and a folder's name is not the account's",
        source(r"[A-Z]:\\Users\\"), ("Test-Path 'C:\\Users\\amber'",), "$key.ProfileImagePath",
    ),
}  # fmt: skip


METHODS = ("GetConversionStatus", "GetKeyProtectors", "GetProtectionStatus")


def changing(script: str, _: str) -> Iterator[int]:
    """Statements that may change a device, and methods of WMI but those that only read, and no secret."""
    read = re.sub(rf"Invoke-CimMethod(?=[^;|\n]* -MethodName '({'|'.join(METHODS)})'[ \n])", "Get-CimMethod", script)
    return code(CHANGING)(script, code_of(read.lstrip("\ufeff")))


CHECK_RULE = Rule(
    "what changes a device belongs into fix.ps1, undo.ps1 or a helper NAME_change.ps1",
    changing,
    (
        "Remove-Item x", "$key.SetValue('a', 1)", "'x' > C:\\a", "[System.IO.File]::WriteAllText('a', 'b')",
        "Invoke-CimMethod -OperationTimeoutSec 1", "Invoke-CimMethod -InputObject $x -MethodName 'Terminate'",
        "Invoke-CimMethod -InputObject $x -MethodName 'GetKeyProtectorNumericalPassword' -OperationTimeoutSec 1",
        "Invoke-CimMethod -InputObject $x -MethodName $Get", "$x | Out-File a", "Stop-Process -Id 1", "Set-ItemProperty x",
    ),
    "Set-StrictMode -Version Latest; New-Object 'x'; & $b 2>$null; if ($a -gt 2) { Stop-TMBlocked -Reason 'x' }\n"
    "Invoke-CimMethod -InputObject $x -MethodName 'GetKeyProtectors' -OperationTimeoutSec 20",
)  # fmt: skip
COMMON = [path for path in SENT if path.name.startswith("_") or path.parent.name == "_helpers"]
# What reaches a session is one task and one folder a person, gone at the end: all that a check may leave while it runs.
SESSION = "_session.ps1"
CHECKED = [
    path
    for path in SENT
    if path.name in ("detect.ps1", "session.ps1")
    or (path in COMMON and path.name != SESSION and not path.stem.endswith("_change"))
]


def broken(rule: Rule, script: str) -> list[int]:
    return list(rule.find(script, code_of(script.lstrip("\ufeff"))))


SAMPLES = [(name, bad) for name, rule in {**RULES, "read-only": CHECK_RULE}.items() for bad in rule.bad]


@pytest.mark.parametrize(("name", "sample"), SAMPLES, ids=[f"{name}-{sample[:30]}" for name, sample in SAMPLES])
def test_each_rule_refuses_its_samples(name: str, sample: str) -> None:
    assert broken({**RULES, "read-only": CHECK_RULE}[name], sample)


@pytest.mark.parametrize("name", [*RULES, "read-only"])
def test_each_rule_lets_the_right_form_pass(name: str) -> None:
    rule = {**RULES, "read-only": CHECK_RULE}[name]
    assert not broken(rule, rule.good)


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_every_script_keeps_the_rules(path: Path) -> None:
    script = path.read_bytes().decode("utf-8")
    found = [
        f"{name_of(path)}:{line}: {name}: {rule.mend}"
        for name, rule in RULES.items()
        for line in broken(rule, script)
        if not (name == "people's folders" and path not in SENT)
    ]
    assert not found, "\n".join(found)


READS = {
    "CommandLineToArgvW", "CredEnumerateW", "CredFree", "FindClose", "FindFirstFileW", "FindNextFileW", "CloseHandle",
    "GetTokenInformation", "GetUserNameExW", "LocalFree", "NetApiBufferFree", "NetLocalGroupGetMembers", "OpenProcess",
    "OpenProcessToken", "QueryFullProcessImageNameW",
}  # fmt: skip
"""Functions of Windows that a check may call: they read, or give back what others of them gave."""


@pytest.mark.parametrize("path", CHECKED, ids=name_of)
def test_a_check_calls_no_function_of_windows_that_changes_something(path: Path) -> None:
    called = set(re.findall(r"(\w+) = '\w+\.dll'", path.read_text("utf-8")))
    assert called <= READS, f"{called - READS}: what changes a device belongs into a helper NAME_change.ps1"


@pytest.mark.parametrize("path", CHECKED, ids=name_of)
def test_what_a_check_sends_only_reads(path: Path) -> None:
    found = [f"{name_of(path)}:{line}: {CHECK_RULE.mend}" for line in broken(CHECK_RULE, path.read_text("utf-8-sig"))]
    assert not found, "\n".join(found)


def defined(path: Path) -> list[str]:
    return re.findall(r"^function ([\w-]+)", path.read_text("utf-8-sig"), re.MULTILINE)


def test_a_check_payload_holds_no_function_that_changes() -> None:
    changing = {name for path in SENT if path.stem.endswith("_change") for name in defined(path)}
    text = "\n".join(one.text for one in payload.build(list(remediation.load(ROOT)), Verb.CHECK))
    assert changing
    assert not {name for name in changing if re.search(rf"(?<![-\w]){name}(?![-\w])", text)}


@pytest.mark.parametrize("path", COMMON, ids=name_of)
def test_functions_of_the_payload_are_named_for_it(path: Path) -> None:
    wrong = [name for name in defined(path) if not re.fullmatch(r"[A-Z][A-Za-z]+-TM[A-Z]\w*", name)]
    assert not wrong, f"name them Verb-TMNoun: {wrong}"


def test_no_function_of_the_payload_is_defined_twice() -> None:
    names = [name for path in COMMON for name in defined(path)]
    assert sorted(names) == sorted(set(names))


PARAMETERS = {
    "detect.ps1": "param([object] $Parameters)",
    "fix.ps1": "param([object] $Parameters, [object[]] $Drift)",
    "undo.ps1": "param([object] $Parameters, [object[]] $Items)",
    "forget.ps1": "param([object] $Parameters, [object[]] $Items)",
}


@pytest.mark.parametrize("path", [path for path in SENT if path.name in PARAMETERS], ids=name_of)
def test_a_script_takes_what_the_engine_gives(path: Path) -> None:
    first = next(line for line in path.read_text("utf-8-sig").split("\n") if line.strip() and not line.startswith("#"))
    assert first == PARAMETERS[path.name]
