"""The shape of the code, where a tool or a reader would not notice that it is lost."""

from __future__ import annotations

import ast
import importlib
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("farthing", "providers", "postgres", "ingestion", "dagster_project", "cli")
SHIPPED = (*PRODUCT, "sandbox")

MOST_NOQA = 24
MOST_LINES = 450

# Where the real clock is meant: waiting, a provider's resets, processes and Dagster's own records.
# Elsewhere a comment beside the line says "real clock".
REAL_CLOCK = {
    "farthing/clock.py",
    "providers/http.py",
    "providers/gocardless/errors.py",
    "providers/trading212/client.py",
    "dagster_project/defs/maintenance/schedules.py",
    "dagster_project/lib/partitions.py",
    "cli/crash.py",
    "cli/supervisor.py",
}
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
WALL_CLOCK = {"now", "utcnow", "today", "time", "time_ns", "localtime", "gmtime", "strftime"}


@cache
def sources(*packages: str) -> dict[str, str]:
    """Path below the root to text, of every module of some packages."""
    files = {
        str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
        for package in packages
        for file in sorted((ROOT / package).rglob("*.py"))
    }
    assert len(files) >= len(packages)
    return files


@cache
def calls(*packages: str) -> list[tuple[str, str, ast.Call]]:
    """Place, dotted name and node of every call."""
    return [
        (f"{path}:{node.lineno}", dotted(node.func), node)
        for path, text in sources(*packages).items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
    ]


def dotted(node: ast.expr) -> str:
    """``dt.datetime.now`` for the attribute of that name; what is no name is an empty part."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def where(matches: Callable[[str, ast.Call], bool], *packages: str) -> list[str]:
    return [f"{place} {name}" for place, name, call in calls(*packages) if matches(name, call)]


@pytest.mark.slow
def test_imports_go_down_the_floors() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            LINT_IMPORTS,
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("package", SHIPPED)
def test_the_code_under_test_is_that_of_this_folder(package: str) -> None:
    # "postgres" and "cli" are plain names: something else of that name may be installed.
    file = importlib.import_module(package).__file__

    assert file is not None
    assert Path(file).resolve() == ROOT / package / "__init__.py"


def test_queries_are_selects() -> None:
    def is_legacy(name: str, _: ast.Call) -> bool:
        return name.endswith(".query") and "session" in name.lower()

    assert where(is_legacy, *PRODUCT) == []


def test_nothing_prints_but_the_command_line() -> None:
    def prints(name: str, _: ast.Call) -> bool:
        return name in {"print", "sys.stdout.write", "sys.stderr.write"}

    # `python -m sandbox` is a command line of its own: it says where it listens.
    quiet = [package for package in SHIPPED if package != "cli"]
    found = [
        place for place in where(prints, *quiet) if not place.startswith("sandbox/__main__.py")
    ]

    assert found == []


def test_no_number_becomes_a_float() -> None:
    # Money is a Decimal from the provider's bytes to the mart. Seconds and shares of a bar are not
    # money, but they need no float() either.
    assert where(lambda name, _: name == "float", *PRODUCT) == []


def test_json_with_money_is_parsed_into_decimals() -> None:
    def may_read_floats(name: str, call: ast.Call) -> bool:
        return name == "json.loads" and "parse_float" not in {k.arg for k in call.keywords}

    assert where(may_read_floats, "providers", "postgres", "ingestion") == []


def test_only_the_one_clock_says_what_time_it_is() -> None:
    def reads_the_clock(name: str, _: ast.Call) -> bool:
        *owner, function = name.split(".")
        return function in WALL_CLOCK and bool({"datetime", "date", "time"} & set(owner))

    strangers = [
        found
        for found in where(reads_the_clock, *PRODUCT)
        if found.partition(":")[0] not in REAL_CLOCK and not says_real_clock(found.split()[0])
    ]

    assert strangers == []


def says_real_clock(place: str) -> bool:
    """Tell whether a comment at the line, or in the three above it, says that it is meant."""
    file, _, line = place.partition(":")
    near = range(int(line) - 3, int(line) + 1)
    return any(
        "real clock" in comment for at, comment in comments(sources(*PRODUCT)[file]) if at in near
    )


def test_suppressions_are_few_and_name_what_they_suppress() -> None:
    found = [
        (f"{path}:{line}", comment)
        for path, text in sources(*PRODUCT).items()
        for line, comment in comments(text)
        if "noqa" in comment
    ]
    nameless = [place for place, comment in found if not re.search(r"noqa: [A-Z]+\d+", comment)]

    assert nameless == []
    assert len(found) <= MOST_NOQA, found


def test_no_file_is_too_long_to_read() -> None:
    lengths = {path: text.count("\n") for path, text in sources(*PRODUCT).items()}

    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_sql_file_that_is_read_is_there_and_every_one_there_is_read() -> None:
    read = set()
    for place, name, call in calls("postgres"):
        if name.rpartition(".")[2] == "read_sql":
            file = call.args[1]
            assert isinstance(file, ast.Constant), f"{place}: the file's name is not written out"
            read.add((ROOT / place.partition(":")[0]).parent / "sql" / str(file.value))

    assert read == set((ROOT / "postgres").rglob("sql/*.sql"))
    assert len(read) >= 10


def test_sql_is_never_pasted_together() -> None:
    def is_pasted(name: str, call: ast.Call) -> bool:
        is_sql = name in {"sa.text", "text", "sqlalchemy.text"} or name.endswith(".exec_driver_sql")
        return is_sql and bool(call.args) and isinstance(call.args[0], ast.JoinedStr | ast.BinOp)

    # The name of a database cannot be a parameter; it is quoted there.
    assert [
        place
        for place in where(is_pasted, "postgres", "ingestion", "dagster_project")
        if not place.startswith("postgres/database.py:")
    ] == []
