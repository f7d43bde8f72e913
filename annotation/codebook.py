"""Codebook files: YAML into the frozen model, with every complaint at its line.

The packaged codebook is the default; a study may bring its own.
"""

from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import yaml

from annotation.codebook_lint import lint
from annotation.finding import Finding
from schema.codebook import Codebook
from schema.codebook_check import CodebookFault, codebook_from
from schema.errors import CodebookInvalid

PACKAGED = "struggle-sharing.v1.yaml"
# The C loader reads our file in a tenth of the time; not every build of PyYAML has it.
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
LineOf = Callable[[Sequence[int | str]], int]

__all__ = ["CodebookFile", "Finding", "lint", "lint_file", "load_codebook", "read_codebook"]


class CodebookFile(NamedTuple):
    """A codebook with the place it was read from."""

    name: str
    codebook: Codebook
    line_of: LineOf


def load_codebook(path: Path | None = None) -> Codebook:
    """Return the codebook in `path`, or the project's own.

    Raises:
        CodebookInvalid: no file, no YAML, or a rule broken; names file, line, rule and remedy.
    """
    return read_codebook(path).codebook


def lint_file(path: Path | None = None) -> list[Finding]:
    """Return every rule that a codebook file breaks, with lines; empty when it is sound.

    Raises:
        CodebookInvalid: the file cannot be read as a codebook at all.
    """
    read = read_codebook(path)
    return lint(read.codebook, file=read.name, line_of=read.line_of)


def read_codebook(path: Path | None = None) -> CodebookFile:
    """Return a codebook and the lines of its parts.

    Raises:
        CodebookInvalid: no file, no YAML, or a rule broken; names file, line, rule and remedy.
    """
    name, text = _text(path)
    try:
        loader = _LOADER(text)
        root = loader.get_single_node()
        if root is None:
            raise CodebookInvalid(f"{name}, line 1: the file is empty: start from our codebook")
        _refuse_repeated_keys(name, root)
        data = loader.construct_document(root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = 1 if mark is None else mark.line + 1
        problem = getattr(error, "problem", None) or "not readable"
        raise CodebookInvalid(f"{name}, line {line}: not valid YAML: {problem}: mend it") from None

    def line_of(keys: Sequence[int | str]) -> int:
        return _line(root, keys)

    try:
        return CodebookFile(name, codebook_from(data), line_of)
    except CodebookFault as fault:
        raise CodebookInvalid(f"{name}, line {line_of(fault.keys)}: {fault}") from None


def _text(path: Path | None) -> tuple[str, str]:
    if path is None:
        packaged = resources.files("annotation") / "codebook" / PACKAGED
        return PACKAGED, packaged.read_text(encoding="utf-8")
    try:
        return str(path), path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CodebookInvalid(
            f"{path} does not exist: name the codebook in study.toml, or leave the key out for ours"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CodebookInvalid(f"{path} cannot be read: {type(error).__name__}") from None


def _refuse_repeated_keys(name: str, node: yaml.Node) -> None:
    """Refuse what YAML would take silently: a key written twice, of which the last one wins."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(name, item)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        if key.value in seen:
            raise CodebookInvalid(
                f"{name}, line {key.start_mark.line + 1}: {key.value} stands twice: remove one"
            )
        seen.add(key.value)
        _refuse_repeated_keys(name, value)


def _line(node: yaml.Node, keys: Sequence[int | str]) -> int:
    """Return the line of the longest part of `keys` that the file has."""
    line: int = node.start_mark.line + 1
    for key in keys:
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            pairs = [(k, v) for k, v in node.value if k.value == str(key)]
            if not pairs:
                break
            line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
        else:
            break
    return line
