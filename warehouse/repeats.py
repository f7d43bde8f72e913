"""Blind repeats: units that a coder codes once more after a while, in a round of their own.

The round is named after the one repeated and never the one that analysts read. Which units come
back to whom follows from a seed, so it is decided before anybody knows how they were coded.
"""

from datetime import datetime

from schema.vocabulary import UNIT_KINDS, UnitKind
from warehouse.clock import naive
from warehouse.connection import Warehouse

SUFFIX = "-b"
_KINDS = {kind: kind for kind in UNIT_KINDS}
# a number from 0 to 1 that hangs on the seed, the coder and the unit alone
_DUE = """
select distinct unit_kind, unit_key, coder
from landed.codings
where wave = $1 and round = $2 and codebook_version = $3 and unit_kind in ('root', 'reply')
    and coded_at <= $4
    and coder not in (select coder from landed.adjudicators)
    and unit_key not in (select unit_key from staging.stg_withheld_units)
    and annotation_id not in (select annotation_id from landed.retracted_annotations)
    and cast('0x' || left(sha256(concat_ws('|', $5, coder, unit_key)), 8) as ubigint)
        < $6 * 4294967296
order by all
"""


def save_repeats(
    warehouse: Warehouse,
    wave: str,
    round_: str,
    codebook_version: str,
    *,
    before: datetime,
    share: float,
    seed: int,
) -> dict[tuple[UnitKind, str], list[int]]:
    """Let a share of what each coder coded until `before` come back to them.

    Returns the units by kind and coder. They stand as units of the round's repeat, with the
    chances they were drawn with.
    """
    given = [wave, round_, codebook_version, naive(before), str(seed), share]
    due = warehouse.frame(_DUE, given)
    repeat = round_ + SUFFIX
    with warehouse.transaction(), warehouse.showing("due", due):
        warehouse.execute(
            "insert into landed.units by name "
            "select units.* replace ($2 || $3 as round) from landed.units "
            "semi join due using (unit_kind, unit_key) "
            "anti join (select * from landed.units where round = $2 || $3) as there "
            "using (wave, unit_kind, unit_key) "
            "where units.wave = $1 and units.round = $2",
            [wave, round_, SUFFIX],
        )
        # a draw of no unit: it is known to whoever closes tasks, and never the round that is read
        warehouse.execute(
            "insert into landed.draws "
            "select distinct $1, $2, unit_kind, $3::bigint, '{}', '', 0, 0 from due "
            "anti join (select * from landed.draws where wave = $1 and round = $2) as there "
            "using (unit_kind)",
            [wave, repeat, seed],
        )
    found: dict[tuple[UnitKind, str], list[int]] = {}
    for kind, key, coder in due.iter_rows():
        found.setdefault((_KINDS[kind], coder), []).append(key)
    return found
