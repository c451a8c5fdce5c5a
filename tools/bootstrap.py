"""Make an environment with uv in it, with nothing but a Python that is 3.11 to 3.13.

Usage: python3 tools/bootstrap.py ENVIRONMENT LOCK_FILE
"""

import shutil
import subprocess
import sys
from pathlib import Path


def main(environment: Path, lock_file: Path) -> str:
    """Make the environment; return what is in the way, or nothing."""
    # This must run, if only to complain, on any Python 3.
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        version = ".".join(map(str, sys.version_info[:3]))
        return f"Farthing needs Python 3.11 to 3.13, this is {version}: make PYTHON=python3.11 ..."
    shutil.rmtree(environment, ignore_errors=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = ["--require-hashes", "-r", str(lock_file)]
    if _works("-m", "venv", str(environment)):
        installed = _run(environment / "bin" / "python", *install, *locked)
    elif _works("-m", "pip", "--version"):
        # Debian keeps what venv needs in a package of its own; pip alone does as well.
        shutil.rmtree(environment, ignore_errors=True)
        library = environment / "lib"
        installed = _run(sys.executable, *install, "--target", str(library), *locked)
        (environment / "bin").mkdir(parents=True)
        (environment / "bin" / "uv").symlink_to(library.resolve() / "bin" / "uv")
    else:
        return "this Python has neither venv nor pip: apt-get install python3-venv"
    if not installed:
        return "uv could not be installed; is the package index within reach?"
    (environment / "bin" / "uv").touch()
    return ""


def _run(python: "Path | str", *arguments: str) -> bool:
    return subprocess.run([str(python), *arguments], check=False).returncode == 0


def _works(*arguments: str) -> bool:
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    problem = main(Path(sys.argv[1]), Path(sys.argv[2]))
    if problem:
        sys.exit(f"error: {problem}")
