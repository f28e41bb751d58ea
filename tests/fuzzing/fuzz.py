"""Feeds odd bytes, led by what they reach in the code, to whatever reads bytes: `make fuzz SECONDS=60`.

What it finds lies in the corpus folder of its target, where the tests try it again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def main() -> None:
    """Fuzz every target, one after the other, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", help="only this one, in this process")
    arguments = parser.parse_args()
    if arguments.target is not None:
        fuzz(arguments.target, arguments.seconds)
    # Instrumentation is of a whole process, and a fault ends it.
    targets = [path.name for path in sorted(CORPUS.iterdir())]
    command = [sys.executable, "-m", "tests.fuzzing.fuzz", "--seconds", str(arguments.seconds), "--target"]
    failed = [target for target in targets if subprocess.run([*command, target], check=False).returncode]
    print(f"{len(targets)} targets, {arguments.seconds} s each; faults in: {', '.join(failed) or 'none'}")
    sys.exit(bool(failed))


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target; ends the process."""
    import atheris

    with atheris.instrument_imports(include=["seo_engine"]):
        from tests.fuzzing.targets import TARGETS
    found = CORPUS / name
    with tempfile.TemporaryDirectory() as inputs:
        # New inputs that are no faults go to a folder of their own; the corpus holds findings and what they began with.
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", "-max_len=4096", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, inputs, str(found)], TARGETS[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
