"""Write the reference of the ``postgres`` package in docs/reference from its docstrings.

``--check`` writes nothing and fails if what is there is not what would be written.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"

# What an application imports; the rest is how it is done.
GENERAL = (
    "postgres.database",
    "postgres.migrate",
    "postgres.core",
    "postgres.sessions",
    "postgres.paging",
    "postgres.errors",
    "postgres.encrypted",
    "postgres.export",
    "postgres.erasure",
    "postgres.common.enums",
    "postgres.common.states",
)
DOMAINS = ("auth", "common", "gocardless", "telegram", "trading212")
_ROLE = re.compile(r":\w+:`~?([^`]+)`")


def main() -> int:
    """Write or check the pages, and return the exit code."""
    # Of docstrings without annotations for each name, which ours leave to the signature.
    logging.getLogger("griffe").setLevel(logging.ERROR)
    pages = dict(_pages(griffe.load("postgres", docstring_parser="sphinx", search_paths=[ROOT])))
    if "--check" in sys.argv[1:]:
        known = {path.name: path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md")}
        stale = sorted({name for name in {*known, *pages} if known.get(name) != pages.get(name)})
        if stale:
            print(f"docs/reference is not of this code; run `make docs`: {', '.join(stale)}")
        return int(bool(stale))
    REFERENCE.mkdir(exist_ok=True)
    for path in REFERENCE.glob("*.md"):
        path.unlink()
    for name, text in pages.items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    return 0


def _pages(package: Any) -> Iterator[tuple[str, str]]:
    operations = {domain: _operations(package, domain) for domain in DOMAINS}
    yield "README.md", _index(operations)
    general = [package[path.removeprefix("postgres.")] for path in GENERAL]
    yield "general.md", _page("What all of it shares", general)
    for domain, modules in operations.items():
        yield f"{domain}.md", _page(f"Operations of `{domain}`", modules)


def _operations(package: Any, domain: str) -> list[Any]:
    modules = package[f"{domain}.operations"].modules
    return [modules[name] for name in sorted(modules)]


def _index(operations: dict[str, list[Any]]) -> str:
    lines = [
        "# Reference of the `postgres` package",
        "",
        "Made from the docstrings by `make docs`; change those.",
        "",
        "- [What all of it shares](general.md): " + ", ".join(f"`{path}`" for path in GENERAL),
    ]
    for domain, modules in operations.items():
        names = ", ".join(f"[`{module.name}`]({domain}.md#{module.name})" for module in modules)
        lines.append(f"- [Operations of `{domain}`]({domain}.md): {names}")
    return "\n".join(lines) + "\n"


def _page(title: str, modules: list[Any]) -> str:
    parts = [f"# {title}\n"]
    for module in modules:
        parts.append(f'<a id="{module.name}"></a>\n\n## `{module.path}`\n')
        parts.append(_text(module))
        parts += [_member(member) for member in _public(module)]
    return "\n".join(part for part in parts if part)


def _public(module: Any) -> list[Any]:
    return [
        member
        for name, member in module.members.items()
        if not name.startswith("_") and not member.is_alias and member.docstring
        and (member.is_function or member.is_class or member.is_attribute)
    ]  # fmt: skip


def _member(member: Any) -> str:
    if member.is_function:
        return f"### `{member.name}`\n\n```python\n{_signature(member)}\n```\n\n{_text(member)}"
    if member.is_class:
        bases = ", ".join(str(base) for base in member.bases)
        heading = f"### class `{member.name}`" + (f" ({bases})" if bases else "")
        methods = [_member(each) for each in _public(member) if each.is_function]
        return "\n".join([f"{heading}\n", _text(member), _values(member), *methods])
    return f"### `{member.name}`\n\n{_text(member)}"


def _values(member: Any) -> str:
    """Say what an enum's members are stored as."""
    if not any("Enum" in str(base) for base in member.bases):
        return ""
    values = [
        f"`{str(each.value).strip(chr(39))}`"
        for each in member.members.values()
        if each.is_attribute
    ]
    return f"{', '.join(values)}\n"


def _signature(function: Any) -> str:
    returns = f" -> {function.returns}" if function.returns else ""
    parameters = [p for p in function.parameters if p.name not in ("self", "cls")]
    written: list[str] = []
    for place, parameter in enumerate(parameters):
        is_keyword = parameter.kind is griffe.ParameterKind.keyword_only
        before = parameters[place - 1].kind if place else None
        if is_keyword and before is not griffe.ParameterKind.keyword_only:
            written.append("*")
        default = f" = {parameter.default}" if parameter.default is not None else ""
        annotation = f": {parameter.annotation}" if parameter.annotation else ""
        written.append(f"{parameter.name}{annotation}{default}")
    line = f"{function.name}({', '.join(written)}){returns}"
    if len(line) <= 100:
        return line
    inner = "".join(f"    {each},\n" for each in written)
    return f"{function.name}(\n{inner}){returns}"


def _text(documented: Any) -> str:
    if documented.docstring is None:
        return ""
    parts: list[str] = []
    for section in documented.docstring.parsed:
        if section.kind is griffe.DocstringSectionKind.text:
            parts.append(section.value)
        elif section.kind is griffe.DocstringSectionKind.parameters:
            parts.append("\n".join(f"- `{p.name}`: {_flat(p.description)}" for p in section.value))
        elif section.kind is griffe.DocstringSectionKind.returns:
            parts.append("\n".join(f"Returns {_flat(r.description)}" for r in section.value))
        elif section.kind is griffe.DocstringSectionKind.raises:
            parts.append(
                "\n".join(
                    f"- raises `{r.annotation}` {_flat(r.description)}" for r in section.value
                )
            )
    text = "\n\n".join(parts)
    return _ROLE.sub(r"`\1`", text).replace("``", "`") + "\n"


def _flat(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
