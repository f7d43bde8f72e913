"""Proof that a form's keys, names and conditions hold together.

Label Studio's own validation misses repeated keys, shown names and aliases; a condition that
names no choice just never opens. So every generated form is held against these rules.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from xml.parsers import expat

from annotation.finding import Finding
from annotation.form import NO_KEY

_MODIFIERS: Final = ("ctrl", "alt", "shift")
_KEYED: Final = ("Choice", "Label")
# What Label Studio 1.23.2 binds itself while a text is coded: its keymap's sections annotation,
# regions, data_manager and paragraphs. Those for images, audio, video are not bound.
RESERVED_KEYS: Final = frozenset(
    {
        *("u", "enter", "escape", "backspace", "delete", "up", "down", "left", "right"),
        *("alt+r", "alt+h", "alt+l", "alt+m", "alt+."),
        *("shift+up", "shift+down", "shift+left", "shift+right", "shift+."),
        *("ctrl+enter", "ctrl+space", "ctrl+z", "ctrl+shift+z", "ctrl+backspace", "ctrl+h"),
        *("ctrl+d", "ctrl+left", "ctrl+right", "ctrl+up", "ctrl+down", "ctrl+shift+a"),
    }
)


class _Tag(NamedTuple):
    """One element of the form: `control` is the name of the list it stands in."""

    kind: str
    attributes: Mapping[str, str]
    line: int
    control: str


def lint_form(xml: str, *, name: str = "form") -> list[Finding]:
    """Return every rule that a labelling configuration breaks; empty when it is sound."""
    try:
        tags = _tags(xml)
    except expat.ExpatError as error:
        return [Finding(name, error.lineno, "the form is not XML", "generate it anew")]
    checks = (_keys(tags), _names(tags), _choices(tags), _conditions(tags))
    found = [Finding(name, *problem) for check in checks for problem in check]
    return sorted(found, key=lambda finding: finding.line)


def normal_key(key: str) -> str:
    """Write a key with its modifiers in one order, as `ctrl+alt+shift+x`."""
    *modifiers, last = key.lower().replace(" ", "").split("+")
    return "+".join([*(m for m in _MODIFIERS if m in modifiers), last])


def _tags(xml: str) -> list[_Tag]:
    parser = expat.ParserCreate()
    tags: list[_Tag] = []
    open_controls = [""]

    def start(kind: str, attributes: dict[str, str]) -> None:
        tags.append(_Tag(kind, attributes, parser.CurrentLineNumber, open_controls[-1]))
        inherits = kind not in ("Choices", "Labels", "ParagraphLabels")
        open_controls.append(open_controls[-1] if inherits else attributes.get("name", ""))

    def end(_kind: str) -> None:
        open_controls.pop()

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(xml, True)
    return tags


Problems = Iterator[tuple[int, str, str]]


def _keys(tags: list[_Tag]) -> Problems:
    holders: dict[str, _Tag] = {}
    for tag in tags:
        if tag.kind not in _KEYED:
            continue
        key = tag.attributes.get("hotkey", "")
        if not key:
            rule = f"a {tag.kind} of {tag.control} has no key"
            yield tag.line, rule, "give it one: Label Studio would assign a free letter"
        if not key or key == NO_KEY:
            continue
        key = normal_key(key)
        if key in RESERVED_KEYS:
            yield tag.line, f"key {key} is Label Studio's own", "choose another key"
        if key in holders:
            rule = f"key {key} stands in {tag.control} and in {holders[key].control}"
            yield tag.line, rule, "give each choice and label a key of its own"
        holders[key] = tag


def _names(tags: list[_Tag]) -> Problems:
    named = [tag for tag in tags if "name" in tag.attributes]
    counts = Counter(tag.attributes["name"] for tag in named)
    for tag in named:
        if counts[tag.attributes["name"]] > 1:
            yield tag.line, f"name {tag.attributes['name']} stands twice", "rename one"
    for tag in tags:
        target = tag.attributes.get("toName", tag.attributes.get("whenTagName"))
        if target is not None and target not in counts:
            yield tag.line, f"{tag.kind} refers to {target}, which is not in the form", "mend it"


def _choices(tags: list[_Tag]) -> Problems:
    for attribute in ("value", "alias"):
        seen: set[tuple[str, str]] = set()
        for tag in tags:
            value = tag.attributes.get(attribute)
            if tag.kind not in _KEYED or value is None:
                continue
            if (tag.control, value) in seen:
                rule = f"{attribute} {value} stands twice in {tag.control}"
                yield tag.line, rule, "make it unique: results could not tell them apart"
            seen.add((tag.control, value))


def _conditions(tags: list[_Tag]) -> Problems:
    shown = {(t.control, t.attributes.get("value")) for t in tags if t.kind == "Choice"}
    for tag in tags:
        if "visibleWhen" not in tag.attributes:
            continue
        control = tag.attributes.get("whenTagName", "")
        value = tag.attributes.get("whenChoiceValue", "")
        for name in value.split(","):
            if (control, name) not in shown:
                rule = f"condition {name} is no shown name in {control}"
                yield tag.line, rule, "use the name as shown, not its alias, and no comma in it"
