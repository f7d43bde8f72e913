-- Whatever hangs on a post goes with it.
with referring as (
    select
        'engagement_snapshots' as store,
        post_key
    from landed.engagement_snapshots
    union all
    select
        'superseded_versions' as store,
        post_key
    from landed.superseded_versions
    union all
    select
        'duplicate_marks' as store,
        post_key
    from landed.duplicate_marks
    union all
    select
        'duplicate_marks' as store,
        canonical_key as post_key
    from landed.duplicate_marks
    union all
    select
        'duplicate_sketches' as store,
        post_key
    from landed.duplicate_sketches
    union all
    select
        'thread_reads' as store,
        post_key
    from landed.thread_reads
    union all
    select
        'post_labels' as store,
        post_key
    from landed.post_labels
    union all
    select
        'thread_context' as store,
        post_key
    from landed.thread_context
    union all
    select
        'quote_reads' as store,
        post_key
    from landed.quote_reads
    union all
    select
        'interactions' as store,
        post_key
    from landed.interactions
    union all
    select
        'interaction_reads' as store,
        post_key
    from landed.interaction_reads
    union all
    select
        'units' as store,
        unit_key as post_key
    from landed.units
    where unit_kind not in ('timeline', 'community')
    union all
    select
        'frames' as store,
        unit_key as post_key
    from landed.frames
    where unit_kind not in ('timeline', 'community')
)

select
    referring.store,
    referring.post_key
from referring
left join landed.post_versions as posts on referring.post_key = posts.post_key
where posts.post_key is null;
