"""``python -m harden``: the command, where its script is not in reach."""

from harden.cli import main

if __name__ == "__main__":
    main()
