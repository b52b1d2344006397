"""A simulated Windows device: a Wine prefix with a Windows build of PowerShell, made from a template in under a second.

The template (Windows, the engine, the kit's stand-ins, the administrator) is built once per kit and engine and kept in
`${XDG_CACHE_HOME:-~/.cache}/teamsmedic/lab`. A device is a copy of it, with what `seed` says of its role, and its own
Wine server. Programs are hard links; whatever a script could change in place is a copy.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import functools
import hashlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from teamsmedic.errors import RequestError
from teamsmedic.lab import seed
from teamsmedic.lab.hive import Link, key

KIT = Path(__file__).parent / "kit"
HOME = "Program Files/PowerShell/7"
PWSH = r"C:\Program Files\PowerShell\7\pwsh.exe"
HOOK = r"C:\ProgramData\lab\ContextHook.dll"
LAB = r"C:\ProgramData\lab"
SYSTEM_SID = "S-1-5-18"
_SYSTEM_PROFILE = r"C:\windows\system32\config\systemprofile"
_NOWHERE = Link(r"\Registry\Machine\No\Such\Key")
# Programs and tables of Windows and the engine; nothing that a script edits in place.
_SHARED = frozenset((".acm", ".ax", ".com", ".cpl", ".dll", ".drv", ".exe", ".nls", ".ocx", ".sys", ".tlb"))
# Wine talks on stderr of every program about what it lacks here.
_NOISE = re.compile(r"^.*(?:FS volume label|syswow64).*\n?", re.M)
_START_SECONDS = 90.0
_UNUSED_SECONDS = 86400.0
_SEE = "see what docs/lab.md says a device needs"
_cpus = itertools.count(os.getpid())


class DeviceError(RequestError):
    """A device cannot be made, started or used."""


@dataclass(frozen=True)
class Wine:
    """Wine's two programs."""

    loader: str
    server: str


@functools.cache
def find_wine() -> Wine:
    """Wine 8 or newer from this machine; DeviceError where there is none."""
    loader = next((path for path in ("/usr/lib/wine/wine64",) if os.access(path, os.X_OK)), None)
    loader = loader or shutil.which("wine64") or shutil.which("wine")
    server = shutil.which("wineserver")
    if not loader or not server:
        todo = "install it: apt-get install --no-install-recommends wine64 wine"
        raise DeviceError("looked for Wine", "it is not installed", todo)
    return Wine(loader, server)


@functools.cache
def _starter() -> tuple[str, ...]:
    """What a program of Wine is started with, so that it always starts; nothing where this machine does not allow it.

    Wine's loader lies at 0x7d000000, and Linux puts its heap at random in the GB behind it: in one of some 4,000 starts
    on 0x7ffe0000, where Windows' shared data has to be, and the program ends with 1 and no word (3 of 11,722 starts, by
    Wine's own errors). Without that randomness the heap is right behind the loader, for what the program starts too.
    """
    words = ("setarch", "-R")
    if not shutil.which(words[0]):
        return ()
    return words if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 else ()


def find_engine(explicit: str | os.PathLike[str] | None = None) -> Path:
    """The folder of a Windows build of PowerShell 7.

    In order: `explicit`, TEAMSMEDIC_POWERSHELL (each a folder or its pwsh.exe), pwsh.exe in PATH. DeviceError where
    there is none.
    """
    named = explicit or os.environ.get("TEAMSMEDIC_POWERSHELL")
    found = Path(named) if named else Path(shutil.which("pwsh.exe") or "pwsh.exe")
    folder = found.parent if found.name.lower() == "pwsh.exe" else found
    if not (folder / "pwsh.exe").is_file():
        raise DeviceError(
            "looked for a PowerShell for Windows",
            f"{named} holds no pwsh.exe" if named else "there is no pwsh.exe in PATH",
            "let TEAMSMEDIC_POWERSHELL name the folder of PowerShell 7 for Windows x64",
        )
    return folder.resolve()


def available(engine: str | os.PathLike[str] | None = None) -> str | None:
    """None where `windows` devices can run here, else the sentence that says what is missing."""
    try:
        find_wine()
        find_engine(engine)
    except DeviceError as error:
        return str(error)
    return None


