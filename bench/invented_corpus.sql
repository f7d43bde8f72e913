-- One chunk of an invented corpus, posts number `first` to `last` of `posts`, straight into landed.
-- Groups of eight posts: a root, up to seven replies, and roots without replies. Three fifths of
-- the groups are Reddit's. Everything follows from a post's number; nobody wrote any of it.
create or replace temp macro mixed(number, salt) as hash(xor(hash(number), hash(salt)));
create or replace temp macro chance(number, salt) as mixed(number, salt) / 18446744073709551616.0;

create or replace temp table drafts as
with numbered as (
    select
        number,
        number // 8 as thread,
        number % 8 as place,
        1 + cast(floor(chance(number // 8, 'size') * 8) as integer) as thread_size,
        case when number // 8 % 5 < 3 then 'reddit' else 'bluesky' end as platform
    from range(getvariable('first'), getvariable('last')) as numbers (number)
),

placed as (
    select
        *,
        place = 0 or place >= thread_size as is_root,
        case
            when place = 0 or place >= thread_size then number
            else thread * 8
        end as root,
        case
            when place = 0 or place >= thread_size then null
            when chance(number, 'deeper') < 0.35 then number - 1
            else thread * 8
        end as parent,
        chance(case when place < thread_size then thread else number end, 'time') as moment
    from numbered
)

select
    *,
    mixed(number, 'post') as post_key,
    md5(platform || '/' || case
        when not is_root and chance(number, 'own') < 0.12 then
            cast(floor(pow(chance(root, 'author'), 2) * getvariable('posts') / 12) as bigint)
        else cast(floor(pow(chance(number, 'author'), 2) * getvariable('posts') / 12) as bigint)
    end) as pseudonym,
    timestamp '2026-01-05' + to_seconds(cast(
        moment * 84 * 86400
        + case when is_root then 0 else -ln(1 - chance(number, 'wait')) * 5400 * place end
        as bigint
    )) as created_at,
    case
        when platform = 'reddit'
            then 'reddit/' || ['SmallHours', 'QuietPorch', 'LongWayRound', 'Kitchen', 'NightShift']
                [1 + cast(floor(chance(thread, 'venue') * 5) as integer)]
        when chance(thread, 'venue') < 0.25 then 'bluesky/feed_lanterns'
        else 'bluesky/network'
    end as community_key
from placed;

insert into landed.post_versions by name
select
    platform,
    post_key,
    mixed(number, 'version') as version_key,
    mixed(root, 'post') as thread_key,
    mixed(parent, 'post') as parent_key,
    case
        when platform = 'bluesky' then 'post'
        when is_root then 'submission' else 'comment'
    end as kind,
    is_root,
    pseudonym as author_pseudonym,
    community_key,
    case when is_root and platform = 'reddit' then 'The kettle and I, part ' || number end as title,
    list_aggregate(list_transform(
        range(8 + cast(chance(number, 'length') * 32 as bigint)),
        lambda w: getvariable('words')[
            1 + cast(floor(chance(number * 64 + w, 'word') * len(getvariable('words'))) as integer)
        ]
    ), 'string_agg', ' ') as text,
    case when chance(number, 'link') < 0.04
        then [['tip_jar', 'news', 'crowdfunding', 'support_service', 'other']
            [1 + cast(floor(chance(number, 'kind') * 5) as integer)]]
    else [] end as link_categories,
    case when platform = 'bluesky' then ['en'] else [] end as declared_languages,
    case when chance(number, 'language') < 0.04 then 'de' else 'en' end as language,
    8 + cast(chance(number, 'length') * 32 as bigint) as words_count,
    cast(chance(number, 'tags') * 1.3 as bigint) as hashtags_count,
    [] as masks,
    40 as scrubber_version,
    created_at,
    chance(number, 'clock') > 0.001 as is_created_at_plausible,
    created_at + interval 2 second as indexed_at,
    created_at + interval 40 minute as observed_at,
    chance(number, 'edited') < 0.03 as is_edited,
    false as is_nsfw,
    chance(number, 'signed') < 0.97 as is_visible_logged_out,
    'run' as run_id,
    platform as source,
    platform as stream,
    'synthetic' as route
from drafts
order by number;

insert into landed.engagement_snapshots by name
with looks as (
    select
        *,
        unnest(case when is_root then [0.9, 6.1, 24.2, 168.5] else [24.4] end) as age_hours
    from drafts
),

counted as (
    select
        *,
        cast(floor(
            (1 + 40 * pow(chance(number, 'fame'), 4))
            * (1 - exp(-age_hours / (4 + 20 * chance(number, 'pace'))))
        ) as bigint) as reactions
    from looks
)

select
    post_key,
    created_at + to_seconds(cast(age_hours * 3600 as bigint)) as observed_at,
    case when is_root then thread_size - 1 else 0 end as replies_count,
    case when platform = 'reddit' then reactions end as reddit_score,
    case when platform = 'reddit' then reactions // 30 end as reddit_crossposts_count,
    case when platform = 'bluesky' then reactions end as bluesky_likes_count,
    case when platform = 'bluesky' then reactions // 6 end as bluesky_reposts_count,
    case when platform = 'bluesky' then reactions // 15 end as bluesky_quotes_count,
    platform as source,
    'synthetic' as route
from counted;

insert into landed.duplicate_marks by name
select
    post_key,
    mixed(number - 8, 'post') as cluster_key,
    mixed(number - 8, 'post') as canonical_key,
    case when chance(number, 'kind of copy') < 0.4 then 'repost' else 'copypasta' end as kind,
    case when chance(number, 'match') < 0.5 then 'exact' else 'near' end as match,
    0.9 as similarity
from drafts
where number >= 8 and chance(number, 'copy') < 0.02 and chance(number - 8, 'copy') >= 0.02;
