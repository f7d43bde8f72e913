"""Rules F: purpose, models, and how long anything is kept."""

from annotation.safety_log import count_expired
from flows.permission import ended_permissions
from flows.rules import Evidence, Outcome, failed, judged, passed
from warehouse import store

MODEL_ENDINGS = frozenset({".safetensors", ".pt", ".pth", ".onnx", ".gguf", ".joblib", ".faiss"})


def no_models(evidence: Evidence) -> Outcome:
    """R22: no table holds embeddings, and no model file lies in the study."""
    files = [
        p for p in evidence.workspace.directory.rglob("*") if p.suffix.lower() in MODEL_ENDINGS
    ]
    return judged(
        {
            "columns of embeddings": store.count_offending(evidence.rows, "no_embeddings"),
            "files of models": len(files),
        },
        "no embedding is stored and no model lies in the study; the program trains none",
        "delete them: no model is made from Reddit's texts",
    )


def old_enough(evidence: Evidence) -> Outcome:
    """R23: nothing too young is in a coding round, and nothing is kept too long."""
    study, now = evidence.workspace.study, evidence.workspace.now()
    young = store.count_young_units(evidence.rows, study.policy.minimum_age_days)
    if young:
        days = study.policy.minimum_age_days
        return failed(f"{young} units are younger than {days} days: push once they are older")
    old = store.old_texts(evidence.rows, now=now, months=study.policy.text_months)
    ended = store.no_longer_permitted(evidence.rows, set(ended_permissions(evidence.workspace)))
    late = judged(
        {
            "texts are older than policy.text_months": len(old),
            "posts of Reddit are held after their permission ended": len(ended),
            "lines of the safety log are older than 90 days": count_expired(
                evidence.workspace.safety_log, now=now
            ),
        },
        "no unit is too young, nothing is kept too long",
        "run `confide retain`",
    )
    looser = study.policy.looser_keys()
    if late.verdict == "pass" and looser:
        return passed(f"{late.why}; looser by the study's own reason: {', '.join(looser)}")
    return late
