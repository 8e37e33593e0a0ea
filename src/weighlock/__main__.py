"""``python -m weighlock``."""

from weighlock.cli.start import main

if __name__ == "__main__":
    main()
