"""`python -m txtproof` is `txtproof`."""

from txtproof.cli import main

if __name__ == "__main__":
    main()
