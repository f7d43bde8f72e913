-- Every row stands under a known permission (R2); recorded test data are never drawn.
select posts.post_key
from landed.post_versions as posts
where
    posts.route not in (
        'bluesky_jetstream',
        'bluesky_appview',
        'reddit_rfr_export',
        'reddit_approved_api',
        'reddit_archive',
        'synthetic',
        'fixture'
    )
union all
select units.unit_key as post_key
from landed.units as units
inner join landed.post_versions as posts on units.unit_key = posts.post_key
where posts.route = 'fixture';