def environment(prefix: Path) -> dict[str, str]:
    """The variables of every process of a device: nothing of the caller's, whose secrets scripts could read there."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(prefix),
        "USER": seed.ADMIN,  # Wine takes the account's name of every process from it, and the administrator's profile
        "LC_ALL": "C.UTF-8",  # else names of files with letters beyond ASCII are lost
        "WINEPREFIX": str(prefix),
        "WINEARCH": "win64",
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "winemenubuilder.exe=d",
        "DISPLAY": "",
        # Without these two the runtime crashes under Wine 8 now and then while types are compiled.
        "DOTNET_EnableWriteXorExecute": "0",
        "DOTNET_gcConcurrent": "0",
    }


def template(engine: Path) -> Path:
    """The template for this kit, engine and Wine; built (about 5 s) where it is not there yet.

    Two processes at once: one builds, the other waits for it.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "teamsmedic" / "lab"
    home = cache / _fingerprint(engine)
    try:
        if not home.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            with (cache / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not home.is_dir():
                    _make(home, engine)
        os.utime(home)
    except OSError as error:
        todo = "let XDG_CACHE_HOME name a folder on a disk with 1 GB of room where you may write"
        raise DeviceError("made the template of Windows devices", str(error), todo) from error
    return home


def _make(home: Path, engine: Path) -> None:
    """Build beside `home` and rename; remove templates that nobody has used for a day."""
    building = Path(tempfile.mkdtemp(prefix="new.", dir=home.parent))
    try:
        _build(building, engine)
        building.rename(home)
    finally:
        end(building)
        shutil.rmtree(building, ignore_errors=True)
    for old in home.parent.iterdir():
        if old.is_dir() and time.time() - old.stat().st_mtime > _UNUSED_SECONDS:
            shutil.rmtree(old, ignore_errors=True)


def _fingerprint(engine: Path) -> str:
    """Of everything that a template is made from; the engine by names, sizes and times of its files (140 MB)."""
    digest = hashlib.sha256()
    for path in sorted((*KIT.rglob("*"), Path(__file__), Path(seed.__file__))):
        if path.is_file():
            digest.update(f"{path.name}\0".encode() + path.read_bytes())
    for path in sorted(engine.rglob("*")):
        status = path.stat()
        digest.update(f"{path.relative_to(engine)} {status.st_size} {status.st_mtime_ns}\0".encode())
    status = Path(find_wine().loader).stat()
    digest.update(f"{engine} {status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def _build(prefix: Path, engine: Path) -> None:
    drive = prefix / "drive_c"
    _wine(prefix, "wineboot", "-i")
    _stop(prefix, wait=True)
    # A device must not reach into this machine: no drive for /, no links into the home folder.
    (prefix / "dosdevices/z:").unlink(missing_ok=True)
    for path in [path for path in (drive / "users").rglob("*") if path.is_symlink()]:
        path.unlink()
        path.mkdir()
    (drive / "users").rename(drive / "Users")
    shutil.copytree(engine, drive / HOME, dirs_exist_ok=True)
    runtime = drive / HOME / "pwsh.runtimeconfig.json"
    if "ForceEmitInvoke" not in (text := runtime.read_text()):
        # Without it an exception that leaves a method called by reflection hangs the process under Wine.
        head = '"configProperties": {'
        runtime.write_text(text.replace(head, f'{head}"Switch.System.Reflection.ForceEmitInvoke": true,'))
    for module in [path for path in KIT.iterdir() if path.is_dir()]:
        shutil.copytree(module, drive / "Program Files/PowerShell/Modules" / module.name)
    source = drive / "ProgramData/lab/source"
    source.mkdir(parents=True)
    for path in (*KIT.glob("*.cs"), *KIT.glob("*.ps1")):
        shutil.copy(path, source)
    _administrator(prefix)
    _wine(prefix, PWSH, "-NoProfile", "-File", rf"{LAB}\source\build.ps1")
    _stop(prefix, wait=True)
    # Debian's Wine leaves the place of the server's socket here.
    (prefix / "wineserver").unlink(missing_ok=True)


def _administrator(prefix: Path) -> None:
    """Wine's own user becomes the administrator; what an unknown program shows is therefore never a desk user's."""
    drive = prefix / "drive_c"
    temp: dict[str, Any] = dict.fromkeys(("TEMP", "TMP"), rf"C:\Users\{seed.ADMIN}\AppData\Local\Temp")
    user = prefix / "user.reg"
    text = re.sub(r"(?m)^\[Volatile Environment\].*\n(?:[^\[\n].*\n)*", "", user.read_text())
    # Two keys lead nowhere: the vault, which a network logon does not have (every Cred* call fails with 1312), and
    # the mark of a session, which Wine would make again at every start.
    user.write_text(
        text
        + key("Environment", seed.session(rf"C:\Users\{seed.ADMIN}", seed.ADMIN, "CONTOSO") | temp)
        + key(seed.VAULT, _NOWHERE)
        + key("Volatile Environment", _NOWHERE)
        + key(r"Software\Wine\DllOverrides")
    )
    windows_temp: dict[str, Any] = dict.fromkeys(("TEMP", "TMP"), r"C:\windows\TEMP")
    system = seed.session(_SYSTEM_PROFILE, "%COMPUTERNAME%$", "WORKGROUP") | windows_temp
    with (prefix / "userdef.reg").open("a") as file:
        file.write(
            key(seed.VAULT, _NOWHERE)
            + key("Environment", {name: seed.expandable(value) for name, value in system.items()})
            + key(
                seed.SHELL_FOLDERS,
                seed.folders(_SYSTEM_PROFILE) | {"{5E6C858F-0E22-4760-9AFE-EA3317B67173}": _SYSTEM_PROFILE},
            )
        )
    with (prefix / "system.reg").open("a") as file:
        file.write(
            key(seed.PROFILES, {"ProfilesDirectory": r"C:\Users"})
            + key(rf"{seed.PROFILES}\{SYSTEM_SID}", {"ProfileImagePath": r"%systemroot%\system32\config\systemprofile"})
            + key(rf"{seed.PROFILES}\{seed.ADMIN_SID}", {"ProfileImagePath": rf"C:\Users\{seed.ADMIN}"})
        )
    for home in (drive / "Users" / seed.ADMIN, drive / "windows/system32/config/systemprofile"):
        for folder in ("Desktop", "Documents", "AppData/Local/Temp", "AppData/LocalLow", "AppData/Roaming"):
            (home / folder).mkdir(parents=True, exist_ok=True)


def _wine(prefix: Path, *command: str) -> None:
    """Run one program of the template. Files, not pipes: Wine's services would keep those open."""
    code, output, errors = _wait([*_starter(), find_wine().loader, *command], environment(prefix), prefix)
    if code != 0:
        raise DeviceError(f"ran {command[0]} for a template", f"exit code {code}: {(errors + output)[-500:]}", _SEE)


def _stop(prefix: Path, *, wait: bool = False) -> None:
    """End the Wine server, and with it all processes of a device; or `wait` until it has ended by itself."""
    _quietly([find_wine().server, "-w" if wait else "-k"], prefix)


def _wait(
    command: list[str], variables: dict[str, str], folder: Path, text: bytes = b"", timeout: float = _START_SECONDS
) -> tuple[int | None, str, str]:
    """Exit code (None: not in time), output and errors of a program. Files, as what it starts may hold its pipes."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        given.write(text)
        given.seek(0)
        try:
            code: int | None = subprocess.run(
                command,
                env=variables,
                cwd=folder,
                stdin=given,
                stdout=output,
                stderr=errors,
                timeout=timeout,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
        for file in (output, errors):
            file.seek(0)
        said, complained = (file.read().decode(errors="replace") for file in (output, errors))
    return code, said, _NOISE.sub("", complained).strip()


def _quietly(command: list[str], prefix: Path) -> None:
    null = subprocess.DEVNULL
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command, env=environment(prefix), stdin=null, stdout=null, stderr=null, timeout=_START_SECONDS, check=False
        )


class Device:
    """One device. Made by `create`; `boot` before anything runs on it, `off` afterwards."""

    def __init__(self, prefix: Path, role: seed.Role, people: tuple[seed.Person, ...], computer: str, cpu: int) -> None:
        """Use `create`."""
        self.prefix, self.role, self.people, self.computer, self.cpu = prefix, role, people, computer, cpu
        self.started: dict[int, subprocess.Popen[bytes]] = {}
        """Programs of `spawn` by their process id on the device."""
        self._desktop: subprocess.Popen[bytes] | None = None
        self._reader: subprocess.Popen[str] | None = None

    @classmethod
    def create(
        cls,
        prefix: Path,
        role: seed.Role = "desktop",
        seeds: tuple[str, ...] = (),
        *,
        name: str = "",
        engine: str | os.PathLike[str] | None = None,
        cpu: int | None = None,
    ) -> Device:
        """Make a device in the new folder `prefix` (below 1 s once there is a template).

        `name` gives the device its NetBIOS name; `cpu` is the one processor that all of it runs on (default: the
        next one in turn). DeviceError for a role or seed that does not exist, and without Wine or engine.
        """
        if role not in seed.ROLES or not set(seeds) <= set(seed.SEEDS):
            raise DeviceError(
                f"made the device {prefix.name}",
                f"there is no role {role} with the seeds {list(seeds)}",
                f"use a role of {list(seed.ROLES)} and seeds of {list(seed.SEEDS)}",
            )
        prefix = prefix.absolute()
        computer = re.sub(r"[^A-Z0-9-]", "-", (name or prefix.name).upper())[:15].strip("-") or "DEVICE"
        source = template(find_engine(engine))
        _clone(source, prefix)
        look = seed.look(role, seeds, computer)
        if cpu is None:
            processors = sorted(os.sched_getaffinity(0))
            cpu = processors[next(_cpus) % len(processors)]
        device = cls(prefix, role, look.people, computer, cpu)
        with (prefix / "system.reg").open("a") as file:
            file.write(look.machine)
        for path, data in look.files.items():
            device.put(path, data)
        for path in look.programs:
            device.put_program(path)
        for folder, hive in look.hives.items():
            device.put(rf"C:\Users\{folder}\NTUSER.DAT", hive.encode("ascii"))
        return device

    def file(self, path: str) -> Path:
        """The file on this machine that a Windows path means; letters in any case, as Windows takes them."""
        at = self.prefix / "drive_c"
        for part in PureWindowsPath(path).parts[1:]:
            exact = at / part
            if not os.path.lexists(exact) and at.is_dir():
                exact = next((entry for entry in at.iterdir() if entry.name.lower() == part.lower()), exact)
            at = exact
        return at

    def put(self, path: str, data: bytes | None) -> Path:
        """Write a file (or with None make a folder) by its Windows path, with the folders above it."""
        file = self.file(path)
        if data is None:
            file.mkdir(parents=True, exist_ok=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)  # it may be a link into the template
            file.write_bytes(data)
        return file

    def put_program(self, path: str) -> None:
        """Put a real program there that runs until it is ended."""
        starter = (self.prefix / "drive_c" / HOME / "pwsh.exe").read_bytes()
        # The runtime's starter holds the path of what it starts, relative to its own folder, in 1024 bytes.
        up = "..\\" * (len(PureWindowsPath(path).parts) - 2)
        name = f"{up}{HOME}/Lab.labidle.dll".replace("/", "\\").encode() + b"\0"
        at = starter.index(b"pwsh.dll\0")
        self.put(path, starter[:at] + name + starter[at + len(name) :]).chmod(0o755)

    def person(self, name: str) -> seed.Person:
        """Who has the profile folder `name`; KeyError where nobody has."""
        return {person.folder: person for person in self.people}[name]

    def command(self, *arguments: str) -> list[str]:
        """The program with its arguments (Windows paths) as it is started on this machine."""
        return [*_starter(), *self._pin(), find_wine().loader, *arguments]

    def environment(self, user: str | None = None, *, elevated: bool = False) -> dict[str, str]:
        """The variables that put a process into a context: the administrator's; with `user` (a profile folder or
        SYSTEM) that user's session."""
        variables = environment(self.prefix) | {"DOTNET_STARTUP_HOOKS": HOOK}
        if user is not None:
            variables["LAB_USER_SID"] = SYSTEM_SID if user == "SYSTEM" else self.person(user).sid
        if elevated or user == "SYSTEM":
            variables["LAB_ELEVATED"] = "1"
        return variables

    @property
    def folder(self) -> Path:
        """Where the administrator's processes start: his Documents, as over WinRM."""
        return self.prefix / "drive_c/Users" / seed.ADMIN / "Documents"

    def boot(self) -> None:
        """Start the device (about 0.6 s): Windows' services, the hives of those who are logged on."""
        server = [*_starter(), *self._pin(), find_wine().server, "-p"]
        _quietly(server, self.prefix)
        sids = [person.sid for person in self.people if person.logged_on]
        self._lab("up", self.computer, *sids)
        # Otherwise each session's first use of COM starts one of its own (1 s), which then holds the session's pipes.
        null = subprocess.DEVNULL
        self._desktop = subprocess.Popen(
            self.command(r"C:\windows\system32\explorer.exe", "/desktop"),
            env=environment(self.prefix),
            cwd=self.prefix / "drive_c",
            stdin=null,
            stdout=null,
            stderr=null,
        )

    def off(self) -> None:
        """Shut the device down: hives go back into their files, all processes end."""
        self._lab("down")
        _stop(self.prefix)
        self._reap()

    def restart(self) -> None:
        """Off and on again; the time of the last boot moves, every session on the device ends."""
        self.off()
        self.boot()

    def destroy(self) -> None:
        """End all its processes at once and remove it from the disk."""
        end(self.prefix)
        self._reap()
        shutil.rmtree(self.prefix, ignore_errors=True)

    def _reap(self) -> None:
        for process in (*self.started.values(), *([self._desktop] if self._desktop else [])):
            process.wait(10)
        self.started.clear()
        self._desktop = None
        if self._reader:
            self._reader.communicate()
            self._reader = None

    def run(self, script: str, user: str | None = None, *, elevated: bool = False, timeout: float = 60) -> str:
        """What a PowerShell script writes; as the administrator, or in the session of `user` (see `environment`).

        It runs with ErrorActionPreference Stop. DeviceError with its messages where it ends with another code than 0.
        """
        prologue = (
            "$ErrorActionPreference='Stop';[Console]::OutputEncoding=New-Object Text.UTF8Encoding;"
            "$r=New-Object IO.StreamReader -ArgumentList ([Console]::OpenStandardInput());"
            ". ([scriptblock]::Create($r.ReadToEnd()))"
        )
        encoded = base64.b64encode(prologue.encode("utf-16-le")).decode()
        code, output, errors = _wait(
            self.command(PWSH, "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded),
            self.environment(user, elevated=elevated),
            self.folder if user in (None, "SYSTEM") else self.file(self.person(user).profile),
            script.encode(),
            timeout,
        )
        if code != 0:
            raise DeviceError(
                f"ran a script on {self.computer} as {user or seed.ADMIN}",
                "it did not end in time" if code is None else f"exit code {code}: {errors or output[-2000:]}",
                "mend the script",
            )
        return output.replace("\r\n", "\n").strip()

    def spawn(self, image: str, *arguments: str, user: str | None = None) -> int:
        """Start a real process of that image path (put there where it is missing) that runs until it is ended.

        Returns its process id on the device. Arguments must hold no double quotes: Wine would escape them.
        """
        if not self.file(image).exists():
            self.put_program(image)
        process = subprocess.Popen(
            self.command(image, *arguments),
            env=self.environment(user),
            cwd=self.prefix / "drive_c",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        with process.stdout:
            line = process.stdout.readline().strip()
        if not line.isdigit():
            raise DeviceError(f"started {image} on {self.computer}", f"exit code {process.wait(30)}", _SEE)
        self.started[int(line)] = process
        return int(line)

    def runs(self, process_id: int) -> bool:
        """Whether a process of `spawn` still runs."""
        return self.started[process_id].poll() is None

    def save_registry(self, folder: Path, *, acl: bool = False) -> None:
        """Have the whole registry written into files of a folder of this machine, as `labsnap.exe` says.

        That runs until the device is off: a start costs more than a look.
        """
        if self._reader is None:
            self._reader = subprocess.Popen(
                self.command(rf"{LAB}\labsnap.exe"),
                env=environment(self.prefix),
                cwd=self.prefix / "drive_c",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self._reader.stdin
        assert self._reader.stdout
        path = "\\\\?\\unix" + str(folder).replace("/", "\\")
        self._reader.stdin.write(f"{path}{'|acl' if acl else ''}\n")
        self._reader.stdin.flush()
        said = self._reader.stdout.readline().strip()
        if said != "0":
            raise DeviceError(f"read the registry of {self.computer}", said or "its reader has ended", _SEE)

    def _pin(self) -> list[str]:
        # Client and Wine server exchange thousands of small requests: on one CPU 0.28 s, on two 1.05 s for the same.
        return ["taskset", "-c", str(self.cpu)] if shutil.which("taskset") else []

    def _lab(self, *arguments: str) -> None:
        code, _, errors = _wait(
            self.command(rf"{LAB}\labboot.exe", *arguments), environment(self.prefix), self.prefix / "drive_c"
        )
        if code != 0:
            raise DeviceError(f"took the device {self.computer} {arguments[0]}", errors or f"exit code {code}", _SEE)


def end(prefix: Path) -> None:
    """Kill every process of the device in that folder, its Wine server included: nothing there is worth keeping.

    They are known by a variable of theirs. (`wineserver -k` takes 0.8 s, and `-k9` leaves Windows' services running.)
    """
    needle = f"WINEPREFIX={prefix.absolute()}".encode()
    found = True
    while found:
        found = False
        for process in Path("/proc").iterdir():
            if process.name.isdecimal():
                with contextlib.suppress(OSError):
                    if needle in (process / "environ").read_bytes().split(b"\0"):
                        os.kill(int(process.name), signal.SIGKILL)
                        found = True


def _clone(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for entry in os.scandir(source):
        copy = target / entry.name
        if entry.is_symlink():
            copy.symlink_to(Path(entry.path).readlink())
        elif entry.is_dir():
            _clone(Path(entry.path), copy)
        else:
            if Path(entry.name).suffix.lower() in _SHARED:
                with contextlib.suppress(OSError):  # another file system, or too many links
                    copy.hardlink_to(entry.path)
                    continue
            shutil.copy2(entry.path, copy)
    shutil.copystat(source, target)
