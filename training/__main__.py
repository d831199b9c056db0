"""``python -m training``."""

import sys

if __name__ == "__main__":
    try:
        from training.cli.commands import main
    except KeyboardInterrupt:  # importing torch takes seconds
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(main())
