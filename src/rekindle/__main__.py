"""`python -m rekindle` is the command `rekindle`."""

from rekindle.cli import main

if __name__ == "__main__":
    main(prog_name="rekindle")
