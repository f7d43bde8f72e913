"""The shell of `confide sql`: statements that end with a semicolon, and a few words of its own."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from flows.tables import as_table
from schema.errors import BadInput
from warehouse.corpus import Corpus

PROMPT: Final = "confide> "
MORE: Final = "    ...> "
WELCOME: Final = """{readme}
Read-only. End a statement with a semicolon; .help tells more, Ctrl-D leaves."""
HELP: Final = """.tables         every table and view, and what it holds
.columns TABLE  its columns, their types and meaning
.readme         how to read this file
.quit           leave, as Ctrl-D does
anything else   is SQL, up to a semicolon"""
README: Final = "select text from readme order by line"


def converse(
    corpus: Corpus,
    *,
    answer: Callable[[str], None],
    read: Callable[[str], str] = input,
    say: Callable[[str], None] = print,
) -> None:
    """Answer statement by statement until the person leaves; an error is told and forgotten."""
    with suppress(ImportError):
        import readline  # noqa: F401, PLC0415  gives `input` a history; not everywhere built
    published = corpus.rows("select text from readme order by line desc limit 1")
    say(WELCOME.format(readme=next(iter(published))[0]))
    while (statement := _statement(read, say)) is not None:
        try:
            if statement.startswith("."):
                if not _command(corpus, statement, say):
                    return
            elif statement:
                answer(statement)
        except BadInput as error:
            say(str(error))
        except KeyboardInterrupt:
            say("stopped")


def _statement(read: Callable[[str], str], say: Callable[[str], None]) -> str | None:
    """Read lines up to a semicolon, or one line that begins with a dot; None at the end."""
    lines: list[str] = []
    while True:
        try:
            lines.append(read(MORE if lines else PROMPT))
        except EOFError:
            say("")
            return None
        except KeyboardInterrupt:  # as shells do: forget what was begun
            say("")
            return ""
        text = "\n".join(lines).strip()
        if not text or text.startswith(".") or text.endswith(";"):
            return text


def _command(corpus: Corpus, line: str, say: Callable[[str], None]) -> bool:
    """Do one of the shell's own words; tell whether to go on."""
    word, _, rest = line.partition(" ")
    if word in (".quit", ".exit"):
        return False
    if word == ".tables":
        say(as_table(corpus.tables().to_dicts()))
    elif word == ".columns":
        say(as_table(corpus.columns(rest.strip().rstrip(";")).to_dicts()))
    elif word == ".readme":
        say("\n".join(text for (text,) in corpus.rows(README)))
    else:
        say(HELP)
    return True
