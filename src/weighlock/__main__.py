"""``python -m weighlock``."""

from weighlock.cli.main import main

if __name__ == "__main__":
    main()
