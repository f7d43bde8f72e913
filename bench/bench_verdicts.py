"""What verdicts and views cost on a large corpus of which little is coded.

`python -m bench.bench_verdicts [POSTS] [FOLDER]` invents a warehouse of that many posts (one
million), 50,000 labels among them, judges every claim, publishes, and reads each view and each
claim's estimate from the published file. Every line is a process of its own: wall seconds, CPU
seconds and its greatest memory (Linux). Aim: all verdicts under 60 s at 10 million on two cores.
"""

import resource
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from annotation.codebook import load_codebook
from schema.codebook import Codebook
from warehouse import store
from warehouse.corpus import open_corpus
from warehouse.models import VIEWS
from warehouse.publish import publish

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ROOTS, REPLIES, TIMELINES = 1_500, 2_700, 300  # coded units: 17 and 9 codes each, 50,000 labels
_POSTS = """
insert into landed.post_versions by name
select
    case when i // 10 % 2 = 0 then 'reddit' else 'bluesky' end as platform,
    i + 1 as post_key,
    i + 1 as version_key,
    i - i % 10 + 1 as thread_key,
    case when i % 10 > 0 then i end as parent_key,
    case when i % 10 = 0 then 'submission' else 'comment' end as kind,
    i % 10 = 0 as is_root,
    case when i % 10 = 0
        then printf('%016x%016x', i // 10 % ($1 // 60) + 1, 0)
        else printf('%016x%016x', i + 10000000000, 0)
    end as author_pseudonym,
    case when i // 10 % 2 = 0 then 'reddit/c' else 'bluesky/c' end || i // 10 % 40
        as community_key,
    case when i % 10 = 0 then 'a title' end as title,
    'the kettle clicked off and nobody came, so I watched the window for a while ' || i as text,
    'en' as language,
    [] as link_categories,
    ['en'] as declared_languages,
    15 as words_count,
    0 as hashtags_count,
    [] as masks,
    1 as scrubber_version,
    timestamp '2026-01-05' + to_microseconds(i * (100 * 86400000000 // $1)) as created_at,
    true as is_created_at_plausible,
    timestamp '2026-05-01' as observed_at,
    false as is_edited,
    false as is_nsfw,
    true as is_visible_logged_out,
    'r' as run_id, 's' as source, 's' as stream, 'synthetic' as route
from range($1) as rows (i)
"""
_LOOKS = """
insert into landed.engagement_snapshots by name
select
    post_key,
    created_at + to_hours(age) as observed_at,
    2 as replies_count,
    case when platform = 'reddit' then cast(hash(post_key, age) % 90 as bigint) end as reddit_score,
    case when platform = 'reddit' then 0 end as reddit_crossposts_count,
    case when platform = 'bluesky' then cast(hash(post_key, age) % 90 as bigint) end
        as bluesky_likes_count,
    case when platform = 'bluesky' then 1 end as bluesky_reposts_count,
    case when platform = 'bluesky' then 0 end as bluesky_quotes_count,
    's' as source, 'synthetic' as route
from landed.post_versions cross join (select unnest([1, 24]) as age)
where is_root
"""
_UNITS = """
insert into landed.units by name
with threads as (
    select distinct (n * ($1 // 10 // $2)) * 10 as first_post from range($2) as rows (n)
),
drawn as (
    select 'root' as unit_kind, first_post + 1 as unit_key from threads
    union all
    select 'reply', first_post + 1 + place
    from threads cross join (select unnest(range(1, 10)) as place)
    where place <= $3 // $2 + 1
    union all
    select 'timeline', number from (select unnest(range(1, $4 + 1)) as number)
)
select
    'W1' as wave, 'R1' as round, unit_kind, unit_key, unit_key as version_key, 'all' as stratum,
    0.5 as inclusion_probability, 2.0 as weight, timestamp '2026-05-02' as drawn_at
from drawn
"""
_CODINGS = """
insert into landed.codings by name
select
    units.wave, units.round, units.unit_kind, units.unit_key, units.version_key, 'c1' as coder,
    code_id, cast(units.unit_key as bigint) as annotation_id, timestamp '2026-05-03' as revised_at,
    cast(hash(units.unit_key, code_id) % 2 as integer) as value, 3 as certainty,
    $1 as codebook_version, timestamp '2026-05-03' as coded_at
from landed.units as units
inner join (select unnest($2) as code_id, 'root' as unit_kind
    union all select unnest($3), 'reply') using (unit_kind)
"""


