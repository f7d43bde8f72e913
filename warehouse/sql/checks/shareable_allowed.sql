-- Nothing is shareable of an author who did not say yes, closed, or wants signed-in readers (R20).
select shareable.post_key
from intermediate.shareable as shareable
left join landed.post_versions as posts on shareable.post_key = posts.post_key
left join landed.author_wishes as wishes
    on
        posts.platform = wishes.platform
        and posts.author_pseudonym = wishes.author_pseudonym
        and wishes.wish = 'bulkDataset'
where
    coalesce(wishes.value, 'undeclared') <> 'allow'
    or posts.platform <> 'bluesky'
    or not posts.is_visible_logged_out
    or (posts.platform, posts.author_pseudonym) in (
        select (hidden.platform, hidden.author_pseudonym)
        from landed.hidden_authors as hidden
    );
