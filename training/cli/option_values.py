"""What the options of ``python -m training`` may be: numbers in words."""

from __future__ import annotations

import argparse

from training.errors import TrainingError

SEED_DIGITS = 19  # below which a seed is a 64 bit number
MOST = 100_000  # of epochs, seeds, jobs, threads: a slip of the finger, not a plan


def parse_seeds(text: str) -> list[int]:
    """Turn ``5`` into the seeds 0 to 4, and ``3,7,11`` into just those.

    >>> parse_seeds("3"), parse_seeds("3,7,11"), parse_seeds("7,")
    ([0, 1, 2], [3, 7, 11], [7])
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) < SEED_DIGITS):
            raise TrainingError(
                f"--seeds {text[:40]}: {part[:40]!r} is not a seed; give how many (5) or which "
                "(3,7,11)"
            )
    seeds = [int(part) for part in parts]
    if "," not in text:
        if not 1 <= seeds[0] <= MOST:
            raise TrainingError(f"--seeds {text}: from 1 to {MOST:,} seeds can be asked for")
        return list(range(seeds[0]))
    if len(set(seeds)) < len(seeds):
        raise TrainingError(f"--seeds {text}: a seed is given twice")
    return seeds


def positive(text: str) -> int:
    """Parse a whole number from 1 to ``MOST``."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST:,}")
    return int(text)
