"""`python -m teamsmedic` is the command `teamsmedic`."""

from teamsmedic.cli import main

if __name__ == "__main__":
    main()
