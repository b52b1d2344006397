"""The start of the command `teamsmedic`: loading it takes a quarter second, and Ctrl-C can come before that is done."""

import signal


def main() -> None:
    """Load the command and run it; Ctrl-C before it is loaded ends the process by the signal (130 in a shell)."""
    early = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else whoever started this wants it ignored
    if early:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from teamsmedic.cli import main as command  # noqa: PLC0415 - the reason for this module

    if early:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command()


if __name__ == "__main__":
    main()
