"""``python -m bench [NAME…]``: run all benches, or the named ones; figures go to ``bench/out``."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run each bench as a process of its own; return 1 where one failed."""
    known = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    names = sys.argv[1:] or list(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.stderr.write(f"no bench {', '.join(unknown)}; there are {', '.join(known)}\n")
        return 2
    # The program that stands beside this Python, as in a shell where its environment is active.
    env = {**os.environ, "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    failed = [n for n in names if subprocess.run([sys.executable, str(known[n])], check=False, env=env).returncode]
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