def invent(path: Path, posts: int, book: Codebook) -> None:
    """Fill a warehouse by SQL alone: what is measured is reading it."""
    reply_codes = [c.id for c in book.codes_for("reply") if c.layer in ("reply", "follow_up")]
    root_codes = [c.id for c in book.codes_for("root") if c.id.startswith("theme_")]
    root_codes += [c for c in book.coverage.terms if c != "social_validation_loop"]
    with store.open_warehouse(path, now=NOW) as warehouse:
        warehouse.execute(_POSTS, [posts])
        warehouse.execute(_LOOKS)
        store.save_codebook(warehouse, book)
        store.set_current_round(warehouse, "W1", "R1", book.version)
        warehouse.execute(_UNITS, [posts, ROOTS, REPLIES, TIMELINES])
        warehouse.execute(_CODINGS, [book.version, root_codes, reply_codes])
        warehouse.execute(
            "insert into landed.agreement by name select 'W1' as wave, 'R1' as round, "
            "codebook_version, code_id, 'ordinal' as level, 0.9 as alpha, 0.85 as alpha_low, "
            "0.95 as alpha_high, 90 as n_units, 3 as n_coders, floor, true as is_floor_met, "
            "timestamp '2026-05-04' as measured_at from landed.codebook_codes"
        )


def measured(path: Path, what: str) -> None:
    """Do one thing, then print wall and CPU seconds and the greatest memory in MiB."""
    began = perf_counter()
    if what == "verdicts":
        with store.open_warehouse(path, now=NOW) as warehouse:
            store.compute_verdicts(warehouse, now=NOW)
    elif what == "publish":
        publish(path, path.parent / "published" / "corpus.duckdb", now=NOW)
    else:
        with open_corpus(path.parent / "published" / "corpus.duckdb") as corpus:
            corpus.execute(what).fetchall()
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = perf_counter() - began
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if "HWM" in line]
    print(f"{seconds:.2f} {used.ru_utime + used.ru_stime:.2f} {int(peak.split()[1]) / 1024:.0f}")


def cost(path: Path, what: str) -> tuple[float, float, float]:
    """Measure one thing in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.bench_verdicts", "--one", str(path), what],
        capture_output=True,
        text=True,
        check=True,
    )
    wall, cpu, memory = map(float, done.stdout.split())
    return wall, cpu, memory


def main(arguments: list[str]) -> None:
    """Print a line a measurement."""
    if arguments[:1] == ["--one"]:
        return measured(Path(arguments[1]), arguments[2])
    posts = int(arguments[0]) if arguments else 1_000_000
    book = load_codebook()
    with TemporaryDirectory(dir=arguments[1] if len(arguments) > 1 else None) as folder:
        path = Path(folder) / "warehouse.duckdb"
        invent(path, posts, book)
        work = {"all verdicts": "verdicts", "publish": "publish"}
        work |= {f"view {name}": f"create temp table x as from {name}" for name in VIEWS}
        for label, what in work.items():
            wall, cpu, memory = cost(path, what)
            print(f"{posts:,} posts, {label}: {wall:.1f} s, CPU {cpu:.1f} s, {memory:,.0f} MiB")
        claims = [(c.id, c.kind) for c in book.claims if c.is_testable]
        walls = {
            name: cost(path, f"from est_{kind}('claim_{name.lower()}')") for name, kind in claims
        }
        slowest = max(walls, key=lambda name: walls[name][0])
        print(
            f"{posts:,} posts, a claim's estimate from the published file: median "
            f"{median(wall for wall, *_ in walls.values()):.1f} s, slowest {slowest} with "
            f"{walls[slowest][0]:.1f} s, at most {max(m for *_, m in walls.values()):,.0f} MiB"
        )
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
