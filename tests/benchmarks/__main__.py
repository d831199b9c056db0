"""Run the benchmarks, each in a process of its own: `python -m tests.benchmarks [NAME ...]`.

Every number that counts is a ratio of two things measured in turn within one run; the machine may
be shared and noisy.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run the named benchmarks, or all; the exit status is the number that failed to run."""
    scripts = {p.stem.removeprefix("bench_"): p for p in sorted(HERE.glob("bench_*.py"))}
    names = sys.argv[1:] or list(scripts)
    unknown = [name for name in names if name not in scripts]
    if unknown:
        print(
            f"error: no benchmark {unknown[0]!r}: choose from {', '.join(scripts)}", file=sys.stderr
        )
        return 2
    failed = 0
    for name in names:
        print(f"\n== {name}", flush=True)
        env = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        failed += (
            subprocess.run([sys.executable, scripts[name]], env=env, check=False).returncode != 0
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
