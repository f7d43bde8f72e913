-- What accounts say of the reuse of their posts. Grain: platform, author_pseudonym and wish.
create or replace view staging.stg_author_wishes as
select
    platform,
    author_pseudonym,
    wish,
    value,
    declared_at,
    observed_at
from landed.author_wishes
where (platform, author_pseudonym) not in (
    select (hidden.platform, hidden.author_pseudonym)
    from landed.hidden_authors as hidden
);
