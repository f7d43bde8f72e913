-- The venue whose root posts an interval holds whole, or lacks: platform/venue, `platform/*` for
-- every venue; null where only some posts were picked out.
alter table landed.coverage add column community_key varchar;

-- Through which source and permission a post's counts were learned.
alter table landed.engagement_snapshots add column source varchar;
alter table landed.engagement_snapshots add column route varchar;
update landed.engagement_snapshots
set source = posts.source, route = posts.route
from landed.post_versions as posts
where engagement_snapshots.post_key = posts.post_key;
